"""The search itself, as a program of its own: a pattern of the model may take for ever, and only a
process can be stopped in the middle of one. Standard library alone; started by `search`.

Reads one JSON object, {pattern, flags, texts: [[name, text]], files: [[name, path]], largest}, from
stdin, and writes one JSON list [name, line from 1, text] a line for each line that matches.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

SHOWN = 300
"""Characters of a line that are told."""


def main() -> int:
    """Search, and write what is found as it is found."""
    asked = json.load(sys.stdin)
    pattern = re.compile(asked["pattern"], asked["flags"])
    for name, text in asked["texts"]:
        _tell(pattern, name, text)
    for name, path in asked["files"]:
        if (text := _read(Path(path), asked["largest"])) is not None:
            _tell(pattern, name, text)
    return 0


def _tell(pattern: re.Pattern[str], name: str, text: str) -> None:
    for number, line in enumerate(re.split(r"\r\n|\n|\r", text), start=1):
        if (match := pattern.search(line)) is not None:
            start = max(match.start() - SHOWN // 3, 0)
            json.dump([name, number, line[start : start + SHOWN]], sys.stdout)
            sys.stdout.write("\n")
            sys.stdout.flush()


def _read(path: Path, largest: int) -> str | None:
    """The text of a file; None for what is no text."""
    try:
        with path.open("rb") as file:
            data = file.read(largest + 1)
    except OSError:
        return None
    if len(data) > largest or b"\0" in data:
        return None
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return None


if __name__ == "__main__":
    sys.exit(main())
