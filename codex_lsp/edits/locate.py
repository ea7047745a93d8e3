"""Where an update's chunks belong in a text, and the minimal edits that make them there.

The patch says what changes; the text keeps everything else: its own spelling of context lines, its
line terminators, its byte order mark, its missing final newline. What does not fit is a `Misfit`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from codex_lsp.edits.diff import diff, joined
from codex_lsp.edits.lines import Lines
from codex_lsp.edits.match import Haystack, Wanted
from codex_lsp.edits.misfit import Misfit, nearest
from codex_lsp.edits.patch import Chunk, UpdateFile
from codex_lsp.edits.text import TextEdit, apply_edits

__all__ = ["Misfit", "locate"]


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
    passes = _passes(update.chunks)
    for first, chunks in passes:
        found = _locate_pass(chunks, current, near)
        if isinstance(found, _Stuck) and near is not None:
            found = _locate_pass(chunks, current, None)
        if isinstance(found, _Stuck):
            return _misfit(update, first + found.chunk, found.wanted, current)
        edits = found
        current = apply_edits(current, found)
    if len(passes) > 1:
        edits = diff(text, current)
    if not edits:
        return _missing_newline(update, text)
    return edits


def _misfit(update: UpdateFile, number: int, wanted: Wanted, text: str) -> Misfit:
    lines = Lines(text)
    chunk = update.chunks[number]
    made = chunk.new if chunk.new != chunk.old else ()
    done = Haystack(lines).find_only(made) if made else None
    return Misfit(
        path=update.path,
        chunk=number + 1,
        chunks=len(update.chunks),
        wanted=tuple(wanted.lines),
        since=wanted.since,
        nearest=nearest(wanted, lines),
        done_at=None if done is None else done + 1,
    )


@dataclass(frozen=True, slots=True)
class _Stuck:
    """Chunk `chunk` of this pass was not found; `wanted` is what was looked for last."""

    chunk: int
    wanted: Wanted


def _passes(chunks: Sequence[Chunk]) -> list[tuple[int, list[Chunk]]]:
    """Chunks that are searched in one sweep, each group with the number of its first."""
    passes: list[tuple[int, list[Chunk]]] = []
    for number, chunk in enumerate(chunks):
        if not passes or chunk.afresh:
            passes.append((number, []))
        passes[-1][1].append(chunk)
    return passes


def _locate_pass(
    chunks: Sequence[Chunk], text: str, near: int | None
) -> tuple[TextEdit, ...] | _Stuck:
    lines = Lines(text)
    haystack = Haystack(lines)
    runs: list[_Run] = []
    cursor = 0
    for number, chunk in enumerate(chunks):
        hint = chunk.near if chunk.near is not None else near
        place = _place(chunk, haystack, cursor, hint)
        if isinstance(place, Wanted):
            return _Stuck(number, place)
        chunk, at = place  # noqa: PLW2901 - the chunk as it was found
        runs += _runs(chunk, at)
        cursor = max(cursor, at + len(chunk.old))
    ordered = _in_order(runs)
    if ordered is None:
        return _Stuck(len(chunks) - 1, Wanted(chunks[-1].old, cursor))
    edits: list[TextEdit] = []
    for run in ordered:
        edits += _edits(run, lines)
    return joined(edits)


def _place(
    chunk: Chunk, haystack: Haystack, cursor: int, near: int | None
) -> tuple[Chunk, int] | Wanted:
    """The chunk, perhaps without its last blank context, and the line where it begins."""
    since = _after_anchors(chunk, haystack, cursor)
    if isinstance(since, Wanted):
        only = haystack.find_only(chunk.old) if chunk.old else None
        return since if only is None else (chunk, only)
    if not chunk.old:
        return chunk, _insertion(chunk, haystack, since)
    for candidate in _without_blank_ends(chunk):
        at = _search(candidate, haystack, since, None if chunk.anchors else near)
        if at is not None:
            return candidate, at
    only = haystack.find_only(chunk.old)
    return Wanted(chunk.old, since) if only is None else (chunk, only)


def _search(chunk: Chunk, haystack: Haystack, since: int, near: int | None) -> int | None:
    if chunk.at_end:
        return haystack.find_at_end(chunk.old)
    at = haystack.find(Wanted(chunk.old, since, near))
    if at is None and chunk.anchors and chunk.old[0].strip() == chunk.anchors[-1].strip():
        at = haystack.find(Wanted(chunk.old, since - 1))  # the anchor is written twice
    return at


def _after_anchors(chunk: Chunk, haystack: Haystack, cursor: int) -> int | Wanted:
    for anchor in chunk.anchors:
        wanted = Wanted((anchor,), cursor)
        at = haystack.find(wanted)
        if at is None:
            at = haystack.find_start(anchor, cursor)
        if at is None:
            return wanted
        cursor = at + 1
    return cursor


def _insertion(chunk: Chunk, haystack: Haystack, since: int) -> int:
    """Lines that are only added go after their anchor; without one, to the end of the file."""
    end = len(haystack.lines)
    if chunk.at_end:
        return end
    if chunk.near is not None:
        return min(chunk.near, end)
    return since if chunk.anchors else end


def _without_blank_ends(chunk: Chunk) -> list[Chunk]:
    """The chunk, then with fewer and fewer of the blank context lines that end it."""
    candidates = [chunk]
    while chunk.lines[-1] == (" ", "") and len(chunk.old) > 1:
        chunk = replace(chunk, lines=chunk.lines[:-1])
        candidates.append(chunk)
    return candidates


def _runs(chunk: Chunk, at: int) -> list[_Run]:
    runs: list[_Run] = []
    start, added = at, list[str]()
    for mark, text in (*chunk.lines, (" ", "")):
        match mark:
            case "-":
                at += 1
            case "+":
                added.append(text)
            case " ":
                if added or at > start:
                    runs.append(_Run(start, at, tuple(added)))
                at += 1
                start, added = at, []
    return runs


def _in_order(runs: Sequence[_Run]) -> list[_Run] | None:
    """Runs by line, touching ones made one; None if two want the same line."""
    out: list[_Run] = []
    for run in sorted(runs, key=lambda run: (run.start, run.end)):
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
