"""A text seen as lines, without an object a line: 100 000 lines cost a few counts.

Lines end in LF, CRLF or CR, each line as it is. A byte order mark belongs to no line. Nothing here
changes a text.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator

BOM = "\ufeff"
_BLOCK = 1 << 13  # characters between two places whose line number is kept
_EOL = re.compile(r"\r\n|\r|\n")
_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")


class Lines:
    """The lines of `text`. An empty text has none; a final terminator begins no further line."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._first = len(BOM) if text.startswith(BOM) else 0
        self._blocks: list[int] = []  # offsets
        self._before: list[int] = []  # how many terminators are before each of them
        self._starts: tuple[int, list[int]] = (-1, [])  # of the block that was asked for last
        eols, at = 0, self._first
        lf_only = "\r" not in text
        while at < len(text):
            self._blocks.append(at)
            self._before.append(eols)
            end = at + _BLOCK
            end += text[end - 1 : end + 1] == "\r\n"
            eols += text.count("\n", at, end)
            if not lf_only:
                eols += text.count("\r", at, end) - text.count("\r\n", at, end)
            at = end
        self._count = eols + (len(text) > self._first and text[-1] not in "\r\n")

    def __len__(self) -> int:
        return self._count

    def start(self, line: int) -> int:
        """Where `line` begins; the end of the text for the line after the last."""
        if line == 0:
            return self._first
        if line >= self._count:
            return len(self.text)
        block = bisect_left(self._before, line) - 1
        if self._starts[0] != block:
            end = self._blocks[block + 1] if block + 1 < len(self._blocks) else len(self.text)
            found = _EOL.finditer(self.text, self._blocks[block], end)
            self._starts = (block, [match.end() for match in found])
        return self._starts[1][line - self._before[block] - 1]

    def at(self, offset: int) -> int:
        """The line that `offset` is in."""
        block = bisect_right(self._blocks, offset) - 1
        if block < 0:
            return 0
        found = _EOL.finditer(self.text, self._blocks[block], offset)
        return self._before[block] + sum(1 for _ in found)

    def whole(self, line: int) -> str:
        """Line `line` with its terminator."""
        return self.text[self.start(line) : self.start(line + 1)]

    def body(self, line: int) -> str:
        """Line `line` without its terminator."""
        return self.whole(line).rstrip("\r\n")

    def eol(self, line: int) -> str:
        """The terminator of `line`; empty for a last line that has none."""
        whole = self.whole(line)
        return whole[len(whole.rstrip("\r\n")) :]


def with_lf(text: str) -> str:
    """`text` with every terminator as LF and without byte order mark; line `i` stays line `i`."""
    text = text.removeprefix(BOM)
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def alike(text: str, other: str) -> bool:
    """Whether two texts are one to an editor, which may hide a byte order mark and CRLF."""
    return text == other or with_lf(text) == with_lf(other)


def marked_as(saved: str, text: str) -> str:
    """`text` of a buffer as its file, which holds `saved`, would hold it: editors hide the mark."""
    return BOM + text.removeprefix(BOM) if saved.startswith(BOM) else text


def whole_lines(text: str) -> list[str]:
    """The lines of a short `text`, each with its terminator."""
    if "\r" in text:
        return _LINE.findall(text)
    lines = [f"{line}\n" for line in text.split("\n")]
    lines[-1] = lines[-1][:-1]
    return lines if lines[-1] else lines[:-1]


def line_end(text: str, at: int) -> int:
    """Where the line that `at` is in ends, terminator included."""
    lf = text.find("\n", at)
    end = len(text) if lf < 0 else lf + 1
    cr = text.find("\r", at, end)
    return end if cr < 0 or cr + 1 == lf else cr + 1


def blocks(text: str, size: int = 1 << 12) -> Iterator[str]:
    """The lines of `text`, which has LF only, some at a time, joined by LF."""
    at, last = 0, len(text) - text.endswith("\n")
    while at <= last:
        cut = text.find("\n", at + size, last)
        end = last if cut < 0 else cut
        yield text[at:end]
        at = end + 1
