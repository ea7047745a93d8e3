"""What is told to the model when a chunk does not fit: what was looked for, what is there."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Literal

from codex_lsp.edits.lines import Lines
from codex_lsp.edits.match import Haystack, Wanted

_SHOWN = 12  # lines of either kind that a message holds
_WIDTH = 200  # characters of a line that a message holds
_COMMON = 20  # what stands in more places says nothing about where
_TOLD = 24  # lines or words, the longest, that are asked where they stand
Why = Literal["missing", "not last", "taken"]
_WORD = re.compile(r"\w{3,}")


@dataclass(frozen=True, slots=True)
class Misfit:
    """Chunk `chunk` (1-based, of `chunks`) has no place in `path`.

    `since` is the 0-based line from which `wanted` was looked for. `nearest` are the lines that
    resemble it most, with 1-based numbers; empty if none do. `done_at` is the 1-based line where
    the file has what the chunk would have made, if it has.
    """

    path: str
    chunk: int
    chunks: int
    wanted: tuple[str, ...]
    since: int
    nearest: tuple[tuple[int, str], ...]
    done_at: int | None = None
    why: Why = "missing"

    @property
    def text(self) -> str:
        """For the model."""
        out = [f"{self.path}: chunk {self.chunk} of {self.chunks} does not fit."]
        match self.why:
            case "missing":
                after = f" after line {self.since}" if self.since else ""
                out.append(f"These lines were not found{after}:")
            case "not last":
                out.append("These lines are not the last of the file:")
            case "taken":
                out.append("These lines are changed by an earlier chunk already:")
        out += [f"    {_short(line)}" for line in self.wanted[:_SHOWN]]
        if len(self.wanted) > _SHOWN:
            out.append(f"    ... and {len(self.wanted) - _SHOWN} more")
        if self.done_at is not None:
            out.append(f"What the chunk would make of them is in the file, at line {self.done_at}.")
        elif self.nearest:
            out.append("The nearest that the file has:")
            out += [f"{number:6}| {_short(line)}" for number, line in self.nearest]
            if self.nearest[0][0] <= self.since and self.why == "missing":
                out.append("That is above an earlier chunk: chunks go from top to bottom.")
        else:
            out.append("The file has nothing like them.")
        return "\n".join(out)


def nearest(wanted: Wanted, haystack: Haystack) -> tuple[tuple[int, str], ...]:
    """The lines of the file that resemble the wanted ones most, numbered from 1."""
    lines = haystack.lines
    start = _elected(_by_line(wanted.lines, haystack))
    if start is None:
        start = _elected(_by_word(wanted.lines, lines))
    if start is None:
        return ()
    shown = range(max(start, 0), min(start + min(len(wanted.lines), _SHOWN), len(lines)))
    return tuple((at + 1, lines.body(at)) for at in shown)


def _elected(votes: Iterator[int]) -> int | None:
    """The place with the most votes, the first of equals."""
    counts = Counter(votes)
    return min(counts, key=lambda start: (-counts[start], start), default=None)


def _by_line(wanted: Sequence[str], haystack: Haystack) -> Iterator[int]:
    """A vote for where `wanted` would begin from each line that it shares with the file."""
    numbers = {line: number for number, line in enumerate(wanted) if line.strip()}
    for line in sorted(numbers, key=len, reverse=True)[:_TOLD]:
        found = list(islice(haystack.places(line), _COMMON + 1))
        if len(found) <= _COMMON:
            yield from (at - numbers[line] for at in found)


def _by_word(wanted: Sequence[str], lines: Lines) -> Iterator[int]:
    """A vote for where `wanted` would begin from each of its rarer words."""
    words: dict[str, int] = {}
    for number, line in enumerate(wanted):
        for word in _WORD.findall(line):
            words.setdefault(word, number)
    for word in sorted(words, key=len, reverse=True)[:_TOLD]:
        found: list[int] = []
        at = lines.text.find(word)
        while at >= 0 and len(found) <= _COMMON:
            found.append(at)
            at = lines.text.find(word, at + len(word))
        if len(found) <= _COMMON:
            yield from (lines.at(at) - words[word] for at in found)


def _short(line: str) -> str:
    return line if len(line) <= _WIDTH else line[:_WIDTH] + "..."
