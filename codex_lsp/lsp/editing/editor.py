"""The agent's `Editor`: makes a change through the client, and proves it from the text that comes
back. `applied: true` is not proof: some clients say so and do nothing.

An edit is moved onto the live text right before it is sent, one versioned request per file. If
typing overtook it, it is moved and sent again; where it meets what was typed, it is refused.
Files that no buffer covers are written on disk, if they are still what was read; or by the editor
too, if the person wants that. Whole files are made, moved and deleted in `lsp/editing/files`.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Coroutine, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, assert_never

from codex_lsp.agent.ports import (
    Applied,
    Change,
    ChangeFile,
    CreateFile,
    MoveFile,
    NotApplied,
    RemoveFile,
)
from codex_lsp.edits.diff import diff
from codex_lsp.edits.lines import BOM
from codex_lsp.edits.rebase import Conflict, rebase
from codex_lsp.edits.text import TextEdit, apply_edits
from codex_lsp.lsp.capabilities import Client
from codex_lsp.lsp.connection.client import ClientFailure, ClientGone, ClientTimeout
from codex_lsp.lsp.editing.files import ANSWER_DEADLINE, UNCONFIRMED, Files
from codex_lsp.lsp.editing.preview import Preview
from codex_lsp.lsp.editing.proof import (
    Buffers,
    Edits,
    OpenDocument,
    Proof,
    Sending,
    computed,
    undo,
    verdict,
)
from codex_lsp.lsp.person.messages import WARNING, say
from codex_lsp.lsp.person.progress import Wire
from codex_lsp.workspace import disk
from codex_lsp.workspace.disk import DiskText, Unusable
from codex_lsp.workspace.ledger import Swap

MAX_SENDS = 25

_T = TypeVar("_T")
_CANCEL_PATIENCE = 5.0  # seconds that a cancelled change may take to be known to have landed or not


class LspEditor:
    """One per window. Changes of one file are made one after the other.

    `told` is given sentences for the person; `through_editor` says whether files that are not open
    are changed through the editor too. `checkpoints` is where bytes go that are replaced.
    """

    def __init__(
        self,
        wire: Wire,
        client: Client,
        buffers: Buffers,
        told: Callable[[str], None],
        through_editor: Callable[[], bool] = lambda: False,
        *,
        checkpoints: Path,
    ) -> None:
        self._wire = wire
        self._client = client
        self._buffers = buffers
        self._through_editor = through_editor
        self.preview = Preview(wire, client, buffers)
        self._proof = Proof(client, buffers)
        self._files = Files(wire, client, buffers, told, checkpoints)
        self._turns: defaultdict[Path, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._unanswered: dict[Path, asyncio.Future[Applied]] = {}

    async def apply(self, change: Change, *, label: str) -> Applied | NotApplied:
        """See `agent.ports.Editor`."""
        await asyncio.sleep(0)  # a cancel that waits is heeded before anything is sent
        paths = {change.path, change.to} if isinstance(change, MoveFile) else {change.path}
        async with AsyncExitStack() as stack:
            for path in sorted(paths):  # in one order, so that no two wait for each other
                await stack.enter_async_context(self._turns[path])
                self._forget(path)
            match change:
                case CreateFile():
                    return await finished(self._files.create(change))
                case RemoveFile():
                    return await finished(self._files.remove(change, label))
                case MoveFile():
                    return await finished(self._files.move(change, label))
                case Swap():
                    return await finished(self._files.swap(change))
                case ChangeFile() if self._buffers.at(change.path) is None:
                    return await self._rewrite(change, label)
                case ChangeFile():
                    return await self._change(change, label)
                case _:
                    assert_never(change)

    async def _rewrite(self, change: ChangeFile, label: str) -> Applied | NotApplied:
        """No buffer covers the file: compare and swap it on disk."""
        seen = await asyncio.to_thread(disk.read, change.path)
        if isinstance(seen, Unusable):
            return NotApplied(change.path, seen.reason, changed_meanwhile=True)
        edits = await computed(seen.text, rebase, change.edits, change.base.text, seen.text)
        if isinstance(edits, Conflict):
            return NotApplied(change.path, edits.text, changed_meanwhile=True)
        if self._buffers.at(change.path) is not None:
            return NotApplied(change.path, "it was opened meanwhile", changed_meanwhile=True)
        if self._through_editor():
            return await finished(self._open_and_change(change.path, seen, edits, label))
        return await finished(_swap(change.path, seen, edits))

    async def _open_and_change(
        self, path: Path, seen: DiskText, edits: Edits, label: str
    ) -> Applied | NotApplied:
        """The editor opens the file and changes it, unsaved. Proof is the buffer, or the disk."""
        if not self._client.apply_edit:
            reason = 'this editor takes no edits: set codex.edits.closedFiles to "disk"'
            return NotApplied(path, reason)
        hidden = len(BOM) if seen.text.startswith(BOM) else 0  # editors do not count it
        if edits and edits[0].start < hidden:
            return NotApplied(path, "an editor cannot change the byte order mark of a file")
        shown = tuple(TextEdit(e.start - hidden, e.end - hidden, e.new) for e in edits)
        closed = _Closed(path.as_uri(), seen.text[hidden:])
        failure = await self._ask(path, closed, shown, label)
        patience = self._client.quirks.patience
        if await self._buffers.until(lambda: self._buffers.at(path) is not None, patience):
            if proven := await self._proof.soon(path, closed, shown):
                return proven
        else:
            now = await asyncio.to_thread(disk.read, path)
            if isinstance(now, DiskText) and now.text == apply_edits(seen.text, edits):
                return Applied(path, now.text, undo(path, seen.text, edits))
        if isinstance(failure, NotApplied):
            return failure
        return _unproven(path, failure)

    async def _change(self, change: ChangeFile, label: str) -> Applied | NotApplied:
        """Send, look, and send again while typing overtakes us."""
        path = change.path
        if (document := self._buffers.at(path)) is None:
            return NotApplied(path, "it was closed meanwhile", changed_meanwhile=True)
        base = change.base.text
        edits = await computed(document.text, rebase, change.edits, base, document.text)
        if isinstance(edits, Conflict):
            return NotApplied(path, edits.text, changed_meanwhile=True)
        sending = Sending(path, document, edits)
        for _ in range(MAX_SENDS):
            try:
                outcome = await finished(self._attempt(sending, document, edits, label))
            except asyncio.CancelledError:
                await finished(self._take_back(sending, label))
                raise
            if outcome is not None:
                return outcome
            before = document
            if (now := self._buffers.at(path)) is None:
                return NotApplied(path, "it was closed meanwhile", changed_meanwhile=True)
            document = now
            if reading := await self._proof.reading(sending):
                again = await computed(now.text, reading.missing, now.text)
            else:
                again = await computed(now.text, rebase, edits, before.text, now.text)
                if not isinstance(again, Conflict):
                    sending = Sending(path, now, again)
            if isinstance(again, Conflict):
                return NotApplied(path, again.text, changed_meanwhile=True)
            edits = again
        return NotApplied(path, "the text kept changing; try again", changed_meanwhile=True)

    async def _attempt(
        self, sending: Sending, document: OpenDocument, edits: Edits, label: str
    ) -> Applied | NotApplied | None:
        """One attempt; None says that it was overtaken and is worth another."""
        path = sending.path
        trail = self._buffers.since(sending.first)
        ranges = await computed(document.text, self._buffers.ranges, document.text, edits)
        sending.asked.append((len(trail.steps) if trail else 0, ranges))
        failure = await self._ask(path, document, edits, label)
        if isinstance(failure, NotApplied):
            return await self._proof.now(path, document, edits, sending) or failure
        if proven := await self._proof.soon(path, document, edits, sending):
            return proven
        if self._proof.has_moved(path, document):
            return None
        return _unproven(path, failure)

    async def _take_back(self, sending: Sending, label: str) -> None:
        """The turn is over; what was put in the wrong place does not stay there."""
        reading = await self._proof.reading(sending)
        document = self._buffers.at(sending.path)
        if reading is None or document is None or reading.fate != "misplaced":
            return
        edits = await computed(document.text, diff, document.text, reading.person)
        await self._ask(sending.path, document, edits, label)

    async def _ask(
        self, path: Path, document: OpenDocument, edits: Edits, label: str
    ) -> NotApplied | str | None:
        """Send the edits. The result is why there must be no other attempt, or why the editor
        refused, or None; either way, the text has to prove what happened.
        """
        edit = await computed(document.text, self._workspace_edit, document, edits)
        asked = {"label": label, "edit": edit}
        try:
            answer = await self._wire.ask("workspace/applyEdit", asked, timeout=ANSWER_DEADLINE)
        except ClientTimeout:
            return NotApplied(path, UNCONFIRMED, later=self._look_out(path, document, edits))
        except ClientGone:
            return NotApplied(path, "the editor has gone")
        except ClientFailure as error:
            return str(error)
        answered, reason = verdict(answer)
        return None if answered else reason

    def _look_out(
        self, path: Path, document: OpenDocument, edits: Edits
    ) -> asyncio.Future[Applied]:
        """It may still act on the request, and the person is told if it does."""

        def landed(found: asyncio.Future[Applied]) -> None:
            self._unanswered.pop(path, None)
            if not found.cancelled():
                text = f"Codex's change of {path.name}, long unanswered, was made after all."
                say(self._wire, text, WARNING)

        later = self._unanswered[path] = self._proof.later(path, document, edits)
        later.add_done_callback(landed)
        return later

    def _forget(self, path: Path) -> None:
        """Another change of the file: from here on, nobody could tell the two apart."""
        if (waiting := self._unanswered.get(path)) is not None:
            waiting.cancel()

    def _workspace_edit(self, document: OpenDocument, edits: Edits) -> Mapping[str, object]:
        text = document.text
        if self._client.quirks.types_edits:
            text, edits = _as_keys(text, edits)
        ranges = self._buffers.ranges(text, edits)
        if not self._client.versioned_edits:
            return {"changes": {document.uri: ranges}}
        version = document.version
        if version is not None:
            version = max(version, self._client.quirks.least_version)
        identifier = {"uri": document.uri, "version": version}
        return {"documentChanges": [{"textDocument": identifier, "edits": ranges}]}


@dataclass(frozen=True, slots=True)
class _Closed:
    """A file that is not open, as the editor will see it."""

    uri: str
    text: str
    version: int | None = None


async def finished(work: Coroutine[Any, Any, _T]) -> _T:
    """The result of a change that is under way, also if we are cancelled meanwhile.

    The client (or the disk) does what it was asked all the same. What landed is told, so that it
    can be undone; the cancel comes at the caller's next step.
    """
    attempt = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(attempt)
    except asyncio.CancelledError:
        await asyncio.wait([attempt], timeout=_CANCEL_PATIENCE)
        if not attempt.cancel() and isinstance(outcome := attempt.result(), Applied):
            if (task := asyncio.current_task()) is not None:
                task.cancel()
            return outcome
        raise


async def _swap(path: Path, seen: DiskText, edits: Edits) -> Applied | NotApplied:
    text = apply_edits(seen.text, edits)
    problem = await asyncio.to_thread(lambda: disk.replace(path, text, seen=seen))
    if problem is not None:
        return NotApplied(path, problem.reason, changed_meanwhile=True)
    return Applied(path, text, undo(path, seen.text, edits))


def _as_keys(text: str, edits: Edits) -> tuple[str, Edits]:
    """A text and edits of it for a client that types them; see `Quirks.types_edits`."""
    hidden = len(BOM) if text.startswith(BOM) else 0
    keys = (
        TextEdit(max(edit.start - hidden, 0), edit.end - hidden, edit.new.replace("\r\n", "\n"))
        for edit in edits
    )
    return text[hidden:], tuple(keys)


def _unproven(path: Path, refusal: str | None) -> NotApplied:
    said = "said that it was applied" if refusal is None else f"refused it ({refusal})"
    return NotApplied(path, f"the editor {said}, but the text did not change")
