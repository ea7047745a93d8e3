"""Who changed what: every place that a turn changed, or wants to change, and what became of it.

A hunk keeps what can be done with it next, with the text that this was made for, so that it can be
moved over whatever was typed since. Kept in memory; the oldest turns go first.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from codex_lsp.edits.text import TextEdit
from codex_lsp.workspace.raw import Thing

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


@dataclass(frozen=True, slots=True)
class Swap:
    """What is no text was put at `path`: taking it back puts `to` in place of `there`.

    None is nothing. What is in a file is not kept here, but in a file of its own.
    """

    path: Path
    there: Thing | None
    to: Thing | None


Undo = Reversal | Creation | Removal | Relocation | Swap


class State(Enum):
    """What became of a hunk."""

    PROPOSED = "proposed"  # waits for the person
    SENT = "sent"  # on its way to the editor
    LANDED = "landed"  # in the text, proven
    UNDONE = "undone"  # taken back; may be made again
    REFUSED = "refused"  # could not be made: the text there is no longer what it was made for
    DROPPED = "dropped"  # the person does not want it
    SUPERSEDED = "superseded"  # a newer one has its place, or the text has it already


@dataclass(frozen=True, slots=True)
class Hunk:
    """One place of a turn's change: edits of lines next to each other, or a whole file.

    `step` is what can be done with it next. It takes a landed hunk back; of any other it makes the
    change, which is to take back that it was not made: a new file is a `Removal` to take back.
    `reason` says why the state is what it is, where that has to be said.
    """

    id: str
    turn: str
    state: State
    step: Undo
    reason: str = ""

    @property
    def path(self) -> Path:
        """The file that it is about."""
        return self.step.path


class Ledger:
    """The hunks of one window, oldest first."""

    def __init__(self) -> None:
        self._hunks: dict[str, Hunk] = {}
        self._ids = itertools.count(1)

    def propose(self, turn: str, step: Undo) -> list[Hunk]:
        """A turn wants a change: its hunks, which nothing has been done with yet."""
        made = [
            Hunk(f"hunk-{next(self._ids)}", turn, State.PROPOSED, part) for part in _parts(step)
        ]
        self._hunks.update((hunk.id, hunk) for hunk in made)
        self._forget_old()
        return made

    def put(self, hunk: Hunk) -> None:
        """The hunk of that id is like this now."""
        if hunk.id in self._hunks:
            self._hunks[hunk.id] = hunk

    def find(self, hunk_id: str) -> Hunk | None:
        """The hunk of that id."""
        return self._hunks.get(hunk_id)

    def hunks(
        self, *states: State, path: Path | None = None, turn: str | None = None
    ) -> list[Hunk]:
        """The hunks in one of `states` (any, if none is named), of a file, of a turn."""
        return [
            hunk
            for hunk in self._hunks.values()
            if (not states or hunk.state in states)
            and path in {None, hunk.path}
            and turn in {None, hunk.turn}
        ]

    def newest(
        self, *states: State, path: Path | None = None, turn: str | None = None
    ) -> list[Hunk]:
        """Those of `hunks` that are of the newest turn among them."""
        found = self.hunks(*states, path=path, turn=turn)
        return [hunk for hunk in found if hunk.turn == found[-1].turn]

    def _forget_old(self) -> None:
        """What waits for the person is never forgotten, nor is the newest turn."""
        turns = list(dict.fromkeys(hunk.turn for hunk in self._hunks.values()))
        busy = {hunk.turn for hunk in self.hunks(State.PROPOSED, State.SENT)} | {turns[-1]}
        for turn in turns:
            if len(turns) <= MOST_TURNS and self._size() <= MOST_CHARACTERS:
                return
            if turn not in busy:
                turns = [other for other in turns if other != turn]
                self._hunks = {hunk.id: hunk for hunk in self._hunks.values() if hunk.turn != turn}

    def _size(self) -> int:
        """Characters that are kept; hunks of one change share a text."""
        texts = [_text(hunk.step) for hunk in self._hunks.values()]
        return sum(len(text) for text in {id(text): text for text in texts}.values())


def _text(step: Undo) -> str:
    match step:
        case Reversal(base=text) | Creation(text=text) | Removal(text=text) | Relocation(text=text):
            return text
        case Swap():
            return ""


def _parts(step: Undo) -> Iterator[Undo]:
    """One step for each place; edits of lines next to each other stay together."""
    if not isinstance(step, Reversal):
        yield step
        return
    group: list[TextEdit] = []
    for edit in step.edits:
        if group and step.base.count("\n", group[-1].end, edit.start) > 1:
            yield _part(step, group)
            group = []
        group.append(edit)
    if group:
        yield _part(step, group)


def _part(step: Reversal, edits: Sequence[TextEdit]) -> Reversal:
    return Reversal(step.path, step.base, tuple(edits))
