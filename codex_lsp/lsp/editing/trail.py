"""Where an edit went, read from the changes that the client reported one by one.

Some clients make an edit at its positions whatever was typed since (those that know no versions,
and VS Code until May 2026, if a key came between its check and its edit). The text alone cannot
tell that from typing; the steps can. What was put in the wrong place is known then, and so is the
text as it should be.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from codex_lsp.edits.diff import diff
from codex_lsp.edits.pieces import Pieces
from codex_lsp.edits.rebase import Conflict, carry
from codex_lsp.edits.text import TextEdit, apply_edits
from codex_lsp.lsp.editing.positions import Encoding, offset_at

Step = tuple[tuple[int, int, int, int] | None, str]
"""One content change of a didChange: a range (line, character, line, character) and its text."""

_State = tuple[str, TextEdit]  # a text, and the step that was made of it
_Made = tuple[tuple[TextEdit, ...], int]  # edits of a state, and the number of the state after them
Ranges = Sequence[Mapping[str, Any]]
Request = tuple[int, Ranges]
"""Edits that the client was asked to make, and after how many of the steps."""

_MOST = 8_000_000  # characters of all the texts on the way; more is not looked through

Fate = Literal["absent", "landed", "misplaced"]


@dataclass(frozen=True, slots=True)
class Reading:
    """What became of the edits that were asked for, and what the text should be.

    `moved`: the wanted edits as edits on the text that the person alone would have, `person`. Both
    are of the moment at which the edits `landed`, if they did; else of now. Where `moved` is a
    conflict, landed means that the edits are nowhere in the text. `carried_out`: how many of the
    requests are among the steps.
    """

    fate: Fate
    person: str
    moved: tuple[TextEdit, ...] | Conflict
    carried_out: int

    @property
    def target(self) -> str:
        """The text as it should be: without the edits where they are in conflict."""
        moved = self.moved
        return self.person if isinstance(moved, Conflict) else apply_edits(self.person, moved)

    def missing(self, now: str) -> tuple[TextEdit, ...] | Conflict:
        """What makes `now` what it should be; a conflict, if nothing does and nothing should."""
        return diff(now, self.target) if self.fate == "misplaced" else self.moved


@dataclass(frozen=True, slots=True)
class Trail:
    """The steps since a document had `text`."""

    text: str
    steps: tuple[Step, ...]
    encoding: Encoding

    def read(self, wanted: Sequence[TextEdit], asked: Sequence[Request]) -> Reading | None:
        """What became of `wanted`, edits of `text`, for which the client was `asked`.

        None: the steps do not tell.
        """
        states = self._states()
        if states is None:
            return None
        made = self._made(states, asked)
        pieces = Pieces(self.text)
        fate: Fate = "absent"
        number = 0
        while number < len(self.steps):
            if number not in made:
                step = states[number][1]
                pieces.replace(step.start, step.end, step.new, ours=False)
                number += 1
                continue
            edits, number = made[number]
            should_be = self._reading("landed", pieces, wanted, len(made))
            if states[number][0] == should_be.target:
                return should_be
            fate = "misplaced"
            for edit in reversed(edits):
                pieces.replace(edit.start, edit.end, edit.new, ours=True)
        is_now = self._reading(fate, pieces, wanted, len(made))
        if fate == "misplaced" and states[-1][0] == is_now.target:
            return replace(is_now, fate="landed")  # the person has put it right
        return is_now

    def _reading(
        self, fate: Fate, pieces: Pieces, wanted: Sequence[TextEdit], carried_out: int
    ) -> Reading:
        moved = carry(wanted, pieces.typed(), self.text)
        return Reading(fate, pieces.person(), moved, carried_out)

    def _states(self) -> list[_State] | None:
        """The texts on the way, the last included, each with the step that was made of it."""
        if len(self.text) * (len(self.steps) + 1) > _MOST:
            return None
        states: list[_State] = []
        text = self.text
        for where, new in self.steps:
            if where is None:
                return None
            start = offset_at(text, where[:2], self.encoding)
            end = offset_at(text, where[2:], self.encoding)
            states.append((text, TextEdit(start, end, new)))
            text = f"{text[:start]}{new}{text[end:]}"
        return [*states, (text, TextEdit(0, 0, ""))]

    def _made(self, states: Sequence[_State], asked: Sequence[Request]) -> dict[int, _Made]:
        """By the number of its first step, what the client did of what it was asked for."""
        made: dict[int, _Made] = {}
        for request in asked:
            if not request[1]:
                continue
            found = self._told(states, request, made) or self._seen(states, request, made)
            if found is not None:
                made[found[0]] = found[1]
        return made

    def _told(
        self, states: Sequence[_State], request: Request, made: Mapping[int, _Made]
    ) -> tuple[int, _Made] | None:
        """Where the steps are what was asked for, word by word; the last of them comes first."""
        since, ranges = request
        steps = tuple(map(_step, reversed(ranges)))
        for number in range(since, len(self.steps) - len(steps) + 1):
            if self.steps[number : number + len(steps)] == steps and number not in made:
                edits = _placed(ranges, states[number][0], self.encoding)
                return number, (edits, number + len(steps))
        return None

    def _seen(
        self, states: Sequence[_State], request: Request, made: Mapping[int, _Made]
    ) -> tuple[int, _Made] | None:
        """Where the text became what they make of it; the shortest of several ways."""
        best: tuple[int, int, tuple[TextEdit, ...]] | None = None
        since, ranges = request
        for number in range(since, len(self.steps)):
            text = states[number][0]
            edits = _placed(ranges, text, self.encoding)
            length = len(text) + sum(len(edit.new) - edit.end + edit.start for edit in edits)
            last = min(number + 2 * len(edits) + 1, len(states))
            near = [
                n
                for n in range(number + 1, last)
                if len(states[n][0]) == length and not all(map(_is_key, states[number:n]))
            ]
            result = apply_edits(text, edits) if near else ""
            after = next((n for n in near if states[n][0] == result), None)
            if after is not None and (best is None or after - number < best[0]):
                best = after - number, number, edits
        if best is None or any(
            best[1] < end and n < best[1] + best[0] for n, (_, end) in made.items()
        ):
            return None
        span, number, edits = best
        return number, (edits, number + span)


def _is_key(state: _State) -> bool:
    """Whether the step may be one key; several of them can look like a small edit of ours."""
    step = state[1]
    return len(step.new) <= 1 and step.end - step.start <= 1


def _step(one: Mapping[str, Any]) -> Step:
    """An edit as the change that makes it."""
    start, end = one["range"]["start"], one["range"]["end"]
    where = start["line"], start["character"], end["line"], end["character"]
    return where, one["newText"]


def _placed(ranges: Ranges, text: str, encoding: Encoding) -> tuple[TextEdit, ...]:
    """The edits that `ranges` are in `text`, whatever they were computed for."""

    def at(place: Mapping[str, int]) -> int:
        return offset_at(text, (place["line"], place["character"]), encoding)

    edits = (
        TextEdit(at(one["range"]["start"]), at(one["range"]["end"]), one["newText"])
        for one in ranges
    )
    return tuple(sorted(edits))
