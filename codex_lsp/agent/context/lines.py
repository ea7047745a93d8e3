"""Lines of a text, as editors count them."""

from __future__ import annotations

import re
from dataclasses import dataclass

_LINE = re.compile(r"[^\r\n]*(?:\r\n|\n|\r)|[^\r\n]+")


@dataclass(frozen=True, slots=True, order=True)
class LineRange:
    """Whole lines `[start, end)` of a text, counted from 0."""

    start: int
    end: int

    def __contains__(self, line: int) -> bool:
        return self.start <= line < self.end


def split_lines(text: str) -> list[str]:
    r"""The lines of `text` with their ends: \r\n, \n or \r, and nothing else."""
    return _LINE.findall(text.removeprefix("\ufeff"))
