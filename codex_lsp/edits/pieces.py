"""What became of a text, step by step, where some steps were the person's and some were ours.

Nothing is read from texts here: every step is known. So the text that the person alone would have
is known as well, whatever our steps took away or put in the wrong place.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from codex_lsp.edits.diff import joined
from codex_lsp.edits.text import TextEdit


@dataclass(frozen=True, slots=True)
class _Piece:
    """`text` of the base from offset `base`, or added (-1). `hidden`: we took it away."""

    base: int
    text: str
    ours: bool = False
    hidden: bool = False

    def cut(self, at: int) -> tuple[_Piece, _Piece]:
        rest = self.base + at if self.base >= 0 else -1
        return replace(self, text=self.text[:at]), replace(self, base=rest, text=self.text[at:])


class Pieces:
    """A base text and the steps since, each placed in the text that the steps before it made."""

    def __init__(self, base: str) -> None:
        self._length = len(base)
        self._pieces = [_Piece(0, base)]

    def replace(self, start: int, end: int, new: str, *, ours: bool) -> None:
        """One step."""
        first = last = self._cut(start)
        if end > start:
            last = self._cut(end)
            while self._pieces[first].hidden:  # is beside what goes, not in it
                first += 1
        # What we take away stays, hidden. What the person deletes goes, and what we had hidden
        # inside of it would have gone as well.
        gone = self._pieces[first:last] if ours else []
        stay = [replace(piece, hidden=True) for piece in gone if not piece.ours]
        added = [_Piece(-1, new, ours=ours)] if new else []
        self._pieces[first:last] = added + stay

    def person(self) -> str:
        """The text that the person alone would have."""
        return "".join(piece.text for piece in self._pieces if not piece.ours)

    def typed(self) -> tuple[TextEdit, ...]:
        """The person's steps as edits of the base, sorted and disjoint."""
        edits: list[TextEdit] = []
        at, new = 0, ""
        for piece in [*self._pieces, _Piece(self._length, "")]:
            if piece.ours:
                continue
            if piece.base < 0:
                new += piece.text
                continue
            if piece.base > at or new:
                edits.append(TextEdit(at, piece.base, new))
            at, new = piece.base + len(piece.text), ""
        return joined(edits)

    def _cut(self, at: int) -> int:
        """The number of the piece that begins at offset `at` of the text as it is."""
        seen = 0
        for number, piece in enumerate(self._pieces):
            if seen >= at:
                return number
            if piece.hidden:
                continue
            if seen + len(piece.text) > at:
                self._pieces[number : number + 1] = piece.cut(at - seen)
                return number + 1
            seen += len(piece.text)
        return len(self._pieces)
