import sys

from faulty import average

for arguments, expected in [
    (([2, 4],), 3),
    (([],), 0),
]:
    call = f"average({', '.join(map(repr, arguments))})"
    try:
        got = average(*arguments)
    except Exception as error:
        sys.exit(f"{call} raised {type(error).__name__}: {error}")
    if got != expected:
        sys.exit(f"{call} returned {got!r}, expected {expected!r}")
