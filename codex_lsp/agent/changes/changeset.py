"""A set of changes that belong together: all of them are made, or none.

What was made before one failed is taken back, under whatever was typed since. Only where the person
typed over a change does it stay, and then it is named.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from codex_lsp.agent.changes.undo import change_of
from codex_lsp.agent.ports import (
    Applied,
    ChangeFile,
    CreateFile,
    Editor,
    Held,
    MoveFile,
    NotApplied,
    RemoveFile,
    TextChange,
)

Made = tuple[TextChange, Applied]
_ORDER = (ChangeFile, CreateFile, MoveFile, RemoveFile)


@dataclass(frozen=True, slots=True)
class AllMade:
    """Every change was made, or waits for the person."""

    made: tuple[Made, ...]
    held: tuple[Held, ...]


@dataclass(frozen=True, slots=True)
class Failed:
    """One change failed. `standing` are those that could not be taken back, usually none."""

    change: TextChange
    failure: NotApplied
    standing: tuple[Made, ...]


def ordered(groups: Sequence[Sequence[TextChange]]) -> list[TextChange]:
    """The changes of each group in its order; the groups by what is likely to fail, first.

    Typing can only come between edits; what is done to whole files comes last.
    """
    by_kind = sorted(groups, key=lambda group: _ORDER.index(type(group[0])))
    return [change for group in by_kind for change in group]


async def make(
    changes: Sequence[TextChange], editor: Editor, *, label: str, note: Callable[[Made], None]
) -> AllMade | Failed:
    """Make `changes` in order. `note` hears of each that is in the files when this is over, also
    if it is cut short by a cancel: nothing is sent after one, so what landed stays, noted.
    """
    made: list[Made] = []
    held: list[Held] = []
    try:
        for change in changes:
            outcome = await editor.apply(change, label=label)
            match outcome:
                case Applied():
                    made.append((change, outcome))
                case Held():
                    held.append(outcome)
                case NotApplied():
                    await _take_back(made, editor, label=label)
                    return Failed(change, outcome, tuple(made))
        return AllMade(tuple(made), tuple(held))
    finally:
        for one in made:
            note(one)


async def _take_back(made: list[Made], editor: Editor, *, label: str) -> None:
    """Take back what was made, the last first; what cannot be is left in `made`."""
    for one in reversed(made[:]):
        outcome = await editor.apply(change_of(one[1].undo), label=label)
        if isinstance(outcome, Applied):
            made.remove(one)
