import sys

from faulty import power

for arguments, expected in [
    ((2, 5), 32),
    ((7, 0), 1),
]:
    call = f"power({', '.join(map(repr, arguments))})"
    try:
        got = power(*arguments)
    except Exception as error:
        sys.exit(f"{call} raised {type(error).__name__}: {error}")
    if got != expected:
        sys.exit(f"{call} returned {got!r}, expected {expected!r}")
