"""Typing against edits: seeded schedules whose truth is known character by character.

A person types into the text that edits were computed on. Each character carries where it came
from, so that it is known, and not guessed from the texts, which edits the typing met. What the
engine makes of the two texts is then held against that.
"""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from codex_lsp.edits.rebase import Conflict, Landing
from codex_lsp.edits.text import TextEdit, apply_edits, invert

Char = tuple[str, int]  # and its offset in the base; -1 if it was typed
Move = Callable[[Sequence[TextEdit], str, Sequence[Char]], tuple[TextEdit, ...] | Conflict]
Landed = Callable[[Sequence[TextEdit], str, str], tuple[Landing, ...]]
Truth = Literal["apart", "touching", "overlapping"]

_WORDS = (
    "if",
    "else",
    "return",
    "value",
    "count",
    "(",
    ")",
    " = ",
    " + ",
    ":",
    "#",
    "\t",
    "é",
    "x",
)
_WORD_MARKS, _OTHER_MARKS = 0x4E00, 0xE000  # characters of words, and not, that bases do not have


_MARKS = re.compile("[\u4e00-\u4fff\ue000-\ue1ff]")


@dataclass
class Findings:
    """`wrong` are the seeds of schedules that broke a promise; the counts say how it went."""

    wrong: list[str] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)


def explore_moves(seeds: Iterator[str], move: Move, *, sees_keystrokes: bool) -> Findings:
    """Edits computed before the typing are moved over it.

    Who has only the two texts cannot know which of several equal lines was typed into: then no
    more is asked than that no character is lost.
    """
    findings = Findings()
    for seed in seeds:
        rng = random.Random(seed)
        repeats = rng.random() < 0.2
        base = some_base(rng, repeats=repeats)
        edits = some_edits(rng, base)
        if rng.random() < 0.3:  # the undo of edits is edits, too
            base, edits = apply_edits(base, edits), list(invert(edits, base))
        live = typed(rng, base)
        text = text_of(live)
        known = sees_keystrokes or not repeats
        places = places_of(live, len(base))
        truths = [truth(edit, base, live, places, repeats=not known) for edit in edits]
        outcome = move(edits, base, live)
        if isinstance(outcome, Conflict):
            told = "refused"
            fine = bool(outcome.clashes) and bool(outcome.text)
        else:
            told = "landed"
            result = apply_edits(text, outcome)
            fine = fits(text, outcome) and marks(text) == marks(result)
            if known and set(truths) == {"apart"}:
                fine = fine and result == expected(edits, live)
            fine = fine and not (known and "overlapping" in truths)
        worst = max(truths, key=("apart", "touching", "overlapping").index)
        findings.counts[f"{worst} {told}" + " where it repeats" * (not known)] += 1
        if not fine:
            findings.wrong.append(seed)
    return findings


def keystrokes(live: Sequence[Char], length: int) -> tuple[TextEdit, ...]:
    """The edits that made `live` of a base of `length`, as an editor reports them."""
    edits: list[TextEdit] = []
    at, new = 0, ""
    for char, origin in [*live, ("", length)]:
        if origin < 0:
            new += char
            continue
        if origin > at or new:
            edits.append(TextEdit(at, origin, new))
        at, new = origin + 1, ""
    return tuple(edits)


def text_of(live: Sequence[Char]) -> str:
    return "".join([char for char, _ in live])


def explore_landed(seeds: Iterator[str], landed: Landed) -> Findings:
    """Edits are made, or some are not, or none; then the person types; what is proven?"""
    findings = Findings()
    for seed in seeds:
        rng = random.Random(seed)
        before = some_base(rng, repeats=False)
        edits = some_edits(rng, before)
        made = [rng.random() < 0.7 for _ in edits]
        done = [edit for edit, is_made in zip(edits, made, strict=True) if is_made]
        base = apply_edits(before, done)
        live = typed(rng, base) if rng.random() < 0.8 else [(c, n) for n, c in enumerate(base)]
        after = text_of(live)
        states = landed(edits, before, after)
        places = places_of(live, len(base))
        shift = 0
        for edit, is_made, state in zip(edits, made, states, strict=True):
            place = TextEdit(edit.start + shift, edit.end + shift, edit.new)
            if is_made:
                place = invert([place], base)[0]
                shift += len(edit.new) - (edit.end - edit.start)
            met = truth(place, base, live, places, repeats=False)
            findings.counts[f"{met} {'' if is_made else 'not made '}{state}"] += 1
            untrue = "missing" if is_made else "landed"
            if state == untrue and (met == "apart" or (not is_made and met == "overlapping")):
                findings.wrong.append(seed)
    return findings


def some_base(rng: random.Random, *, repeats: bool) -> str:
    """A text of some lines. If it `repeats`, what happened to it has more than one reading."""
    eol = rng.choice(("\n", "\n", "\r\n"))
    if repeats:
        lines = rng.choices(("", "x", ")", "x x x x", "return x"), k=12)
    else:
        lines = ["".join(rng.choices(_WORDS, k=rng.randrange(3, 9))) for _ in range(12)]
        lines[rng.randrange(12)] = lines[rng.randrange(12)] = ""
    return eol.join(lines) + rng.choice((eol, ""))


def some_edits(rng: random.Random, base: str) -> list[TextEdit]:
    """One to three edits of a word, of lines, or between lines, that do not touch."""
    edits: list[TextEdit] = []
    at = 0
    for _ in range(rng.choice((1, 1, 2, 3))):
        start = at + rng.randrange(max(len(base) // 2, 1))
        if start > len(base):
            break
        if rng.random() < 0.5:  # whole lines
            start = base.find("\n", start) + 1 or len(base)
            end = base.find("\n", start + rng.choice((0, 0, 20))) + 1 or len(base)
            end = rng.choice((start, end))
            new = rng.choice(("", "new line\n", "one\ntwo\n"))
        else:
            end = min(start + rng.choice((0, 1, 5)), len(base))
            new = rng.choice(("", "new", " and ", "a"))
        halved = "\r\n" in (base[start - 1 : start + 1], base[end - 1 : end + 1])
        if not halved and base[start:end] != new:
            edits.append(TextEdit(start, end, new))
            at = end + 1
    return edits or [TextEdit(0, 0, "first\n")]


def typed(rng: random.Random, base: str) -> list[Char]:
    """The characters of `base` after some bursts of typing."""
    live: list[Char] = [(char, at) for at, char in enumerate(base)]
    marks = rng.sample(range(500), k=60)
    for _ in range(rng.choice((1, 1, 2, 4))):
        at = rng.randrange(len(live) + 1)
        at += "".join(char for char, _ in live[max(at - 1, 0) : at + 1]) == "\r\n"
        first = rng.choice((_WORD_MARKS, _OTHER_MARKS))
        for _ in range(rng.choice((1, 4, 12))):
            match rng.choices(("type", "newline", "back", "cut"), (75, 6, 15, 4))[0]:
                case "type":
                    live.insert(at, (chr(first + marks.pop()), -1))
                    at += 1
                case "newline":
                    live.insert(at, ("\n", -1))
                    at += 1
                case "back" if at:
                    at -= 1
                    del live[at]
                case "cut":
                    del live[at : at + rng.choice((3, 15))]
    return live


Places = dict[int, int]
"""Where a character of the base is now, by its offset in the base; and the ends of both texts."""


def places_of(live: Sequence[Char], length: int) -> Places:
    """`live` is made of a base of `length`."""
    places = {origin: at for at, (_, origin) in enumerate(live) if origin >= 0}
    places[-1], places[length] = -1, len(live)  # the text's ends stay where they are
    return places


def truth(
    edit: TextEdit, base: str, live: Sequence[Char], places: Places, *, repeats: bool
) -> Truth:
    """How the typing that made `live` met `edit`: in it, at it or in its words, or neither.

    Only what the text shows beyond doubt is called overlapping: a mark inside the edit, or, where
    the text does not repeat itself, a character of it that is gone.
    """
    insertion = edit.start == edit.end
    inner = range(edit.start - insertion, edit.end + insertion)
    known = [places[n] for n in inner if n in places]
    if not known and not edit.new:
        return "touching"  # the person has done the same
    between = "".join(char for char, _ in live[max(known[0], 0) : known[-1]]) if known else ""
    if _MARKS.search(between) or (not insertion and not repeats and len(known) < len(inner)):
        return "overlapping"
    start, end = edit.start, edit.end
    while start > 0 and (base[start - 1].isalnum() or base[start - 1] == "_"):
        start -= 1
    while end < len(base) and (base[end].isalnum() or base[end] == "_"):
        end += 1
    whole = [places.get(n) for n in range(start - 1, end + 1)]
    return "apart" if _in_a_row(whole) else "touching"


def expected(edits: Sequence[TextEdit], live: Sequence[Char]) -> str:
    """`live` with `edits` made at the characters that they were computed for."""
    out: list[str] = []
    places = {origin: at for at, (_, origin) in enumerate(live) if origin >= 0}
    at = 0
    for edit in edits:
        start = places[edit.start - 1] + 1 if edit.start else 0
        out += [char for char, _ in live[at:start]]
        out.append(edit.new)
        at = start + edit.end - edit.start
    return "".join(out) + "".join(char for char, _ in live[at:])


def fits(text: str, edits: Sequence[TextEdit]) -> bool:
    """Sorted, apart, inside the text, and never between the halves of a CRLF."""
    at = -1
    for edit in edits:
        halved = "\r\n" in (text[max(n - 1, 0) : n + 1] for n in (edit.start, edit.end))
        if halved or not at < edit.start <= edit.end <= len(text):
            return False
        at = edit.end
    return True


def marks(text: str) -> list[str]:
    """The typed characters that bases do not have: each is to be there once, in its order."""
    return _MARKS.findall(text)


def _in_a_row(places: Sequence[int | None]) -> bool:
    known = [place for place in places if place is not None]
    return len(known) == len(places) and known == list(range(known[0], known[0] + len(known)))
