"""Between offsets (code points, as Python counts) and LSP positions, in all three encodings.

Lines end at CRLF, LF and CR and nowhere else. What lies past the end of a line or of the text is
clamped to that end, and a position inside a character to its start, as LSP asks.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import accumulate
from typing import Literal, NamedTuple

from codex_lsp.agent.context.lines import LineRange

Encoding = Literal["utf-8", "utf-16", "utf-32"]

_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+\Z")
_BLOCK = 1 << 14  # characters


class Position(NamedTuple):
    """A place between characters: zero-based line, and units of an encoding from its start."""

    line: int
    character: int


def split_lines(text: str) -> list[str]:
    """The lines of `text` with their ends; the last has none, and may be empty."""
    if "\r" not in text:
        lines = [line + "\n" for line in text.split("\n")]
        lines[-1] = lines[-1][:-1]
        return lines
    lines = _LINE.findall(text)
    if not lines or lines[-1].endswith(("\r", "\n")):
        lines.append("")
    return lines


def offset_at(text: str, position: tuple[int, int], encoding: Encoding) -> int:
    """The offset of `position` in `text`."""
    line, character = position
    starts = line_starts(text)
    if line < 0:
        return 0
    if line >= len(starts):
        return len(text)
    start = starts[line]
    end = starts[line + 1] if line + 1 < len(starts) else len(text)
    return start + column_index(text[start:end], character, encoding)


def position_at(text: str, offset: int, encoding: Encoding) -> Position:
    """The position of `offset` in `text`. Between CR and LF counts as before CR."""
    offset = max(0, min(offset, len(text)))
    if 0 < offset < len(text) and text[offset - 1 : offset + 1] == "\r\n":
        offset -= 1
    starts = line_starts(text)
    line = bisect_right(starts, offset) - 1
    return Position(line, units(text[starts[line] : offset], encoding))


@lru_cache(maxsize=4)
def line_starts(text: str) -> Sequence[int]:
    """The offset at which each line of `text` starts. Remembered for the last few texts."""
    starts = list(accumulate(map(len, split_lines(text)), initial=0))
    del starts[-1]
    return starts


def units(text: str, encoding: Encoding) -> int:
    """The length of `text` in units of `encoding`."""
    if encoding == "utf-32" or text.isascii():
        return len(text)
    if encoding == "utf-16":
        return len(text.encode("utf-16-le", "surrogatepass")) // 2
    return len(text.encode("utf-8", "surrogatepass"))


def column_index(line: str, character: int, encoding: Encoding) -> int:
    """The index in `line`, which may carry its end, of the place `character` units in."""
    return _column(line, 0, character, encoding)[0]


def column_indices(line: str, first: int, last: int, encoding: Encoding) -> tuple[int, int]:
    """The same for two places, the second not before the first: the way to it is gone once."""
    start, over = _column(line, 0, first, encoding)
    return start, _column(line, start, last - first + over, encoding)[0]


def _column(line: str, at: int, character: int, encoding: Encoding) -> tuple[int, int]:
    """The index of the place `character` units behind index `at`, and how many of them are over:
    it may be past the end, or inside a character.

    Nothing that is as long as the line is copied: it may be 2 MB long.
    """
    end = len(line) - (2 if line.endswith("\r\n") else line.endswith(("\n", "\r")))
    end = max(at, min(end, at + character))  # a character has at least one unit
    if encoding == "utf-32" or line.isascii():
        return end, character - (end - at)
    while at < end:
        block = line[at : min(at + _BLOCK, end)]
        if (size := units(block, encoding)) > character:
            heads = range(1, len(block) + 1)
            inside = bisect_right(heads, character, key=lambda n: units(block[:n], encoding))
            return at + inside, character - units(block[:inside], encoding)
        at, character = at + len(block), character - size
    return at, character


def range_lines(value: object) -> LineRange | None:
    """The lines that an LSP range touches; one that ends at a line's start does not touch it."""
    start, end = _position(value, "start"), _position(value, "end")
    if start is None or end is None:
        return None
    last = end[0] if end[1] > 0 or end[0] == start[0] else end[0] - 1
    return LineRange(start[0], max(last, start[0]) + 1)


def _position(value: object, key: str) -> tuple[int, int] | None:
    position = value.get(key) if isinstance(value, Mapping) else None
    if not isinstance(position, Mapping):
        return None
    line, character = position.get("line"), position.get("character")
    if not isinstance(line, int) or not isinstance(character, int) or line < 0:
        return None
    return line, character
