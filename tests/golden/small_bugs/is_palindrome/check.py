import sys

from faulty import is_palindrome

for arguments, expected in [
    (("anna",), True),
    (("ann",), False),
]:
    call = f"is_palindrome({', '.join(map(repr, arguments))})"
    try:
        got = is_palindrome(*arguments)
    except Exception as error:
        sys.exit(f"{call} raised {type(error).__name__}: {error}")
    if got != expected:
        sys.exit(f"{call} returned {got!r}, expected {expected!r}")
