import sys

from faulty import sum_of_squares

for arguments, expected in [
    (([1, 2, 3],), 14),
    (([],), 0),
]:
    call = f"sum_of_squares({', '.join(map(repr, arguments))})"
    try:
        got = sum_of_squares(*arguments)
    except Exception as error:
        sys.exit(f"{call} raised {type(error).__name__}: {error}")
    if got != expected:
        sys.exit(f"{call} returned {got!r}, expected {expected!r}")
