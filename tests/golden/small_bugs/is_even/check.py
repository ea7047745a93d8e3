import sys

from faulty import is_even

for arguments, expected in [
    ((4,), True),
    ((3,), False),
]:
    call = f"is_even({', '.join(map(repr, arguments))})"
    try:
        got = is_even(*arguments)
    except Exception as error:
        sys.exit(f"{call} raised {type(error).__name__}: {error}")
    if got != expected:
        sys.exit(f"{call} returned {got!r}, expected {expected!r}")
