"""What a command changed, taken over into the workspace: looked at first, then done like an edit.

All of it goes through the editor, so that open documents change where the person sees it, and each
change can be taken back; but for what the project ignores (caches, build output), which goes
straight to disk if nobody else changed it meanwhile. Files that configure tools are asked about
before anything is done.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import assert_never

from codex_lsp.agent.changes.takeover_plan import (
    Planned,
    filled,
    in_order,
    plan,
    preview,
    protected,
)
from codex_lsp.agent.consent.actions import Permit, TouchProtected
from codex_lsp.agent.consent.shown import withheld
from codex_lsp.agent.ports import (
    Applied,
    Change,
    ChangeFile,
    CreateFile,
    Editor,
    FileChange,
    FolderGone,
    FolderMade,
    Gone,
    Held,
    Linked,
    NotApplied,
    Odd,
    RemoveFile,
    Snapshots,
    Wrote,
)
from codex_lsp.agent.steps import Landed, Refused, StepSink, Waiting
from codex_lsp.edits.diff import diff
from codex_lsp.edits.lines import BOM
from codex_lsp.edits.text import TextEdit
from codex_lsp.workspace import disk, raw
from codex_lsp.workspace.disk import DiskText
from codex_lsp.workspace.ledger import Swap
from codex_lsp.workspace.raw import Bits, Bytes, Directory, Link, Thing
from codex_lsp.workspace.snapshot import BufferText, Snapshot


class TakeOver:
    """For one turn. `reviewed`: the person wants to see each change first, so the bytes of what is
    no text are kept in `checkpoints` till then. `changed` fills with the texts of the files that
    change.
    """

    def __init__(
        self,
        editor: Editor,
        snapshots: Snapshots,
        permit: Permit,
        tell: StepSink,
        *,
        label: str,
        checkpoints: Path,
        reviewed: bool = False,
    ) -> None:
        self._editor = editor
        self._snapshots = snapshots
        self._permit = permit
        self._tell = tell
        self._label = label
        self._checkpoints = checkpoints
        self.reviewed = reviewed
        self.changed: dict[str, str] = {}

    async def __call__(
        self, changes: Sequence[FileChange], ran_on: Snapshot, started: int
    ) -> list[str]:
        """Take `changes` over; what was not kept is told, to the model as the result."""
        if not changes:
            return []
        run = _Run(self, ran_on, started, await asyncio.to_thread(filled, changes))
        planned, said = await asyncio.to_thread(plan, changes, ran_on)
        planned, denied = await self._asked(planned, run)
        failed = said + denied
        odd: list[str] = []
        first, rest = await asyncio.to_thread(in_order, planned)
        for number, one in enumerate([*first, *rest]):
            if isinstance(one.change, Odd):
                odd.append(f"{run.name(one)} is no file, folder or link")
            elif failed and isinstance(one.change, Gone) and number >= len(first):
                # What was to take its place is missing, perhaps.
                failed.append(f"{run.name(one)} was not deleted, because of the above")
            elif problem := await run.make(one):
                failed.append(f"{run.name(one)} {problem}")
        for one in reversed([one for one in rest if isinstance(one.change, FolderMade)]):
            if problem := await run.close(one):
                failed.append(f"{run.name(one)} {problem}")
        for text in failed:
            self._tell(Refused(text))
        lines = [f"Not kept: {text}" for text in [*failed, *odd]]
        if run.waiting:
            lines.append(f"The person reviews first: {', '.join(run.waiting)}")
        return lines

    async def _asked(self, planned: list[Planned], run: _Run) -> tuple[list[Planned], list[str]]:
        """Ask for what is protected, a folder at a time; what may not be done is left out."""
        denied: list[str] = []
        barred: set[Planned] = set()
        for path, members in protected(planned).items():
            shown = await asyncio.to_thread(preview, members, run.ran_on)
            # Folders alone are not worth a question.
            action = None if shown is None else TouchProtected(path, shown)
            if shown == "":
                barred.update(members)
            elif problem := await withheld(action, self._permit):
                barred.update(members)
                denied.append(f"{run.called(path, members[0])} is protected, and {problem}")
        return [one for one in planned if one not in barred], denied

    def note(self, outcome: Applied, hunks: int, name: str) -> None:
        """A change was made by the editor."""
        self._tell(Landed(outcome.path, hunks, outcome.undo))
        self.changed[name] = outcome.text

    async def edit(self, change: Change) -> Applied | NotApplied | Held:
        """Have the editor make it."""
        outcome = await self._editor.apply(change, label=self._label)
        if isinstance(outcome, Held):
            self._tell(Waiting(outcome.path, outcome.hunks))
        return outcome

    def open_now(self, path: Path) -> BufferText | None:
        """The buffer that shows `path` at this moment."""
        return self._snapshots().buffers.get(path)

    def new(self, change: Wrote) -> Bytes:
        """What a command left; where that waits for the person, it is kept for them."""
        return raw.copy_of(change.source, change.mode, self._checkpoints if self.reviewed else None)


@dataclass(frozen=True, slots=True)
class _Run:
    """The changes of one command, which ran on `ran_on` from `started` on. `filled`: the folders
    that it left something in.
    """

    owner: TakeOver
    ran_on: Snapshot
    started: int
    filled: frozenset[Path]
    waiting: dict[str, None] = field(default_factory=dict)

    def name(self, one: Planned) -> str:
        return self.ran_on.name(one.change.path)

    def called(self, path: Path, one: Planned) -> str:
        return self.ran_on.name(path) if path.is_relative_to(one.root) else str(path)

    async def make(self, one: Planned) -> str | None:
        """Make one change; returns why it was not made."""
        if isinstance(one.change, Odd):
            return None
        try:
            if one.straight:
                return await asyncio.to_thread(self._straight, one.change)
            match one.change:
                case Wrote() as change:
                    return await self._write(change)
                case Gone(path):
                    return await self._remove(path)
                case Linked(path, target):
                    return await self._swap(path, Link(target))
                case FolderMade() as change:
                    return await self._folder(change)
                case FolderGone(path):
                    empty = await asyncio.to_thread(_is_empty, path)
                    return await self._swap(path, None) if empty else None
                case _:
                    assert_never(one.change)
        except OSError as error:
            return f"cannot be written: {error.strerror}"

    def _straight(self, change: Wrote | Gone | Linked | FolderMade | FolderGone) -> str | None:
        """Make a change that is nobody's business but the disk's."""
        path = change.path
        is_folder = isinstance(change, FolderMade | FolderGone)
        if not is_folder and raw.changed_since(path, self.started):
            return "was changed on disk meanwhile"
        match change:
            case Wrote(source=source, mode=mode):
                raw.install(source, path, mode)
            case Linked(target=target):
                raw.link(path, target)
            case FolderMade(mode=mode):
                raw.make_folder(path, mode)
            case Gone():
                with contextlib.suppress(FileNotFoundError):
                    raw.discard(path)
            case FolderGone():
                with contextlib.suppress(OSError):  # one that got something new stays
                    raw.discard(path)
            case _:
                assert_never(change)
        return None

    async def _write(self, change: Wrote) -> str | None:
        path = change.path
        text = await asyncio.to_thread(raw.text_of, change.source, disk.MAX_FILE_BYTES)
        planned = await asyncio.to_thread(self._as_edit, path, text, change.mode)
        if isinstance(planned, str):
            return planned
        if planned is None:
            return await self._swap(path, await asyncio.to_thread(self.owner.new, change))
        if not (isinstance(planned, ChangeFile) and not planned.edits):
            if problem := await self._edit(planned):
                return f"was not changed: {problem}"
            if self.owner.open_now(path) is None:
                await asyncio.to_thread(raw.same_time, change.source, path)
        return await self._set_mode(path, change.mode) if isinstance(planned, ChangeFile) else None

    async def _edit(self, change: Change) -> str | None:
        """Have the editor make a change; why it did not."""
        outcome = await self.owner.edit(change)
        match outcome:
            case NotApplied(reason=reason):
                return reason
            case Held(path):
                self.waiting[self.ran_on.name(path)] = None
            case Applied(path):
                hunks = len(change.edits) if isinstance(change, ChangeFile) else 1
                self.owner.note(outcome, hunks, self.ran_on.name(path))
        return None

    async def _swap(self, path: Path, to: Thing | None) -> str | None:
        """Put what is no text at `path`, or nothing, over what was there when the command ran."""
        there = await asyncio.to_thread(raw.look, path)
        folder = isinstance(there, Directory)  # it changes with what is in it
        if not folder and await asyncio.to_thread(raw.changed_since, path, self.started):
            return "was changed on disk meanwhile"
        if there is None and to is None:
            return None
        problem = await self._edit(Swap(path, there, to))
        return problem and f"was not {'deleted' if to is None else 'written'}: {problem}"

    async def _set_mode(self, path: Path, mode: int) -> str | None:
        now = await asyncio.to_thread(raw.look, path)
        if not isinstance(now, Bytes) or now.mode == mode:
            return None
        problem = await self._edit(Swap(path, Bits(now.mode), Bits(mode)))
        return problem and f"has its old mode: {problem}"

    async def _folder(self, change: FolderMade) -> str | None:
        """Make a folder; what is in it comes after it, so it stays open until then."""
        if self.owner.reviewed:
            # One with files comes with them, once the person wants them.
            return None if change.path in self.filled else await self._mode(change, change.mode)
        return await self._mode(change, change.mode | stat.S_IRWXU)

    async def close(self, one: Planned) -> str | None:
        """Take from a folder what its owner may not do in it, now that all is in it."""
        change = one.change
        if one.straight or self.owner.reviewed or not isinstance(change, FolderMade):
            return None
        made = await asyncio.to_thread(change.path.is_dir)
        return await self._mode(change, change.mode) if made else None

    async def _mode(self, change: FolderMade, mode: int) -> str | None:
        """Have a folder with this mode, made if there is none."""
        there = await asyncio.to_thread(raw.look, change.path)
        if isinstance(there, Directory) and there.mode == mode:
            return None
        return await self._swap(change.path, Directory(mode))

    def _as_edit(self, path: Path, text: str | None, mode: int) -> Change | str | None:
        """The change for the editor; None where bytes are to be written, words where neither."""
        if (buffer := self.ran_on.buffers.get(path)) is not None:
            if text is None:
                return "is open in the editor, and was made something that is no text"
            return ChangeFile(path, buffer, _edits(buffer.text, text))
        if not path.exists():
            return None if text is None else CreateFile(path, text, mode)
        if raw.changed_since(path, self.started):
            return "was changed on disk meanwhile"
        seen = disk.read(path)
        if text is None or not isinstance(seen, DiskText):
            open_now = self.owner.open_now(path) is not None
            return "is open in the editor, and is no text" if open_now else None
        return ChangeFile(path, seen, diff(seen.text, text))

    async def _remove(self, path: Path) -> str | None:
        buffer = self.ran_on.buffers.get(path)
        if not await asyncio.to_thread(os.path.lexists, path):
            return None if buffer is None else "is only in the editor, unsaved: it stays there"
        seen = await asyncio.to_thread(disk.read, path)
        if buffer is None and raw.changed_since(path, self.started):
            return "was changed on disk meanwhile"
        if not isinstance(seen, DiskText):
            return await self._swap(path, None)
        text = seen.text if buffer is None else buffer.text
        problem = await self._edit(RemoveFile(path, text))
        return problem and f"was not deleted: {problem}"


def _is_empty(path: Path) -> bool:
    """Whether a folder that a command emptied is so here; one that got something new stays."""
    return path.is_dir() and not any(path.iterdir())


def _edits(base: str, text: str) -> tuple[TextEdit, ...]:
    """From a buffer's text to what the file holds now; editors hide a byte order mark."""
    return diff(base, text if base.startswith(BOM) else text.removeprefix(BOM))
