"""What is told to the model when a chunk does not fit: what was looked for, what is there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from codex_lsp.edits.lines import Lines
from codex_lsp.edits.match import Wanted, plain

_SHOWN = 12  # lines of either kind that a message holds
_WIDTH = 200  # characters of a line that a message holds
_COMMON = 20  # a line that stands in more places says nothing about where
_Key = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Misfit:
    """Chunk `chunk` (1-based, of `chunks`) has no place in `path`.

    `nearest` are the lines that resemble it most, with 1-based numbers; empty if none do. `since`
    is the 0-based line from which was searched.
    """

    path: str
    chunk: int
    chunks: int
    wanted: tuple[str, ...]
    since: int
    nearest: tuple[tuple[int, str], ...]

    @property
    def text(self) -> str:
        """For the model."""
        where = f" after line {self.since}" if self.since else ""
        out = [f"{self.path}: chunk {self.chunk} of {self.chunks} does not fit."]
        out.append(f"These lines were not found{where}:")
        out += [f"    {_short(line)}" for line in self.wanted[:_SHOWN]]
        if len(self.wanted) > _SHOWN:
            out.append(f"    ... and {len(self.wanted) - _SHOWN} more")
        if self.nearest:
            out.append("The nearest that the file has:")
            out += [f"{number:6}| {_short(line)}" for number, line in self.nearest]
        else:
            out.append("The file has nothing like them.")
        return "\n".join(out)


def misfit(path: str, chunk: int, chunks: int, wanted: Wanted, lines: Lines) -> Misfit:
    """Describe that `wanted` is not in `lines`."""
    looked_for = tuple(wanted.lines)
    nearest = _nearest(looked_for, lines)
    return Misfit(path, chunk, chunks, looked_for, wanted.since, nearest)


def _nearest(wanted: Sequence[str], lines: Lines) -> tuple[tuple[int, str], ...]:
    start = _vote(wanted, lines, plain)
    if start is None:
        start = _vote(wanted, lines, _letters)
    if start is None:
        return ()
    first = max(start, 0)
    last = min(start + min(len(wanted), _SHOWN), len(lines))
    return tuple((at + 1, lines.body(at)) for at in range(first, last))


def _vote(wanted: Sequence[str], lines: Lines, key: _Key) -> int | None:
    """The line where `wanted` would begin, on which most of its lines agree."""
    numbers: dict[str, list[int]] = {}
    for number, line in enumerate(wanted):
        if key(line):
            numbers.setdefault(key(line), []).append(number)
    places: dict[str, list[int]] = {line: [] for line in numbers}
    for at in range(len(lines)):
        seen = places.get(key(lines.body(at)))
        if seen is not None:
            seen.append(at)
    votes = Counter(
        at - number
        for line, at_lines in places.items()
        if len(at_lines) <= _COMMON
        for at in at_lines
        for number in numbers[line]
    )
    return min(votes, key=lambda start: (-votes[start], start), default=None)


def _letters(line: str) -> str:
    return "".join(c for c in line if c.isalnum()).casefold()


def _short(line: str) -> str:
    return line if len(line) <= _WIDTH else line[:_WIDTH] + "..."
