"""Edits as values: replace a stretch of text by another. Offsets count code points."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class TextEdit:
    """Replace `text[start:end]` by `new`. A list of edits is sorted and does not overlap."""

    start: int
    end: int
    new: str


def apply_edits(text: str, edits: Sequence[TextEdit]) -> str:
    """`text` with all `edits` made; each is placed in the text as it was before any of them."""
    pieces: list[str] = []
    at = 0
    for edit in edits:
        pieces += [text[at : edit.start], edit.new]
        at = edit.end
    pieces.append(text[at:])
    return "".join(pieces)


def invert(edits: Sequence[TextEdit], base: str) -> tuple[TextEdit, ...]:
    """Edits on the text that `edits` make of `base` which bring `base` back."""
    out: list[TextEdit] = []
    shift = 0
    for edit in edits:
        start = edit.start + shift
        out.append(TextEdit(start, start + len(edit.new), base[edit.start : edit.end]))
        shift += len(edit.new) - (edit.end - edit.start)
    return tuple(out)
