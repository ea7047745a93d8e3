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
    """One file to search in, in a form for each pass that was needed."""

    def __init__(self, lines: Lines) -> None:
        self.lines = lines
        text = with_lf(lines.text)
        exactly = _Form(text, lines if len(text) == len(lines.text) else None)
        self._forms: dict[Pass, _Form] = {exact: exactly}

    def find(self, wanted: Wanted) -> int | None:
        """The first line of the place, by the first pass that has one."""
        if len(wanted.lines) > len(self.lines) - wanted.since:
            return None
        hit = self._nearest(wanted, exact)
        if hit is not None or next(self._hits(wanted.lines, plain, wanted.since), None) is None:
            return hit  # what the loosest pass does not find, none does
        hits = (self._nearest(wanted, loosen) for loosen in PASSES[1:])
        return next((hit for hit in hits if hit is not None), None)

    def find_only(self, lines: Sequence[str]) -> int | None:
        """The place where `lines` stand exactly, if there is just one in the whole file."""
        hits = self._hits(lines, exact)
        first, second = next(hits, None), next(hits, None)
        return first if second is None else None

    def find_at_end(self, lines: Sequence[str]) -> int | None:
        """The place where `lines` are the file's last."""
        first = len(self.lines) - len(lines)
        if first < 0:
            return None
        have = "\n".join(self.lines.body(line) for line in range(first, len(self.lines)))
        want = "\n".join(lines)
        return first if any(loosen(have) == loosen(want) for loosen in PASSES) else None

    def find_start(self, text: str, since: int) -> int | None:
        """The only line at or after `since` that begins with `text`, white space aside."""
        form = self._form(bare)
        needle = "\n" + text.strip()
        at = form.text.find(needle, form.offset(since))
        if at < 0 or needle == "\n" or form.text.find(needle, at + 1) >= 0:
            return None
        return form.text.count("\n", 0, at)

    def places(self, line: str) -> Iterator[int]:
        """All lines that are `line` by the loosest comparison."""
        return self._hits((line,), plain)

    def _nearest(self, wanted: Wanted, loosen: Pass) -> int | None:
        hits = self._hits(wanted.lines, loosen, wanted.since)
        near = wanted.near
        if near is None:
            return next(hits, None)
        return min(hits, key=lambda line: abs(line - near), default=None)

    def _hits(self, lines: Sequence[str], loosen: Pass, since: int = 0) -> Iterator[int]:
        """First lines of all places, in order; those of one pattern may overlap."""
        form = self._form(loosen)
        needle = "\n" + loosen("\n".join(lines)) + "\n"
        before = form.offset(since)
        line = since
        at = form.text.find(needle, before)
        while at >= 0:
            line += form.text.count("\n", before, at)
            yield line
            before = at
            at = form.text.find(needle, at + 1)

    def _form(self, loosen: Pass) -> _Form:
        if loosen is plain and self._forms[exact].text.isascii():
            loosen = bare  # there is nothing more to make plain
        if loosen not in self._forms:
            loose = "\n".join(map(loosen, blocks(with_lf(self.lines.text))))
            self._forms[loosen] = _Form(loose)
        return self._forms[loosen]


class _Form:
    """The file's lines as one pass sees them, each between two LF."""

    def __init__(self, text: str, lines: Lines | None = None) -> None:
        self.text = f"\n{text}" if text.endswith("\n") else f"\n{text}\n"
        self._lines = lines  # of the text without the LF that is put before it

    def offset(self, line: int) -> int:
        """Where the LF before `line` is."""
        if line == 0:
            return 0
        if self._lines is None:
            self._lines = Lines(self.text[1:])
        return self._lines.start(line)
