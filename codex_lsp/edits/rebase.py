"""Moves edits from the text they were computed on to the text as it has become.

Both sides' changes stay, or the edits are refused: where they touch, even in the same word, nobody
can say what was meant. Nothing is ever placed by resemblance.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Literal

from codex_lsp.edits.diff import common_ends, diff, diff_and_distance, distance, trimmed
from codex_lsp.edits.lines import Lines
from codex_lsp.edits.text import TextEdit, apply_edits, invert

__all__ = ["Clash", "Conflict", "Landing", "carry", "invert", "landed", "rebase"]
_WIDTH = 120
_FAR = 256  # characters that a word, or a run of line ends, is followed for
_WORD = re.compile(r"\w+")
_WORD_BEFORE = re.compile(r"\w*\Z")


@dataclass(frozen=True, slots=True)
class Clash:
    """`ours` and `theirs`, both on the base text, touch at 0-based `line`."""

    ours: TextEdit
    theirs: TextEdit
    line: int
    had: str

    @property
    def text(self) -> str:
        """For the person and the model."""
        edit = (
            f"line {self.line + 1}: the edit makes {_short(self.had)} into {_short(self.ours.new)}"
        )
        typed = f"{_short(self.theirs.new)} was typed" if self.theirs.new else "text was deleted"
        return f"{edit}, but meanwhile {typed} there"


@dataclass(frozen=True, slots=True)
class Conflict:
    """The edits cannot be moved; each clash says why."""

    clashes: tuple[Clash, ...]

    @property
    def text(self) -> str:
        """For the person and the model."""
        return "\n".join(clash.text for clash in self.clashes)


def rebase(edits: Sequence[TextEdit], base: str, live: str) -> tuple[TextEdit, ...] | Conflict:
    """`edits`, computed on `base`, as edits on `live`; those that are in `live` already drop out.

    How `base` became `live` is read from the two texts. Where that has several readings (a line
    typed twice in a row), all of them count as touched.
    """
    if base == live:
        return tuple(edits)
    if apply_edits(base, edits) == live:
        return ()
    typed = diff(base, live)
    reaches = [_whole_words(*_reach(edit, base), edit.new, base) for edit in typed]
    return _carried(edits, typed, reaches, base)


def carry(
    edits: Sequence[TextEdit], typed: Sequence[TextEdit], base: str
) -> tuple[TextEdit, ...] | Conflict:
    """`edits` as they are after `typed`, which is known; both on `base`, sorted and disjoint."""
    reaches = [_whole_words(edit.start, edit.end, edit.new, base) for edit in typed]
    return _carried(edits, typed, reaches, base)


Landing = Literal["landed", "missing", "unclear"]


def landed(edits: Sequence[TextEdit], before: str, after: str) -> tuple[Landing, ...]:
    """For each edit on `before`, whether it is proven to be in `after`, with or without typing.

    `missing`: the text there is as it was before. `unclear`: something else was typed there, so
    that neither can be proven.
    """
    expected = apply_edits(before, edits)
    if after in {expected, before}:
        return tuple("landed" if after == expected else "missing" for _ in edits)
    since, changes = diff_and_distance(expected, after)
    typed = [_reach(edit, expected) for edit in since]
    changed: list[tuple[int, int]] | None = None
    from_before = 0
    found: list[Landing] = []
    for number, (edit, undone) in enumerate(zip(edits, invert(edits, before), strict=True)):
        low, high = _whole_words(undone.start, undone.end, undone.new, expected)
        if not _touched(low - len(undone.new), high + len(undone.new), typed):
            found.append("landed")
            continue
        if changed is None:
            unmade, from_before = diff_and_distance(before, after)
            changed = [_reach(edit, before) for edit in unmade]
        # What was typed near it may as well be read as the edit's not being there. That is decided
        # by which text is clearly nearer to what came back, the one with the edit or without.
        others = [*edits[:number], *edits[number + 1 :]]
        farther = distance(apply_edits(before, others), after) if others else from_before
        farther -= changes
        clearly = (len(undone.new) + len(edit.new)) // 2
        if farther > clearly and not _touched(low, high, typed):
            found.append("landed")
        elif -farther > clearly and not _touched(edit.start, edit.end, changed):
            found.append("missing")
        else:
            found.append("unclear")
    return tuple(found)


def _carried(
    edits: Sequence[TextEdit],
    typed: Sequence[TextEdit],
    reaches: Sequence[tuple[int, int]],
    base: str,
) -> tuple[TextEdit, ...] | Conflict:
    reaches = _ordered(reaches)
    lows, highs = [low for low, _ in reaches], [high for _, high in reaches]
    shifts = [0, *accumulate(len(edit.new) - (edit.end - edit.start) for edit in typed)]
    moved: list[TextEdit] = []
    clashes: list[Clash] = []
    for edit in edits:
        low, high = _whole_words(edit.start, edit.end, edit.new, base)
        first = bisect_left(highs, low)
        near = typed[first : bisect_right(lows, high, first)]
        if not near:
            shift = shifts[first]
            moved.append(TextEdit(edit.start + shift, edit.end + shift, edit.new))
        elif _settled(edit, base) not in [_settled(other, base) for other in near]:
            had = base[edit.start : edit.end]
            clashes.append(Clash(edit, near[0], Lines(base).at(edit.start), had))
    return Conflict(tuple(clashes)) if clashes else tuple(moved)


def _touched(start: int, end: int, reaches: Sequence[tuple[int, int]]) -> bool:
    return any(low <= end and start <= high for low, high in reaches)


def _reach(edit: TextEdit, base: str) -> tuple[int, int]:
    """The stretch of `base` that a change read from two texts may have been made in."""
    low, high = edit.start, edit.end
    if not edit.new or low == high:
        moved = edit.new or base[low:high]
        low, high = (
            low - _repeats_before(base, low, moved),
            high + _repeats_after(base, high, moved),
        )
    elif "\n" in edit.new:
        # Which of several line ends in a row is the new one, nobody can tell afterwards.
        before, after = base[max(low - _FAR, 0) : low], base[high : high + _FAR]
        low -= len(before) - len(before.rstrip("\r\n"))
        high += len(after) - len(after.lstrip("\r\n"))
    return low, high


def _repeats_before(base: str, at: int, moved: str) -> int:
    """How far left of `at` the text goes on as if `moved` were repeated."""
    length, step = 0, moved
    while step and base.endswith(step, 0, at - length):
        length += len(step)
        step += step
    while len(step) > len(moved):
        step = step[: len(step) // 2]
        if base.endswith(step, 0, at - length):
            length += len(step)
    return length + common_ends(base[max(at - length - len(moved), 0) : at - length], moved)[1]


def _repeats_after(base: str, at: int, moved: str) -> int:
    """How far right of `at` the text goes on as if `moved` were repeated."""
    length, step = 0, moved
    while step and base.startswith(step, at + length):
        length += len(step)
        step += step
    while len(step) > len(moved):
        step = step[: len(step) // 2]
        if base.startswith(step, at + length):
            length += len(step)
    return length + common_ends(base[at + length : at + length + len(moved)], moved)[0]


def _whole_words(low: int, high: int, new: str, base: str) -> tuple[int, int]:
    """`low` and `high`, moved out where they cut a word, or where `new` grows onto one."""
    before, after = base[max(low - 1, 0) : low], base[high : high + 1]
    inside = base[low : low + 1], base[max(high - 1, 0) : high]
    if _WORD.match(before) and (_WORD.match(new[:1] or after) or _WORD.match(inside[0])):
        head = _WORD_BEFORE.search(base[max(low - _FAR, 0) : low])
        low -= len(head[0]) if head else 0
    if _WORD.match(after) and (_WORD.match(new[-1:] or before) or _WORD.match(inside[1])):
        tail = _WORD.match(base, high, high + _FAR)
        high += len(tail[0]) if tail else 0
    return low, high


def _ordered(reaches: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """`reaches` grown so that both of their ends ascend; then they can be searched by halving."""
    highs = list(accumulate((high for _, high in reaches), max))
    lows = list(accumulate((low for low, _ in reversed(reaches)), min))[::-1]
    return list(zip(lows, highs, strict=True))


def _settled(edit: TextEdit, base: str) -> TextEdit:
    """The first of all edits that have the effect of `edit`."""
    edit = trimmed(base[edit.start : edit.end], edit.new, edit.start)
    if edit.new and edit.start < edit.end:
        return edit
    moved = edit.new or base[edit.start : edit.end]
    back = _repeats_before(base, edit.start, moved)
    turn = back % len(moved) if moved else 0
    new = edit.new[len(edit.new) - turn :] + edit.new[: len(edit.new) - turn]
    return TextEdit(edit.start - back, edit.end - back, new)


def _short(text: str) -> str:
    return repr(text if len(text) <= _WIDTH else text[:_WIDTH] + "...")
