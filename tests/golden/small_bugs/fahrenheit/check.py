import sys

from faulty import fahrenheit

for arguments, expected in [
    ((100,), 212),
]:
    call = f"fahrenheit({', '.join(map(repr, arguments))})"
    try:
        got = fahrenheit(*arguments)
    except Exception as error:
        sys.exit(f"{call} raised {type(error).__name__}: {error}")
    if got != expected:
        sys.exit(f"{call} returned {got!r}, expected {expected!r}")
