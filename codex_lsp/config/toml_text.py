"""Where the keys of a TOML text stand. tomllib reads values and tells no places, so this looks for
keys alone: in headers, in dotted keys and in inline tables.

It judges nothing, and goes on after what is no TOML: an editor asks about lines that are half
written. Places are offsets in characters.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

Path = tuple[str, ...]

_SPACE = re.compile(r"[ \t]*")
_GAP = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_PART = re.compile(r"""[A-Za-z0-9_\-]+|"(?:[^"\\\n]|\\.)*"|'[^'\n]*'""")
_STRING = re.compile(
    r'"""(?:[^\\]|\\.)*?"""+|\'\'\'.*?\'\'\'+|"(?:[^"\\\n]|\\.)*"|\'[^\'\n]*\'', re.DOTALL
)
_PLAIN = re.compile(r"[^,\]}\n#]*")
_DEEPEST = 40


@dataclass(frozen=True, slots=True)
class Place:
    """One part of a key at `[start, end)`; `path` leads to it from the top.

    `value` is where its value stands, for the last part of a key; `header`: it stands in a header.
    """

    path: Path
    start: int
    end: int
    value: tuple[int, int] | None = None
    header: bool = False


def places(text: str) -> tuple[Place, ...]:
    """All parts of all keys, in the order of the text."""
    return tuple(_Scan(text).statements())


def place_of(found: Sequence[Place], path: Path) -> Place | None:
    """Where `path` is set, or else what it is set in: the longest start of it that is there."""
    best: Place | None = None
    for place in found:
        longer = best is None or len(place.path) > len(best.path)
        if longer and place.path == path[: len(place.path)]:
            best = place
    return best


def section_at(found: Sequence[Place], offset: int) -> Path:
    """The table that a line at `offset` is in."""
    before = [place.path for place in found if place.header and place.end <= offset]
    return before[-1] if before else ()


def line_starts(text: str) -> list[int]:
    """The offset of each line; lines end with a line feed."""
    return [0, *(match.end() for match in re.finditer("\n", text))]


def line_and_column(starts: Sequence[int], offset: int) -> tuple[int, int]:
    """Both from 0, in characters."""
    line = bisect_right(starts, offset) - 1
    return line, offset - starts[line]


class _Scan:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._section: Path = ()

    def statements(self) -> Iterator[Place]:
        while True:
            self._skip(_GAP)
            if self._at >= len(self._text):
                return
            before = self._at
            if self._text[self._at] == "[":
                yield from self._header()
            else:
                yield from self._entry(self._section, 0)
            self._to_line_end()
            self._at = max(self._at, before + 1)

    def _header(self) -> Iterator[Place]:
        while self._at < len(self._text) and self._text[self._at] == "[":
            self._at += 1
        parts = self._key((), header=True)
        if parts:
            self._section = parts[-1].path
        yield from parts

    def _entry(self, above: Path, depth: int) -> Iterator[Place]:
        """`key = value`."""
        parts = self._key(above, header=False)
        if not parts or not self._take("="):
            yield from parts
            return
        self._skip(_SPACE)
        start = self._at
        inner = list(self._value(parts[-1].path, depth))
        last = parts.pop()
        yield from parts
        yield Place(last.path, last.start, last.end, (start, self._at))
        yield from inner

    def _key(self, above: Path, *, header: bool) -> list[Place]:
        parts: list[Place] = []
        while True:
            self._skip(_SPACE)
            if (match := _PART.match(self._text, self._at)) is None:
                return parts
            above = (*above, _unquoted(match[0]))
            parts.append(Place(above, match.start(), match.end(), header=header))
            self._at = match.end()
            self._skip(_SPACE)
            if not self._take("."):
                return parts

    def _value(self, path: Path, depth: int) -> Iterator[Place]:
        first = self._text[self._at : self._at + 1]
        if depth > _DEEPEST:
            self._to_line_end()
        elif match := _STRING.match(self._text, self._at):
            self._at = match.end()
        elif first == "[":
            yield from self._list(path, depth, "]")
        elif first == "{":
            yield from self._list(path, depth, "}")
        elif match := _PLAIN.match(self._text, self._at):
            self._at = match.start() + len(match[0].rstrip())

    def _list(self, path: Path, depth: int, end: str) -> Iterator[Place]:
        """An array, or the entries of an inline table."""
        self._at += 1
        gap = _GAP if end == "]" else _SPACE  # an inline table stands on one line
        while True:
            self._skip(gap)
            before = self._at
            if self._at >= len(self._text) or self._take(end):
                return
            if end == "}":
                yield from self._entry(path, depth + 1)
            else:
                yield from self._value(path, depth + 1)
            self._skip(gap)
            if not self._take(",") and self._at == before:
                return  # no TOML: whoever called goes on with the next line

    def _take(self, char: str) -> bool:
        found = self._text.startswith(char, self._at)
        self._at += found
        return found

    def _skip(self, what: re.Pattern[str]) -> None:
        match = what.match(self._text, self._at)
        self._at = match.end() if match else self._at

    def _to_line_end(self) -> None:
        end = self._text.find("\n", self._at)
        self._at = len(self._text) if end < 0 else end


def _unquoted(part: str) -> str:
    if part[0] == "'":
        return part[1:-1]
    if part[0] == '"':
        return re.sub(r"\\(.)", r"\1", part[1:-1])
    return part
