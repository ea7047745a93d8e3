"""Takes a turn's changes back, and makes them again, without touching what was typed since.

Each change goes through the editor like any other: moved over later typing, or refused for that
file. What could not be taken back stays, and is named.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import assert_never

from codex_lsp.agent.ports import (
    Applied,
    Change,
    ChangeFile,
    CreateFile,
    Editor,
    MoveFile,
    NotApplied,
    RemoveFile,
)
from codex_lsp.workspace.ledger import Creation, Relocation, Removal, Reversal, Undo
from codex_lsp.workspace.snapshot import BufferText


@dataclass(frozen=True, slots=True)
class Reversed:
    """What came of it: `undos` lead back again, oldest first.

    `kept` could not be done, and `left` are the undos that it would take, oldest first.
    """

    undos: tuple[Undo, ...]
    left: tuple[Undo, ...]
    done: tuple[Applied, ...]
    kept: tuple[NotApplied, ...]


async def reverse(undos: Sequence[Undo], editor: Editor, *, label: str) -> Reversed:
    """Take back changes that were made in the order of `undos`: the last one first."""
    done: list[Applied] = []
    kept: list[NotApplied] = []
    left: list[Undo] = []
    for undo in reversed(undos):
        outcome = await editor.apply(change_of(undo), label=label)
        if isinstance(outcome, Applied):
            done.append(outcome)
        elif isinstance(outcome, NotApplied):
            kept.append(outcome)
            left.insert(0, undo)
    undos = tuple(applied.undo for applied in done)
    return Reversed(undos, tuple(left), tuple(done), tuple(kept))


def change_of(undo: Undo) -> Change:
    """The change that takes a change back."""
    match undo:
        case Reversal(path, base, edits):
            return ChangeFile(path, BufferText(path, base, None), edits)
        case Creation(path, text):
            return RemoveFile(path, text)
        case Removal(path, text, mode, saved):
            return CreateFile(path, text, mode, saved)
        case Relocation(path, to, text, saved):
            return MoveFile(path, to, text, saved)
        case _:
            assert_never(undo)
