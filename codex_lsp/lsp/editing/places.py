"""Where hunks are in the text that the person sees: moved with what was typed since.

Texts are compared once for each text that hunks were made for, and large ones off the event loop:
until that is done, places are as they were a moment ago.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from codex_lsp.agent.context.lines import LineRange
from codex_lsp.edits.diff import diff
from codex_lsp.edits.rebase import Conflict, carry
from codex_lsp.edits.text import TextEdit
from codex_lsp.lsp.editing.buffers import OpenBuffers
from codex_lsp.lsp.editing.documents import Document
from codex_lsp.lsp.editing.positions import range_lines
from codex_lsp.lsp.editing.proof import LARGE
from codex_lsp.workspace.ledger import Hunk, Reversal

Typed = tuple[TextEdit, ...]


@dataclass(frozen=True, slots=True)
class Placed:
    """A hunk's stretch `[start, end)` of the live `text`.

    `edits` make its next step there; None where the person typed over it. They are empty where the
    text is so already, and for a step that is about a whole file.
    """

    text: str
    start: int
    end: int
    edits: tuple[TextEdit, ...] | None


class Places:
    """The places of one window's hunks. Of a file that is not open, as in the text it was read."""

    def __init__(self, buffers: OpenBuffers) -> None:
        self._buffers = buffers
        self._typed: dict[Path, dict[str, tuple[Document, Typed]]] = {}

    def of(self, hunk: Hunk, closed: str | None = None) -> Placed:
        """Where the hunk is; `closed`: the text of its file if that is not open."""
        document, step = self._buffers.at(hunk.path), hunk.step
        if not isinstance(step, Reversal):
            return Placed("" if document is None else document.text, 0, 0, ())
        if document is not None:
            live, typed = document.text, self._since(step, document)
        else:
            live = step.base if closed is None else closed
            typed = diff(step.base, live)
        moved = carry(step.edits, typed, step.base)
        if not isinstance(moved, Conflict) and moved:
            return Placed(live, moved[0].start, moved[-1].end, moved)
        start, end = _shifted(step.edits[0].start, typed), _shifted(step.edits[-1].end, typed)
        start, end = min(start, len(live)), min(max(start, end), len(live))
        return Placed(live, start, end, None if isinstance(moved, Conflict) else ())

    def range(self, hunk: Hunk) -> dict[str, object]:
        """The same as an LSP range."""
        placed = self.of(hunk)
        [found] = self._buffers.ranges(placed.text, [TextEdit(placed.start, placed.end, "")])
        return {"start": found["range"]["start"], "end": found["range"]["end"]}  # type: ignore[index]

    def lines(self, hunk: Hunk) -> LineRange:
        """The same as the lines that it touches."""
        return range_lines(self.range(hunk)) or LineRange(0, 1)

    async def prepare(self, path: Path, hunks: Sequence[Hunk]) -> None:
        """Compare what is large now, so that places are known when they are asked for."""
        document = self._buffers.at(path)
        if document is None or len(document.text) < LARGE:
            return
        known = self._typed.setdefault(path, {})
        for base in {hunk.step.base for hunk in hunks if isinstance(hunk.step, Reversal)}:
            known[base] = (document, await asyncio.to_thread(diff, base, document.text))

    def _since(self, step: Reversal, document: Document) -> Typed:
        """What was typed since the text that the step is for."""
        known = self._typed.setdefault(step.path, {})
        if (found := known.get(step.base)) is not None:
            of, typed = found
            if of is document or len(document.text) >= LARGE:
                return typed
        if all(of is not document for of, _ in known.values()):
            known.clear()  # of an older text
        typed = diff(step.base, document.text)
        known[step.base] = (document, typed)
        return typed


def overlap(one: Placed, other: Placed) -> bool:
    """Whether the two have a stretch in common. Two insertions at a place have none."""
    return max(one.start, other.start) < min(one.end, other.end)


def _shifted(offset: int, typed: Sequence[TextEdit]) -> int:
    """Where `offset` is after `typed`; inside of what was replaced, as far in as there is text."""
    shift = 0
    for edit in typed:
        if edit.start >= offset:
            break
        if edit.end > offset:
            return edit.start + shift + min(len(edit.new), offset - edit.start)
        shift += len(edit.new) - (edit.end - edit.start)
    return offset + shift
