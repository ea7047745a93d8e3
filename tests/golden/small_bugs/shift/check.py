import sys

from faulty import shift

for arguments, expected in [
    (([1, 2, 3],), [2, 3, 1]),
    (([1, 2],), [2, 1]),
]:
    call = f"shift({', '.join(map(repr, arguments))})"
    try:
        got = shift(*arguments)
    except Exception as error:
        sys.exit(f"{call} raised {type(error).__name__}: {error}")
    if got != expected:
        sys.exit(f"{call} returned {got!r}, expected {expected!r}")
