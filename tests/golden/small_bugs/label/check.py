import sys

from faulty import label

for arguments, expected in [
    (('apples', 3), 'apples: 3'),
    (('', 0), ': 0'),
]:
    call = f"label({', '.join(map(repr, arguments))})"
    try:
        got = label(*arguments)
    except Exception as error:
        sys.exit(f"{call} raised {type(error).__name__}: {error}")
    if got != expected:
        sys.exit(f"{call} returned {got!r}, expected {expected!r}")
