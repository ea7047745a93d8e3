"""How a change is taken back, as a change; and a change as what it would take back."""

from __future__ import annotations

from typing import assert_never

from codex_lsp.agent.ports import Change, ChangeFile, CreateFile, MoveFile, RemoveFile
from codex_lsp.workspace.ledger import Creation, Relocation, Removal, Reversal, Swap, Undo
from codex_lsp.workspace.snapshot import BufferText


def change_of(step: Undo) -> Change:
    """The change that does a step."""
    match step:
        case Reversal(path, base, edits):
            return ChangeFile(path, BufferText(path, base, None), edits)
        case Creation(path, text):
            return RemoveFile(path, text)
        case Removal(path, text, mode, saved):
            return CreateFile(path, text, mode, saved)
        case Relocation(path, to, text, saved):
            return MoveFile(path, to, text, saved)
        case Swap():
            return step
        case _:
            assert_never(step)


def step_of(change: Change) -> Undo:
    """The step that does a change."""
    match change:
        case ChangeFile(path, base, edits):
            return Reversal(path, base.text, edits)
        case RemoveFile(path, text):
            return Creation(path, text)
        case CreateFile(path, text, mode, saved):
            return Removal(path, text, mode, saved)
        case MoveFile(path, to, text, saved):
            return Relocation(path, to, text, saved)
        case Swap():
            return change
        case _:
            assert_never(change)
