"""A document as an editor holds it: text, version, undo steps and changes not yet announced.

Positions are converted here, apart from the server's own code, so that a mistake there shows.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

LINE_END = re.compile(r"\r\n|\r|\n")
UNIT = {"utf-8": 1, "utf-16": 2, "utf-32": 4}
CODEC = {"utf-8": "utf-8", "utf-16": "utf-16-le", "utf-32": "utf-32-le"}


class Misplaced(Exception):
    """A position that does not exist in the text."""


@dataclass(slots=True)
class Document:
    """An open document. Offsets count code points; positions are those of `encoding`."""

    path: Path
    uri: str
    text: str
    version: int
    encoding: str
    first_step: int = 1
    undo_steps: list[str] = field(default_factory=list)
    unsent: list[dict[str, Any]] = field(default_factory=list)

    def replace(self, pieces: list[tuple[int, int, str]]) -> None:
        """Replace the disjoint stretches `(start, end, new)` at once, as one undo step."""
        self.undo_steps.append(self.text)
        self._change(pieces)

    def undo(self) -> None:
        """Take back the last step."""
        self._change([(0, len(self.text), self.undo_steps.pop())])

    def _change(self, pieces: list[tuple[int, int, str]]) -> None:
        # From the end backwards, no piece moves the place of another.
        for start, end, new in sorted(pieces, reverse=True):
            span = {"start": self.position(start), "end": self.position(end)}
            self.unsent.append({"range": span, "text": new})
            self.text = self.text[:start] + new + self.text[end:]
        # Neovim's first version is 0, and each later one the buffer's tick, which is past 2 then.
        self.version += self.first_step if self.version == 0 else 1

    def position(self, offset: int) -> dict[str, int]:
        """The line and character of an offset."""
        line, start = 0, 0
        for match in LINE_END.finditer(self.text):
            if match.end() > offset:
                break
            line, start = line + 1, match.end()
        prefix = self.text[start:offset]
        return {"line": line, "character": _width(prefix, self.encoding)}

    def offset(self, position: dict[str, int]) -> int:
        """The offset of a position, which must exist: an editor would guess, a test must not."""
        starts = [0, *(match.end() for match in LINE_END.finditer(self.text))]
        if not 0 <= position["line"] < len(starts):
            if position == {"line": len(starts), "character": 0}:
                return len(self.text)
            raise Misplaced(f"no such line: {position}")
        start = starts[position["line"]]
        end = LINE_END.search(self.text, start)
        line = self.text[start : end.start() if end else len(self.text)]
        encoded = line.encode(CODEC[self.encoding])
        at = position["character"] * UNIT[self.encoding]
        if not 0 <= at <= len(encoded):
            raise Misplaced(f"beyond the end of the line: {position} in {line!r}")
        try:
            return start + len(encoded[:at].decode(CODEC[self.encoding]))
        except UnicodeDecodeError as error:
            raise Misplaced(f"in the middle of a character: {position} in {line!r}") from error


def _width(text: str, encoding: str) -> int:
    return len(text.encode(CODEC[encoding])) // UNIT[encoding]
