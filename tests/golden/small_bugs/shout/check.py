import sys

from faulty import shout

for arguments, expected in [
    (('hello',), 'HELLO!'),
    (('',), '!'),
]:
    call = f"shout({', '.join(map(repr, arguments))})"
    try:
        got = shout(*arguments)
    except Exception as error:
        sys.exit(f"{call} raised {type(error).__name__}: {error}")
    if got != expected:
        sys.exit(f"{call} returned {got!r}, expected {expected!r}")
