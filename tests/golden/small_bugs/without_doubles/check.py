import sys

from faulty import without_doubles

for arguments, expected in [
    (([1, 2, 1],), [1, 2]),
]:
    call = f"without_doubles({', '.join(map(repr, arguments))})"
    try:
        got = without_doubles(*arguments)
    except Exception as error:
        sys.exit(f"{call} raised {type(error).__name__}: {error}")
    if got != expected:
        sys.exit(f"{call} returned {got!r}, expected {expected!r}")
