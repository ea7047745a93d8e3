"""Whole files, as the editor has to have them made, moved and deleted.

Where a buffer covers a file and the client declares the operation, the editor does it: one
operation a request, proven on disk. Else it is done on disk, if the file is still what was read.
No buffer whose text the change was not made for is moved or deleted, and no file is overwritten.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from codex_lsp.agent.ports import Applied, CreateFile, MoveFile, NotApplied, RemoveFile
from codex_lsp.edits.lines import alike, marked_as
from codex_lsp.lsp.capabilities import Client
from codex_lsp.lsp.connection.client import ClientFailure, ClientTimeout
from codex_lsp.lsp.editing.proof import OVERTAKEN, Buffers, OpenDocument, verdict
from codex_lsp.lsp.person.messages import WARNING, say
from codex_lsp.lsp.person.progress import Wire
from codex_lsp.workspace import disk, places, raw, relocate
from codex_lsp.workspace.disk import DiskText, Unusable
from codex_lsp.workspace.ledger import Creation, Relocation, Removal, Swap
from codex_lsp.workspace.raw import Bits, Bytes

ANSWER_DEADLINE = 60.0  # seconds; Eglot asks the person first, who may be slow
UNCONFIRMED = (
    "the editor did not answer, so this is not confirmed; it may still land: look before you "
    "patch again"
)
_GATHERED = 0.3  # seconds within which files are made together
_NAMED = 3


class Files:
    """Whole files of one window. `told` is given what the person should know; what is in files that
    are no text is kept in `checkpoints`.
    """

    def __init__(
        self,
        wire: Wire,
        client: Client,
        buffers: Buffers,
        told: Callable[[str], None],
        checkpoints: Path,
    ) -> None:
        self._wire = wire
        self._client = client
        self._buffers = buffers
        self._told = told
        self._checkpoints = checkpoints
        self._new: list[Path] = []

    async def create(self, change: CreateFile) -> Applied | NotApplied:
        """Always on disk: an editor would leave the file empty and the text unsaved."""
        path, text = change.path, change.text
        buffer = self._buffers.at(path)
        if buffer is not None and not alike(buffer.text, text):
            return NotApplied(path, "a buffer of that name is open already")
        if buffer is not None and change.saved is not None:
            text = change.saved
        problem = await asyncio.to_thread(relocate.put, path, text, mode=change.mode)
        if problem is not None:
            return NotApplied(path, problem.reason)
        self._made(path)
        return Applied(path, change.text, Creation(path, change.text))

    async def swap(self, change: Swap) -> Applied | NotApplied:
        """What is no text is put in place of another thing, on disk."""
        path = change.path
        if self._buffers.at(path) is not None and not isinstance(change.to, Bits):
            return NotApplied(path, "it is open in the editor")
        came_out = await asyncio.to_thread(
            raw.swap, path, change.there, change.to, self._checkpoints
        )
        if isinstance(came_out, Unusable):
            return NotApplied(path, came_out.reason, changed_meanwhile=True)
        if change.there is None and isinstance(change.to, Bytes):
            self._made(path)
        to = replace(change.to, kept=None) if isinstance(change.to, Bytes) else change.to
        return Applied(path, "", Swap(path, to, came_out))

    def _made(self, path: Path) -> None:
        """Tell of a new file, in one sentence with those that come right after it."""
        self._new.append(path)
        if len(self._new) == 1:
            asyncio.get_running_loop().call_later(_GATHERED, self._tell_made)

    def _tell_made(self) -> None:
        new = [*self._new]
        self._new.clear()
        if len(new) == 1:
            self._told(f"Codex made a new file: {new[0]}")
            return
        more = f" and {len(new) - _NAMED} more" if len(new) > _NAMED else ""
        names = ", ".join(str(path) for path in new[:_NAMED])
        self._told(f"Codex made {len(new)} files: {names}{more}")

    async def remove(self, change: RemoveFile, label: str) -> Applied | NotApplied:
        """Delete a file; its text, and what of it was not saved, goes into the undo."""
        path = change.path
        seen = await asyncio.to_thread(disk.read, path)
        mode = await asyncio.to_thread(relocate.mode_of, path)
        buffer = self._buffers.at(path)
        if isinstance(seen, Unusable):
            return NotApplied(path, seen.reason, changed_meanwhile=True)
        if problem := _stale(seen, buffer, change.text):
            return NotApplied(path, problem, changed_meanwhile=True)
        if buffer is not None and "delete" in self._client.resource_operations:
            failed = await self._deleted_there(path, buffer, seen, label)
        else:
            failed = _refusal(path, await asyncio.to_thread(relocate.take, path, seen=seen))
            self._warn(failed, buffer, f"Codex deleted {path.name}, which is still open here.")
        if failed is not None:
            return failed
        self._told(f"Codex deleted {path}")
        if alike(seen.text, change.text):
            return Applied(path, "", Removal(path, seen.text, mode))
        text = marked_as(seen.text, change.text)
        return Applied(path, "", Removal(path, text, mode, seen.text))

    async def move(self, change: MoveFile, label: str) -> Applied | NotApplied:
        """Move a file. Text that was not saved goes along, and stays in its buffer."""
        path, to = change.path, change.to
        there = self._buffers.at(to)
        if there is not None and not alike(there.text, change.text):
            return NotApplied(path, f"a buffer named {to.name} is open already")
        seen = await asyncio.to_thread(disk.read, path)
        buffer = self._buffers.at(path)
        if isinstance(seen, Unusable):
            return NotApplied(path, seen.reason, changed_meanwhile=True)
        if problem := _stale(seen, buffer, change.text):
            return NotApplied(path, problem, changed_meanwhile=True)
        saved = None if alike(seen.text, change.text) else seen.text
        if buffer is not None and "rename" in self._client.resource_operations:
            failed = await self._moved_there(path, to, buffer, label)
            saved = None  # it is saved where the editor says so, or goes along unsaved
        else:
            text = None if saved is None else marked_as(seen.text, change.text)
            if there is not None and change.saved is not None:
                text = change.saved
            moved = await asyncio.to_thread(relocate.move, path, to, seen=seen, text=text)
            failed = _refusal(path, moved)
            still = f"Codex moved {path.name} to {to}. The open buffer has the old name: close it."
            self._warn(failed, buffer, still)
        if failed is not None:
            return failed
        self._told(f"Codex moved {path} to {to}")
        return Applied(to, change.text, Relocation(to, path, change.text, saved))

    async def _deleted_there(
        self, path: Path, buffer: OpenDocument, seen: DiskText, label: str
    ) -> NotApplied | None:
        """The editor deletes the file. Keys pressed meanwhile may go with the buffer: they are
        known from the mirror, and the file is made again with them.
        """
        texts = [buffer.text]
        end = self._buffers.watch(path, texts.append)
        try:
            failed = await self._operate(path, {"kind": "delete", "uri": buffer.uri}, label)
            if await asyncio.to_thread(path.exists):
                return failed or NotApplied(path, "the editor did not delete it")
            patience = min(self._client.quirks.patience, OVERTAKEN)
            await self._buffers.until(lambda: self._buffers.at(path) is None, patience)
        finally:
            end()
        if texts[-1] == buffer.text:
            return None
        gone = self._buffers.at(path) is None
        text = marked_as(seen.text, texts[-1]) if gone else seen.text
        await asyncio.to_thread(relocate.put, path, text)
        return NotApplied(path, "it was typed in meanwhile", changed_meanwhile=True)

    async def _moved_there(
        self, path: Path, to: Path, buffer: OpenDocument, label: str
    ) -> NotApplied | None:
        if await asyncio.to_thread(os.path.lexists, to):
            return NotApplied(path, f"{to.name} exists already")
        made = await asyncio.to_thread(places.make_folders, to.parent)
        operation = {"kind": "rename", "oldUri": buffer.uri, "newUri": to.as_uri()}
        failed = await self._operate(path, operation, label)
        if await asyncio.to_thread(lambda: path.exists() or not to.exists()):
            relocate.drop_folders(made)
            return failed or NotApplied(path, "the editor did not move it")
        patience = self._client.quirks.patience
        await self._buffers.until(lambda: self._buffers.at(path) is None, patience)
        return None

    def _warn(self, failed: NotApplied | None, buffer: OpenDocument | None, text: str) -> None:
        """The editor shows a file that is not there any more."""
        if failed is None and buffer is not None:
            say(self._wire, text, WARNING)

    async def _operate(
        self, path: Path, operation: Mapping[str, object], label: str
    ) -> NotApplied | None:
        asked = {"label": label, "edit": {"documentChanges": [operation]}}
        try:
            answer = await self._wire.ask("workspace/applyEdit", asked, timeout=ANSWER_DEADLINE)
        except ClientTimeout:
            text = f"The editor did not say whether it will {operation['kind']} {path.name}: look."
            say(self._wire, text, WARNING)
            return NotApplied(path, UNCONFIRMED)
        except ClientFailure as error:
            return NotApplied(path, f"the editor refused it ({error or 'it has gone'})")
        applied, reason = verdict(answer)
        return None if applied else NotApplied(path, f"the editor refused it ({reason})")


def _stale(seen: DiskText, buffer: OpenDocument | None, text: str) -> str | None:
    """Why a file is no longer what a change of it was made for."""
    if buffer is None:
        return None if alike(seen.text, text) else "it was changed on disk meanwhile"
    return None if alike(buffer.text, text) else "it was typed in meanwhile"


def _refusal(path: Path, problem: Unusable | None) -> NotApplied | None:
    return None if problem is None else NotApplied(path, problem.reason)
