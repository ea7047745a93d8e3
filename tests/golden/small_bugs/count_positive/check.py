import sys

from faulty import count_positive

for arguments, expected in [
    (([3, -1, 4],), 2),
    (([0],), 0),
    (([],), 0),
]:
    call = f"count_positive({', '.join(map(repr, arguments))})"
    try:
        got = count_positive(*arguments)
    except Exception as error:
        sys.exit(f"{call} raised {type(error).__name__}: {error}")
    if got != expected:
        sys.exit(f"{call} returned {got!r}, expected {expected!r}")
