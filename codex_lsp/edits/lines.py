"""A text seen as lines, without a Python object per line: offsets in an array.

Lines end in LF, CRLF or CR, each line as it is. A byte order mark belongs to no line. Nothing here
changes a text.
"""

from __future__ import annotations

import re
from array import array
from dataclasses import dataclass

BOM = "\ufeff"
_ANY_EOL = re.compile(r"\r\n|\r|\n")
_LF = re.compile("\n")


@dataclass(frozen=True, slots=True)
class Lines:
    """`starts[i]` is the offset of line `i`; one more entry stands for the end of the text."""

    text: str
    starts: array[int]

    def __len__(self) -> int:
        return len(self.starts) - 1

    def whole(self, line: int) -> str:
        """Line `line` with its terminator."""
        return self.text[self.starts[line] : self.starts[line + 1]]

    def body(self, line: int) -> str:
        """Line `line` without its terminator."""
        return self.whole(line).rstrip("\r\n")

    def eol(self, line: int) -> str:
        """The terminator of `line`; empty for a last line that has none."""
        whole = self.whole(line)
        return whole[len(whole.rstrip("\r\n")) :]


def split(text: str) -> Lines:
    """The lines of `text`. An empty text has none; a final terminator begins no further line."""
    first = len(BOM) if text.startswith(BOM) else 0
    eols = _ANY_EOL if "\r" in text else _LF
    starts = array("Q", [first])
    starts.extend(match.end() for match in eols.finditer(text, first))
    if starts[-1] != len(text):
        starts.append(len(text))
    return Lines(text, starts)


def with_lf(text: str) -> str:
    """`text` with every terminator as LF and without byte order mark; line `i` stays line `i`."""
    text = text.removeprefix(BOM)
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def line_at(text: str, offset: int) -> int:
    """The 0-based number of the line that `offset` is in."""
    return sum(1 for _ in _ANY_EOL.finditer(text, 0, offset))
