import sys

from faulty import initials

for arguments, expected in [
    (("ada lovelace",), "AL"),
]:
    call = f"initials({', '.join(map(repr, arguments))})"
    try:
        got = initials(*arguments)
    except Exception as error:
        sys.exit(f"{call} raised {type(error).__name__}: {error}")
    if got != expected:
        sys.exit(f"{call} returned {got!r}, expected {expected!r}")
