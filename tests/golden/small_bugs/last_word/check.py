import sys

from faulty import last_word

for arguments, expected in [
    (("one two three",), "three"),
]:
    call = f"last_word({', '.join(map(repr, arguments))})"
    try:
        got = last_word(*arguments)
    except Exception as error:
        sys.exit(f"{call} raised {type(error).__name__}: {error}")
    if got != expected:
        sys.exit(f"{call} returned {got!r}, expected {expected!r}")
