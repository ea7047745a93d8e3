import sys

from faulty import count_vowels

for arguments, expected in [
    (("sunny audio",), 5),
]:
    call = f"count_vowels({', '.join(map(repr, arguments))})"
    try:
        got = count_vowels(*arguments)
    except Exception as error:
        sys.exit(f"{call} raised {type(error).__name__}: {error}")
    if got != expected:
        sys.exit(f"{call} returned {got!r}, expected {expected!r}")
