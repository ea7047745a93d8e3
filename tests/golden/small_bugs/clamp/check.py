import sys

from faulty import clamp

for arguments, expected in [
    ((5, 0, 10), 5),
    ((-3, 0, 10), 0),
    ((42, 0, 10), 10),
]:
    call = f"clamp({', '.join(map(repr, arguments))})"
    try:
        got = clamp(*arguments)
    except Exception as error:
        sys.exit(f"{call} raised {type(error).__name__}: {error}")
    if got != expected:
        sys.exit(f"{call} returned {got!r}, expected {expected!r}")
