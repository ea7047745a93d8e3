"""Who changed what: for each turn, how each of its changes is taken back.

What is kept is the text right after a change and the edits that lead back, so that a change can be
taken back under whatever was typed since. Kept in memory; the oldest turns go first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from codex_lsp.edits.text import TextEdit

MOST_TURNS = 50
MOST_CHARACTERS = 64_000_000


@dataclass(frozen=True, slots=True)
class Reversal:
    """`edits`, on `base`, take a change of a file back."""

    path: Path
    base: str
    edits: tuple[TextEdit, ...]


@dataclass(frozen=True, slots=True)
class Creation:
    """The file was made, with this text: taking it back removes it."""

    path: Path
    text: str


@dataclass(frozen=True, slots=True)
class Removal:
    """The file was removed, with this text: taking it back makes it again.

    `mode` are its permission bits, `saved` what the disk held where the text was not saved yet.
    """

    path: Path
    text: str
    mode: int | None = None
    saved: str | None = None


@dataclass(frozen=True, slots=True)
class Relocation:
    """The file was moved to `path`, with this text: taking it back moves it to `to`."""

    path: Path
    to: Path
    text: str
    saved: str | None = None


Undo = Reversal | Creation | Removal | Relocation


@dataclass(slots=True)
class Turn:
    """The changes of one turn, oldest first; `undone`: they were taken back, and may be redone."""

    id: str
    undos: list[Undo] = field(default_factory=list)
    undone: bool = False

    @property
    def paths(self) -> list[Path]:
        """The files that it changed, each once."""
        return list(dict.fromkeys(undo.path for undo in self.undos))


class Ledger:
    """The turns of one window that changed something, oldest first."""

    def __init__(self) -> None:
        self._turns: dict[str, Turn] = {}

    def note(self, turn_id: str, undo: Undo, *, undone: bool = False) -> None:
        """A change of the turn was made (or, if `undone`, waits to be made again)."""
        self._turns.setdefault(turn_id, Turn(turn_id, undone=undone)).undos.append(undo)
        while len(self._turns) > 1 and self._too_much():
            del self._turns[next(iter(self._turns))]

    def settle(self, turn: Turn, undos: Sequence[Undo], *, undone: bool) -> None:
        """The turn was undone or redone; `undos` lead back from there, oldest first."""
        turn.undos = list(undos)
        turn.undone = undone

    def find(self, turn_id: str | None, *, undone: bool) -> Turn | None:
        """The turn of that id, or the newest one, that is `undone` or is not."""
        found = [
            turn
            for turn in self._turns.values()
            if turn.undone == undone and turn.undos and turn_id in {None, turn.id}
        ]
        return found[-1] if found else None

    def touches(self, path: Path) -> bool:
        """Whether there is a turn that changed `path` and is not undone."""
        return any(path in turn.paths for turn in self._turns.values() if not turn.undone)

    def _too_much(self) -> bool:
        sizes = [_size(undo) for turn in self._turns.values() for undo in turn.undos]
        return len(self._turns) > MOST_TURNS or sum(sizes) > MOST_CHARACTERS


def _size(undo: Undo) -> int:
    return len(undo.base) if isinstance(undo, Reversal) else len(undo.text)
