"""An editor port over plain texts in memory: it can refuse, and the person can type at any time."""

from __future__ import annotations

import asyncio
from pathlib import Path

from codex_lsp.agent.ports import (
    Applied,
    Change,
    ChangeFile,
    CreateFile,
    MoveFile,
    NotApplied,
    RemoveFile,
)
from codex_lsp.edits.rebase import Conflict, rebase
from codex_lsp.edits.text import apply_edits, invert
from codex_lsp.workspace.ledger import Creation, Relocation, Removal, Reversal
from codex_lsp.workspace.snapshot import BufferText, Snapshot


class FolderEditor:
    def __init__(self, root: Path, **texts: str) -> None:
        self.root = root
        self.texts = {root / name.replace("__", "."): text for name, text in texts.items()}
        self.refusal: str | None = None
        self.waits = asyncio.Event()

    def snapshot(self) -> Snapshot:
        buffers = {path: BufferText(path, text, 1, "python") for path, text in self.texts.items()}
        return Snapshot((self.root,), buffers)

    async def apply(self, change: Change, *, label: str) -> Applied | NotApplied:
        if self.refusal is not None:
            return NotApplied(change.path, self.refusal)
        if isinstance(change, CreateFile):
            self.texts[change.path] = change.text
            return Applied(change.path, change.text, Creation(change.path, change.text))
        if isinstance(change, RemoveFile):
            text = self.texts.pop(change.path)
            return Applied(change.path, "", Removal(change.path, text))
        if isinstance(change, MoveFile):
            text = self.texts[change.to] = self.texts.pop(change.path)
            return Applied(change.to, text, Relocation(change.to, change.path, text))
        assert isinstance(change, ChangeFile)
        live = self.texts[change.path]
        edits = rebase(change.edits, change.base.text, live)
        if isinstance(edits, Conflict):
            return NotApplied(change.path, edits.text, changed_meanwhile=True)
        text = apply_edits(live, edits)
        self.texts[change.path] = text
        return Applied(change.path, text, Reversal(change.path, text, invert(edits, live)))
