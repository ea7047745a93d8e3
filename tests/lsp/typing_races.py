"""Typing against an edit that is on its way, through the real `LspEditor`, seed by seed.

The person types into the fake editor while the edit is computed, sent, refused, sent again and
looked for. Every character of the document carries where it came from, so that it is known, and
not read from the texts, what was typed before the edit landed, and what the text must be.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from codex_lsp.agent.ports import Applied, ChangeFile
from codex_lsp.edits.text import TextEdit
from tests.doubles.editor_profiles import VersionRule
from tests.doubles.editor_text import Document
from tests.doubles.memory_window import MemoryWindow
from tests.doubles.virtual_loop import run_virtually
from tests.edits.schedules import (
    Char,
    expected,
    marks,
    places_of,
    some_base,
    some_edits,
    text_of,
    truth,
)

_OURS = -1
_TYPED = 1 << 20  # and above: what was typed; below are offsets in the base
_FOLDER = Path("/workspace")

POLICIES: dict[str, tuple[str, dict[str, Any]]] = {
    "strict": ("helix-25.07", {}),
    "neovim": ("neovim-0.11.4", {}),
    "hole": ("vscode-1.139.1-languageclient-11", {"rule": VersionRule.HOLE, "delay": 0.004}),
    "versionless": ("vim-9.2-vim-lsp", {}),
}
"""The editor that is played, and what of it is changed: the four ways to treat a version."""


@dataclass
class Findings:
    """`wrong` are seeds that broke a promise, with which; the counts say how it went."""

    wrong: list[tuple[str, str]] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)

    def share(self, kind: str, fate: str) -> float:
        """How many of the edits that typing met in that `kind` had the `fate`."""
        whole = sum(n for name, n in self.counts.items() if name.startswith(f"{kind} "))
        return self.counts[f"{kind} {fate}"] / whole if whole else 0.0


def explore(policy: str, seeds: Iterator[str]) -> Findings:
    """Run one race for each of `seeds`."""
    findings = Findings()
    for seed in seeds:
        race = Race(policy, Random(seed))
        try:
            applied = run_virtually(race.run())
        except AssertionError as error:
            findings.wrong.append((seed, repr(error)))
            continue
        met = race.met()
        findings.counts[f"{met} {'landed' if applied else 'refused'}"] += 1
        if problem := race.problem(met, applied=applied):
            findings.wrong.append((seed, problem))
    return findings


class Traced(Document):
    """A document that knows of each character where it came from.

    `here` are the origins of its characters; `person` are those of the text that the person alone
    would have: it has what our edits took away, and not what they brought.
    """

    def trace(self, edits: list[TextEdit]) -> None:
        """Begin: the text is the base, and `edits` of it are on their way."""
        self.edits = edits
        self.here = list(range(len(self.text)))
        self.person = list(self.here)
        self.chars = dict(enumerate(self.text))
        self.typing = False
        self.at_landing: list[int] | None = None
        self.blurred = False
        """Typed next to what our edit had made: its place in `person` is a guess."""

    def replace(self, pieces: list[tuple[int, int, str]]) -> None:
        if not self.typing and self.at_landing is None:
            self.at_landing = list(self.person)
        for start, end, new in sorted(pieces, reverse=True):
            fresh = self._typed(start, end, new) if self.typing else [_OURS] * len(new)
            self.here[start:end] = fresh
        super().replace(pieces)
        if not self.typing and self.text == "".join(map(self.chars.__getitem__, self.person)):
            # What was put in the wrong place is taken back.
            self.here, self.at_landing = list(self.person), None
        elif not self.typing and (made := self._made()) and self.text == made[0]:
            # What was put right may have used characters of elsewhere: they count as its own.
            self.here = made[1]

    def _made(self) -> tuple[str, list[int]] | None:
        """The text that the edits should make, and its origins; None where typing met them."""
        places = {origin: at for at, origin in enumerate(self.person)}
        if any(edit.start and edit.start - 1 not in places for edit in self.edits):
            return None
        origins: list[int] = []
        at = 0
        for edit in self.edits:
            start = places[edit.start - 1] + 1 if edit.start else 0
            origins += [*self.person[at:start], *[_OURS] * len(edit.new)]
            at = start + edit.end - edit.start
        return expected(self.edits, self.live(self.person)), [*origins, *self.person[at:]]

    def _typed(self, start: int, end: int, new: str) -> list[int]:
        here, person = self.here, self.person
        gone = here[start:end]
        self.blurred |= self.at_landing is not None and self._is_near_ours(start, end)
        for origin in gone:
            if origin >= 0:
                person.remove(origin)
        left = start - 1
        while left >= 0 and here[left] < 0:
            left -= 1
        at = person.index(here[left]) + 1 if left >= 0 else 0
        fresh = list(range(_TYPED + len(self.chars), _TYPED + len(self.chars) + len(new)))
        self.chars.update(zip(fresh, new, strict=True))
        person[at:at] = fresh
        return fresh

    def _is_near_ours(self, start: int, end: int) -> bool:
        near = self.here[max(start - 1, 0) : end + 1]
        if _OURS in near or (start == 0 and near[:1] != self.person[:1]):
            return True
        if end == len(self.here) and near[-1:] != self.person[-1:]:
            return True
        # Something that our edit took away stood here.
        whole = [self.person.index(origin) for origin in near]
        return whole != list(range(whole[0], whole[0] + len(whole))) if whole else True

    def live(self, origins: list[int]) -> list[Char]:
        """As `schedules` writes it."""
        chars = self.chars
        return [(chars[n], n if n < _TYPED else -1) for n in origins]


class Race:
    """One edit of one document, and somebody who types."""

    def __init__(self, policy: str, random: Random) -> None:
        self.random = random
        self.policy = policy
        self.base = some_base(random, repeats=False)
        self.edits = some_edits(random, self.base)
        self.how = random.choice(("apart", "apart", "anywhere", "into"))
        self.hot = {_OURS}.union(*(range(edit.start - 1, edit.end + 1) for edit in self.edits))
        self.marks = random.sample(range(500), k=40)

    async def run(self) -> bool:
        """Type and edit at the same time; True if the edit is said to have landed."""
        name, traits = POLICIES[self.policy]
        self.window = MemoryWindow(name, _FOLDER, self.base, self.random, **traits)
        opened = self.window.document
        self.document = Traced(
            opened.path, opened.uri, opened.text, opened.version, opened.encoding, opened.first_step
        )
        self.document.trace(self.edits)
        self.window.editor.documents[opened.uri] = self.document
        await self.window.arrived()
        text = self.window.buffers.text_at(self.window.path)
        assert text is not None
        change = ChangeFile(self.window.path, text, tuple(self.edits))
        typing = asyncio.ensure_future(self._type())
        if self.random.random() < 0.5:
            await asyncio.sleep(self.random.choice((0.002, 0.1)))
        outcome = await self.window.ours.apply(change, label="fix")
        await typing
        await asyncio.sleep(1)
        self.mirror = self.window.buffers.at(self.window.path)
        return isinstance(outcome, Applied)

    async def _type(self) -> None:
        for _ in range(self.random.choice((1, 1, 2, 4))):
            await asyncio.sleep(self.random.choice((0.0, 0.001, 0.004, 0.1)))
            at = self._place()
            for _ in range(self.random.choice((1, 1, 3))):
                at = self._key(at)
                await asyncio.sleep(self.random.choice((0.0, 0.0, 0.002)))
                at = min(at, len(self.document.text))

    def _key(self, at: int) -> int:
        document = self.document
        halves = document.text[max(at - 1, 0) : at + 1] == "\r\n"
        at += halves
        document.typing = True
        try:
            match self.random.choices(("type", "newline", "back"), (75, 12, 13))[0]:
                case "back" if at and document.text[at - 1] not in "\r\n":
                    self.window.editor.type(document, at - 1, "", erase=1)
                    return at - 1
                case "newline":
                    self.window.editor.type(document, at, "\n")
                case _:
                    char = chr(0x4E00 + self.marks.pop())
                    self.window.editor.type(document, at, char)
            return at + 1
        finally:
            document.typing = False

    def _place(self) -> int:
        document, random = self.document, self.random
        if self.how == "into":
            edit = random.choice(self.edits)
            inside = [n for n in range(edit.start, edit.end) if n in document.here]
            if len(inside) > 1:
                return document.here.index(inside[len(inside) // 2])
        if self.how == "apart":
            for _ in range(6):
                at = random.randrange(len(document.text) + 1)
                if not self._is_hot(at):
                    return at
            return 0
        return random.randrange(len(document.text) + 1)

    def _is_hot(self, at: int) -> bool:
        """Whether the place is in a line that our edit is about, or next to one."""
        near = self.document.here[max(at - 30, 0) : at + 30]
        return not self.hot.isdisjoint(near)

    def met(self) -> str:
        """How what was typed until the edit landed met it."""
        document = self.document
        origins = document.person if document.at_landing is None else document.at_landing
        live = document.live(origins)
        places = places_of(live, len(self.base))
        truths = [truth(edit, self.base, live, places, repeats=False) for edit in self.edits]
        return max(truths, key=("apart", "touching", "overlapping").index)

    def problem(self, met: str, *, applied: bool) -> str | None:
        """The promise that was broken, if one was."""
        text = self.document.text
        person = self.document.live(self.document.person)
        if self.mirror is None or self.mirror.text != text:
            return "the mirror is not the document"
        if self.window.editor.faults and self.policy not in {"versionless", "hole"}:
            return f"faults: {self.window.editor.faults}"
        if any(_version(asked) is None for asked in self.window.editor.edits):
            return "an edit was sent without the version that it is for"
        kept, typed = marks(text), marks(text_of(person))
        if sorted(kept) != sorted(typed) or (kept != typed and not self.document.blurred):
            return "a keystroke was lost, doubled or moved"
        if applied and met == "overlapping":
            return "landed over what was typed"
        if not applied and self.document.at_landing is None and text != text_of(person):
            return "not applied, but the text is not the person's"
        if met == "apart" and not self.document.blurred:
            wanted = expected(self.edits, person) if applied else text_of(person)
            if text != wanted:
                return "the text has something else than the edit and what was typed"
        return None


def _version(asked: dict[str, Any]) -> int | None:
    changes = asked["edit"].get("documentChanges")
    version: int | None = changes[0]["textDocument"]["version"] if changes else None
    return version
