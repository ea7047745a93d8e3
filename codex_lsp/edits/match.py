"""Finds lines in a file: exactly, then with looser and looser comparison, as Codex does.

Each pass goes over the whole remaining file before a looser one begins. Searching is a substring
search in the joined lines, so that its time is linear whatever repeats. Knows no patches.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from codex_lsp.edits.lines import Lines, blocks, with_lf

_PLAIN = str.maketrans(
    {
        **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212", "-"),
        **dict.fromkeys("\u2018\u2019\u201a\u201b", "'"),
        **dict.fromkeys("\u201c\u201d\u201e\u201f", '"'),
        **dict.fromkeys("\u00a0\u2002\u2003\u2004\u2005\u2006\u2007\u2008", " "),
        **dict.fromkeys("\u2009\u200a\u202f\u205f\u3000", " "),
    }
)


def exact(lines: str) -> str:
    """Lines joined by LF, as they are."""
    return lines


def unpadded(lines: str) -> str:
    """Lines joined by LF, without white space at their ends."""
    return "\n".join(map(str.rstrip, lines.split("\n")))


def bare(lines: str) -> str:
    """Lines joined by LF, without white space around them."""
    return "\n".join(map(str.strip, lines.split("\n")))


def plain(lines: str) -> str:
    """Bare lines joined by LF, with typographic dashes, quotes and spaces made plain."""
    lines = bare(lines)
    return lines if lines.isascii() else lines.translate(_PLAIN)


Pass = Callable[[str], str]
PASSES: tuple[Pass, ...] = (exact, unpadded, bare, plain)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Lines to find at or after line `since`; the one nearest to line `near` if that is given."""

    lines: Sequence[str]
    since: int = 0
    near: int | None = None


class Haystack:
    """One file to search in: as it is, and once that is needed as the loosest pass sees it."""

    def __init__(self, lines: Lines) -> None:
        self.lines = lines
        text = with_lf(lines.text)
        framed = f"\n{text}" if text.endswith("\n") else f"\n{text}\n"
        self._exact = _Form(framed, lines if len(text) == len(lines.text) else None)
        self._plain: _Form | None = None

    def find(self, wanted: Wanted) -> int | None:
        """The first line of the place, by the first pass that has one."""
        near = wanted.near
        hits = self._hits(wanted.lines, exact, wanted.since)
        if near is None:
            hit = next(hits, None)
        else:
            hit = min(hits, key=lambda line: abs(line - near), default=None)
        return self._find_loosely(wanted) if hit is None else hit

    def find_only(self, lines: Sequence[str]) -> int | None:
        """The place where `lines` stand exactly, if there is just one in the whole file."""
        hits = self._hits(lines, exact)
        first, second = next(hits, None), next(hits, None)
        return first if second is None else None

    def find_at_end(self, lines: Sequence[str]) -> int | None:
        """The place where `lines` are the file's last."""
        first = len(self.lines) - len(lines)
        return None if first < 0 or self._looseness(lines, first) == len(PASSES) else first

    def find_start(self, text: str, since: int) -> int | None:
        """The only line at or after `since` that begins with `text`, white space aside."""
        form = self._plainly()
        needle = "\n" + plain(text)
        at = form.text.find(needle, form.offset(since))
        if at < 0 or needle == "\n" or form.text.find(needle, at + 1) >= 0:
            return None
        return form.text.count("\n", 0, at)

    def places(self, line: str) -> Iterator[int]:
        """All lines that are `line` by the loosest comparison."""
        return self._hits((line,), plain)

    def _find_loosely(self, wanted: Wanted) -> int | None:
        """Of all places of the loosest pass the one that an earlier pass, then order, prefers."""
        best: tuple[int, int, int] | None = None
        for hit in self._hits(wanted.lines, plain, wanted.since):
            far = 0 if wanted.near is None else abs(hit - wanted.near)
            rank = (self._looseness(wanted.lines, hit), far, hit)
            best = rank if best is None else min(best, rank)
            if best[:2] == (1, 0):  # nothing that follows can be better
                break
        return None if best is None else best[2]

    def _looseness(self, lines: Sequence[str], at: int) -> int:
        """The number of the first pass by which `lines` stand at line `at`."""
        want = "\n".join(lines)
        have = "\n".join(self.lines.body(n) for n in range(at, at + len(lines)))
        same = (n for n, loosen in enumerate(PASSES) if loosen(want) == loosen(have))
        return next(same, len(PASSES))

    def _hits(self, lines: Sequence[str], loosen: Pass, since: int = 0) -> Iterator[int]:
        """First lines of all places, in order; those of one pattern may overlap."""
        if len(lines) > len(self.lines) - since:
            return
        form = self._exact if loosen is exact else self._plainly()
        needle = "\n" + loosen("\n".join(lines)) + "\n"
        before = form.offset(since)
        line = since
        at = form.text.find(needle, before)
        while at >= 0:
            line += form.text.count("\n", before, at)
            yield line
            before = at
            at = form.text.find(needle, at + 1)

    def _plainly(self) -> _Form:
        if self._plain is None:
            pieces = map(plain, blocks(with_lf(self.lines.text)))
            self._plain = _Form("\n".join(["", *pieces, ""]))
        return self._plain


class _Form:
    """The file's lines as one pass sees them, each between two LF."""

    def __init__(self, text: str, lines: Lines | None = None) -> None:
        self.text = text
        self._lines = lines  # of the text without the LF that is put before it

    def offset(self, line: int) -> int:
        """Where the LF before `line` is."""
        if line == 0:
            return 0
        if self._lines is None:
            self._lines = Lines(self.text[1:])
        return self._lines.start(line)
