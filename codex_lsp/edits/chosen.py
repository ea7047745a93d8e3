"""Which of several edits were made: read from the text before and the text after."""

from __future__ import annotations

from collections.abc import Sequence

from codex_lsp.edits.text import TextEdit


def chosen(edits: Sequence[TextEdit], before: str, after: str) -> tuple[bool, ...] | None:
    """The choice of `edits` of `before` that makes it exactly `after`; None if none does.

    Nothing is guessed: a key typed anywhere else makes it None.
    """
    choices: dict[int, tuple[bool, ...]] = {0: ()}  # by how much of `after` they explain
    at = 0
    for edit in edits:
        kept, gone = before[at : edit.start], before[edit.start : edit.end]
        longer: dict[int, tuple[bool, ...]] = {}
        for place, choice in choices.items():
            end = place + len(kept)
            if after.startswith(kept, place):
                for text, made in ((edit.new, True), (gone, False)):
                    if after.startswith(text, end):
                        longer.setdefault(end + len(text), (*choice, made))
        choices, at = longer, edit.end
    rest = len(after) - (len(before) - at)
    return choices.get(rest) if rest >= 0 and after.endswith(before[at:]) else None
