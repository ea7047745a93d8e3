import sys

from faulty import perimeter

for arguments, expected in [
    ((3, 4), 14),
    ((1, 1), 4),
]:
    call = f"perimeter({', '.join(map(repr, arguments))})"
    try:
        got = perimeter(*arguments)
    except Exception as error:
        sys.exit(f"{call} raised {type(error).__name__}: {error}")
    if got != expected:
        sys.exit(f"{call} returned {got!r}, expected {expected!r}")
