import sys

from faulty import factorial

for arguments, expected in [
    ((4,), 24),
    ((1,), 1),
]:
    call = f"factorial({', '.join(map(repr, arguments))})"
    try:
        got = factorial(*arguments)
    except Exception as error:
        sys.exit(f"{call} raised {type(error).__name__}: {error}")
    if got != expected:
        sys.exit(f"{call} returned {got!r}, expected {expected!r}")
