import sys

from faulty import join_names

for arguments, expected in [
    ((['Ada', 'Bob'],), 'Ada, Bob'),
    ((['Ada'],), 'Ada'),
]:
    call = f"join_names({', '.join(map(repr, arguments))})"
    try:
        got = join_names(*arguments)
    except Exception as error:
        sys.exit(f"{call} raised {type(error).__name__}: {error}")
    if got != expected:
        sys.exit(f"{call} returned {got!r}, expected {expected!r}")
