"""A workspace with open documents, as commands meet it: the editor port over real files and the
texts of the documents, and a person who is asked.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from pathlib import Path

from codex_lsp.agent.changes.takeover import TakeOver
from codex_lsp.agent.commands import Commands
from codex_lsp.agent.consent.actions import Action, Allowed, Decision, fingerprint
from codex_lsp.agent.ports import (
    Applied,
    Change,
    ChangeFile,
    CommandRunner,
    CreateFile,
    Held,
    NotApplied,
    RemoveFile,
)
from codex_lsp.agent.steps import Step
from codex_lsp.agent.tools.ask_person import AskPerson
from codex_lsp.agent.tools.exec_command import ExecCommand
from codex_lsp.agent.tools.tool import Answer
from codex_lsp.agent.tools.write_stdin import WriteStdin
from codex_lsp.edits.rebase import Conflict, rebase
from codex_lsp.edits.text import apply_edits, invert
from codex_lsp.workspace import disk, raw, relocate
from codex_lsp.workspace.disk import DiskText, Unusable
from codex_lsp.workspace.ledger import Creation, Removal, Reversal, Swap
from codex_lsp.workspace.snapshot import BufferText, Snapshot

FORM = re.compile(
    r"Chunk ID: [0-9a-f]{6}\n"
    r"Wall time: \d+\.\d{4} seconds\n"
    r"(?:Process exited with code (?P<code>\d+)|Process running with session ID (?P<session>\d+))\n"
    r"Original token count: \d+\n"
    r"Output:\n(?P<text>.*)",
    re.DOTALL,
)


@dataclass
class OpenTexts:
    """One window: `texts` are the open documents, as the person sees them."""

    root: Path
    texts: dict[Path, str] = field(default_factory=dict)
    asked: list[Action] = field(default_factory=list)
    said: list[Step] = field(default_factory=list)
    refuses: set[str] = field(default_factory=set)
    holds: bool = False

    def snapshot(self) -> Snapshot:
        return Snapshot((self.root,), {p: BufferText(p, t, 1) for p, t in self.texts.items()})

    async def permit(self, action: Action) -> Decision:
        self.asked.append(action)
        return Allowed(fingerprint(action))

    def take_over(self, *, reviewed: bool = False) -> TakeOver:
        return TakeOver(
            self,
            self.snapshot,
            self.permit,
            self.said.append,
            label="Codex",
            checkpoints=self.root.parent / "checkpoints",
            reviewed=reviewed,
        )

    async def apply(self, change: Change, *, label: str) -> Applied | NotApplied | Held:
        if change.path.name in self.refuses:
            return NotApplied(change.path, "the editor refused it")
        if self.holds:
            return Held(change.path, 1)
        match change:
            case CreateFile(path=path, text=text, mode=mode):
                problem = relocate.put(path, text, mode=mode)
                done = Applied(path, text, Creation(path, text))
            case RemoveFile(path=path, text=text):
                seen, mode = disk.read(path), relocate.mode_of(path)
                assert isinstance(seen, DiskText)
                problem = relocate.take(path, seen=seen)
                assert self.texts.pop(path, text) == text
                done = Applied(path, "", Removal(path, text, mode))
            case ChangeFile():
                return self._edited(change)
            case Swap(path, there, to):
                out = raw.swap(path, there, to, self.root.parent / "checkpoints")
                if isinstance(out, Unusable):
                    return NotApplied(path, out.reason)
                return Applied(path, "", Swap(path, to, out))
            case _:
                raise AssertionError(change)
        return done if problem is None else NotApplied(path, problem.reason)

    def _edited(self, change: ChangeFile) -> Applied | NotApplied:
        path = change.path
        seen = disk.read(path)
        live = self.texts.get(path, seen.text if isinstance(seen, DiskText) else "")
        edits = rebase(change.edits, change.base.text, live)
        if isinstance(edits, Conflict):
            return NotApplied(path, edits.text, changed_meanwhile=True)
        text = apply_edits(live, edits)
        if path in self.texts:
            self.texts[path] = text
        else:
            assert isinstance(seen, DiskText)
            assert disk.replace(path, text, seen=seen) is None
        return Applied(path, text, Reversal(path, text, invert(edits, live)))


class Tools:
    """The command tools of one turn over a window."""

    def __init__(
        self,
        window: OpenTexts,
        runner: CommandRunner,
        *,
        reviewed: bool = False,
        ask: AskPerson | None = None,
    ) -> None:
        self.patches: list[str] = []
        self.take_over = window.take_over(reviewed=reviewed)
        self.commands = Commands(runner, window.permit, window.snapshot, self.take_over, ask)
        self.exec = ExecCommand(self.commands, window.snapshot, self._patch, shell="/bin/sh")
        self.stdin = WriteStdin(self.commands)

    async def _patch(self, text: str) -> Answer:
        self.patches.append(text)
        return Answer("patched")


def tree(root: Path) -> dict[str, tuple[str, int, bytes]]:
    """All that is below `root`: kind, mode, content."""
    found = {}
    for folder, folders, files in os.walk(root):
        for name in [*folders, *files]:
            path = Path(folder, name)
            status = path.lstat()
            mode = status.st_mode & 0o7777
            if path.is_symlink():
                found[str(path.relative_to(root))] = ("link", 0, os.fsencode(path.readlink()))
            elif path.is_dir():
                found[str(path.relative_to(root))] = ("folder", mode, b"")
            else:
                found[str(path.relative_to(root))] = ("file", mode, path.read_bytes())
    return found
