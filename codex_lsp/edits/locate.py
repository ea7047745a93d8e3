"""Where an update's chunks belong in a text, and the minimal edits that make them there.

The patch says what changes; the text keeps everything else: its own spelling of context lines, its
line terminators, its byte order mark, its missing final newline. What does not fit is a `Misfit`.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import chain

from codex_lsp.edits.align import aligned
from codex_lsp.edits.diff import diff, joined
from codex_lsp.edits.lines import Lines
from codex_lsp.edits.match import Haystack, Wanted
from codex_lsp.edits.misfit import Misfit, Why, nearest
from codex_lsp.edits.patch import Chunk, UpdateFile
from codex_lsp.edits.rebase import Conflict, carry
from codex_lsp.edits.text import TextEdit, apply_edits

__all__ = ["Misfit", "locate"]
_NUMBERS = re.compile(r"-(\d{1,9})(?:,\d+)? \+\d+(?:,\d+)? @@.*")  # a unified diff's header


@dataclass(frozen=True, slots=True)
class _Run:
    """Lines `start` to `end` give way to `added`."""

    start: int
    end: int
    added: tuple[str, ...]


def locate(update: UpdateFile, text: str, near: int | None = None) -> tuple[TextEdit, ...] | Misfit:
    """Edits that make `update` in `text`, or why it does not fit. All chunks fit, or none is used.

    `near` is the 0-based line that the person is at: of several places that fit alike, the nearest
    is taken; without it the first.
    """
    edits: tuple[TextEdit, ...] = ()
    current = text
    for first, chunks in _passes(update.chunks):
        found = _locate_pass(chunks, current, near)
        if isinstance(found, _Stuck) and current != text:
            found = _written_for_the_first_text(chunks, text, edits, near) or found
        if isinstance(found, _Stuck):
            return _misfit(update, first + found.chunk, found)
        current = apply_edits(current, found)
        edits = diff(text, current) if first else found
    return edits or _missing_newline(update, text)


@dataclass(frozen=True, slots=True)
class _Stuck:
    """Chunk `chunk` of this pass was not found; `wanted` is what was looked for last."""

    chunk: int
    wanted: Wanted
    why: Why
    haystack: Haystack


def _passes(chunks: Sequence[Chunk]) -> list[tuple[int, list[Chunk]]]:
    """Chunks that are searched in one sweep, each group with the number of its first."""
    passes: list[tuple[int, list[Chunk]]] = []
    for number, chunk in enumerate(chunks):
        if not passes or chunk.afresh:
            passes.append((number, []))
        passes[-1][1].append(_split_at_cr(chunk))
    return passes


def _split_at_cr(chunk: Chunk) -> Chunk:
    # Texts have a line end at a lone CR, patches do not. Added lines are written as they are.
    if not any("\r" in text for text in chunk.old):
        return chunk
    lines = tuple(
        (mark, part)
        for mark, text in chunk.lines
        for part in ([text] if mark == "+" else text.split("\r"))
    )
    return replace(chunk, lines=lines)


def _written_for_the_first_text(
    chunks: Sequence[Chunk], text: str, made: tuple[TextEdit, ...], near: int | None
) -> tuple[TextEdit, ...] | None:
    """Edits on what `made` makes of `text`, for chunks whose context is still that of `text`."""
    found = _locate_pass(chunks, text, near)
    if isinstance(found, _Stuck):
        return None
    moved = carry(found, made, text)
    return None if isinstance(moved, Conflict) else moved


def _misfit(update: UpdateFile, number: int, stuck: _Stuck) -> Misfit:
    haystack = stuck.haystack
    chunk = update.chunks[number]
    done = haystack.find_only(chunk.new) if chunk.new != chunk.old and chunk.new else None
    return Misfit(
        path=update.path,
        chunk=number + 1,
        chunks=len(update.chunks),
        wanted=tuple(stuck.wanted.lines),
        since=stuck.wanted.since,
        nearest=nearest(stuck.wanted, haystack),
        done_at=None if done is None else done + 1,
        why=stuck.why,
    )


def _locate_pass(
    chunks: Sequence[Chunk], text: str, near: int | None
) -> tuple[TextEdit, ...] | _Stuck:
    found = _attempt(chunks, text, near)
    return _attempt(chunks, text, None) if isinstance(found, _Stuck) and near is not None else found


def _attempt(chunks: Sequence[Chunk], text: str, near: int | None) -> tuple[TextEdit, ...] | _Stuck:
    lines = Lines(text)
    haystack = Haystack(lines)
    runs: list[list[_Run]] = []
    cursor = 0
    for number, chunk in enumerate(chunks):
        place = _place(chunk, haystack, cursor, near)
        if isinstance(place, Wanted):
            why: Why = "not last" if chunk.at_end and chunk.old else "missing"
            return _Stuck(number, place, why, haystack)
        placed, at = place
        runs.append(_runs(placed, at))
        cursor = max(cursor, at + len(placed.old))
    ordered = _in_order(runs)
    if ordered is None:
        number = bisect_left(range(len(runs)), 1, key=lambda n: _in_order(runs[: n + 1]) is None)
        return _Stuck(number, Wanted(chunks[number].old), "taken", haystack)
    return joined([edit for run in ordered for edit in _edits(run, lines)])


def _place(
    chunk: Chunk, haystack: Haystack, cursor: int, near: int | None
) -> tuple[Chunk, int] | Wanted:
    """The chunk, perhaps without its last blank context, and the line where it begins."""
    start = _start(chunk, haystack, cursor)
    if isinstance(start, Wanted):
        only = haystack.find_only(chunk.old) if chunk.old else None
        return start if only is None else (chunk, only)
    if not chunk.old:
        return chunk, _insertion(chunk, haystack, start)
    if start.near is not None or start.anchored:
        near = start.near
    for candidate in _without_blank_ends(chunk):
        at = _search(candidate, haystack, start, near)
        if at is not None:
            return candidate, at
    only = haystack.find_only(chunk.old)
    return Wanted(chunk.old, start.line) if only is None else (chunk, only)


@dataclass(frozen=True, slots=True)
class _Start:
    """Where the search for a chunk's lines begins: after an anchor, or near a line."""

    line: int
    near: int | None
    anchored: bool


def _start(chunk: Chunk, haystack: Haystack, cursor: int) -> _Start | Wanted:
    near, anchored = chunk.near, False
    for anchor in chunk.anchors:
        at = haystack.find(Wanted((anchor,), cursor))
        numbers = _NUMBERS.fullmatch(anchor)
        if at is None and numbers:
            near = max(int(numbers[1]) - 1, 0)
            continue
        if at is None:
            at = haystack.find_start(anchor.rstrip().removesuffix("@@"), cursor)
        if at is None:
            return Wanted((anchor,), cursor)
        cursor, anchored = at + 1, True
    return _Start(cursor, near, anchored)


def _search(chunk: Chunk, haystack: Haystack, start: _Start, near: int | None) -> int | None:
    if chunk.at_end:
        return haystack.find_at_end(chunk.old)
    at = haystack.find(Wanted(chunk.old, start.line, near))
    if at is None and start.anchored:  # the anchor may be written again as context
        at = haystack.find(Wanted(chunk.old, start.line - 1))
    return at


def _insertion(chunk: Chunk, haystack: Haystack, start: _Start) -> int:
    """Lines that are only added go after their anchor; without one, to the end of the file."""
    end = len(haystack.lines)
    if chunk.at_end:
        return end
    if start.near is not None:
        return min(start.near, end)
    return start.line if start.anchored else end


def _without_blank_ends(chunk: Chunk) -> list[Chunk]:
    """The chunk, then without the last, then without all of the blank context lines that end it."""
    end = len(chunk.lines)
    while end > 1 and chunk.lines[end - 1] == (" ", ""):
        end -= 1
    ends = dict.fromkeys((len(chunk.lines), max(len(chunk.lines) - 1, end), end))
    shorter = [replace(chunk, lines=chunk.lines[:n]) for n in ends]
    return [chunk] + [candidate for candidate in shorter[1:] if candidate.old]


def _runs(chunk: Chunk, at: int) -> list[_Run]:
    runs: list[_Run] = []
    removed, added = list[str](), list[str]()
    for mark, text in (*chunk.lines, (" ", "")):
        match mark:
            case "-":
                removed.append(text)
            case "+":
                added.append(text)
            case " ":
                # A line that is removed and added again as it was stays, in the file's spelling.
                for i, j, k, m in aligned(removed, added):
                    runs.append(_Run(at + i, at + j, tuple(added[k:m])))
                at += len(removed) + 1
                removed, added = [], []
    return runs


def _in_order(runs: Sequence[Sequence[_Run]]) -> list[_Run] | None:
    """Runs by line, touching ones made one; None if two want the same line."""
    out: list[_Run] = []
    for run in sorted(chain.from_iterable(runs), key=lambda run: (run.start, run.end)):
        if out and out[-1].end > run.start:
            return None
        if out and out[-1].end == run.start:
            last = out.pop()
            run = _Run(last.start, run.end, last.added + run.added)  # noqa: PLW2901 - the sum
        out.append(run)
    return out


def _edits(run: _Run, lines: Lines) -> list[TextEdit]:
    start, end = lines.start(run.start), lines.start(run.end)
    eols = [_eol(run, n, lines) for n in range(len(run.added))]
    last = len(lines) - 1
    if run.end > last >= 0 and not lines.eol(last):  # keep the end of the file without terminator
        if run.start > last:
            new = "".join(eol + line for line, eol in zip(run.added, eols, strict=True))
            return [TextEdit(end, end, new)]
        if eols:
            eols[-1] = ""
        elif run.start > 0:
            start -= len(lines.eol(run.start - 1))
    new = "".join(line + eol for line, eol in zip(run.added, eols, strict=True))
    return [
        TextEdit(start + edit.start, start + edit.end, edit.new)
        for edit in diff(lines.text[start:end], new)
    ]


def _eol(run: _Run, number: int, lines: Lines) -> str:
    """The terminator for an added line: of the line that it takes the place of, or a neighbour."""
    neighbour = min(run.start + number, run.end - 1)
    for line in (neighbour, neighbour - 1, run.end):
        if 0 <= line < len(lines) and lines.eol(line):
            return lines.eol(line)
    return "\n"


def _missing_newline(update: UpdateFile, text: str) -> tuple[TextEdit, ...]:
    # Rewriting the last line as it is can only mean the newline that is missing after it: the
    # language has no other words for that.
    lines = Lines(text)
    last = len(lines) - 1
    if last < 0 or lines.eol(last):
        return ()
    body = lines.body(last)
    rewritten = any(
        {("-", body), ("+", body)} <= set(chunk.lines) and chunk.old[-1] == body
        for chunk in update.chunks
    )
    if not rewritten:
        return ()
    eol = lines.eol(last - 1) if last else ""
    return (TextEdit(len(text), len(text), eol or "\n"),)
