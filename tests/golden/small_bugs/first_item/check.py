import sys

from faulty import first_item

for arguments, expected in [
    ((['only'],), 'only'),
    (([1, 2, 3],), 1),
]:
    call = f"first_item({', '.join(map(repr, arguments))})"
    try:
        got = first_item(*arguments)
    except Exception as error:
        sys.exit(f"{call} raised {type(error).__name__}: {error}")
    if got != expected:
        sys.exit(f"{call} returned {got!r}, expected {expected!r}")
