"""Prints the notes of a version, from CHANGELOG.md: `python -m release.notes 0.1.0`."""

from __future__ import annotations

import re
import sys
from pathlib import Path

CHANGELOG = Path(__file__).parents[1] / "CHANGELOG.md"


def notes(text: str, version: str) -> str:
    """The section of `version` (or `Unreleased`) without its heading; raises `KeyError`."""
    heading = re.compile(rf"^## \[{re.escape(version)}\].*\n", re.MULTILINE)
    found = heading.search(text)
    if found is None:
        raise KeyError(version)
    rest = text[found.end() :]
    end = re.search(r"^## \[", rest, re.MULTILINE)
    return rest[: end.start() if end else None].strip() + "\n"


def main() -> int:
    """Print them; returns the exit code."""
    version = sys.argv[1] if len(sys.argv) > 1 else "Unreleased"
    try:
        print(notes(CHANGELOG.read_text("utf-8"), version), end="")
    except KeyError:
        print(f"CHANGELOG.md has no section for {version}.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
