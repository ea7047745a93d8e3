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


def off_the_end(text: str, edits: Sequence[TextEdit]) -> tuple[TextEdit, ...]:
    """The same change, but what it adds or removes behind the last line end goes before it.

    `a|b|` is made of `a|` by putting `|b` after `a` as well. Neovim makes the other way an empty
    line too many, or does it in two steps.
    """
    if not edits or edits[-1].end != len(text):
        return tuple(edits)
    *others, last = edits
    line_end = "\r\n" if text.endswith("\r\n") else "\n"
    moved = last.start - len(line_end)
    gone = text[last.start : last.end]
    # Either it adds whole lines or it removes some.
    whole = bool(gone) != bool(last.new) and (gone or last.new).endswith(line_end)
    if not (whole and text.startswith(line_end, max(moved, 0))):
        return tuple(edits)
    new = last.new and f"{line_end}{last.new.removesuffix(line_end)}"
    if others and others[-1].end >= moved:
        before = others.pop()
        if before.end > moved:
            return tuple(edits)
        moved, new = before.start, before.new + new
    return *others, TextEdit(moved, last.end - len(line_end), new)
