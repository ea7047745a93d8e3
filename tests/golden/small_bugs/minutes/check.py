import sys

from faulty import minutes

for arguments, expected in [
    ((120,), 2),
    ((59,), 0),
]:
    call = f"minutes({', '.join(map(repr, arguments))})"
    try:
        got = minutes(*arguments)
    except Exception as error:
        sys.exit(f"{call} raised {type(error).__name__}: {error}")
    if got != expected:
        sys.exit(f"{call} returned {got!r}, expected {expected!r}")
