"""The agent's `Editor`: makes a change through the client, and proves it from the text that comes
back. `applied: true` is not proof: some clients say so and do nothing.

An edit is moved onto the live text right before it is sent, one versioned request per file. If
typing overtook it, it is moved and sent again; where it meets what was typed, it is refused.
Files that no buffer covers are written on disk, if they are still what was read.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import ParamSpec, Protocol, TypeVar, assert_never

from codex_lsp.agent.ports import (
    Applied,
    Change,
    ChangeFile,
    CreateFile,
    NotApplied,
    RemoveFile,
)
from codex_lsp.edits.rebase import Conflict, landed, rebase
from codex_lsp.edits.text import TextEdit, apply_edits, invert
from codex_lsp.lsp.capabilities import Client
from codex_lsp.lsp.client import ClientFailure, ClientGone, ClientTimeout
from codex_lsp.lsp.progress import Wire
from codex_lsp.workspace import disk
from codex_lsp.workspace.disk import DiskText, Unusable
from codex_lsp.workspace.ledger import Creation, Removal, Reversal

ANSWER_DEADLINE = 60.0  # seconds; Eglot asks the person first, who may be slow
MAX_SENDS = 25
OVERTAKEN = 0.6  # seconds
LARGE = 200_000  # characters, from which comparing two texts can hold the event loop up

_P = ParamSpec("_P")
_T = TypeVar("_T")
_CANCEL_PATIENCE = 5.0  # seconds that a cancelled change may take to be known to have landed or not


class OpenDocument(Protocol):
    """An open document at one moment."""

    @property
    def uri(self) -> str:
        """As the client spells it."""
        ...

    @property
    def version(self) -> int | None:
        """The version that the client gave last."""
        ...

    @property
    def text(self) -> str:
        """The whole text."""
        ...


class Buffers(Protocol):
    """The open documents, as they are now."""

    def at(self, path: Path) -> OpenDocument | None:
        """The document that shows the file `path`, if one is open."""
        ...

    async def next_change(self, uri: str, seconds: float) -> None:
        """Wait until the document changes or is closed, or until the time is up."""
        ...

    def ranges(self, text: str, edits: tuple[TextEdit, ...]) -> list[dict[str, object]]:
        """`edits` of `text` as LSP text edits, in the negotiated position encoding."""
        ...


class LspEditor:
    """One per window. Changes of one file are made one after the other."""

    def __init__(
        self, wire: Wire, client: Client, buffers: Buffers, told: Callable[[Path], None]
    ) -> None:
        self._wire = wire
        self._client = client
        self._buffers = buffers
        self._told = told
        self._turns: defaultdict[Path, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def apply(self, change: Change, *, label: str) -> Applied | NotApplied:
        """See `agent.ports.Editor`."""
        await asyncio.sleep(0)  # a cancel that waits is heeded before anything is sent
        async with self._turns[change.path]:
            match change:
                case CreateFile():
                    return await self._create(change)
                case RemoveFile():
                    return await self._remove(change)
                case ChangeFile() if self._buffers.at(change.path) is None:
                    return await self._rewrite(change)
                case ChangeFile():
                    return await self._change(change, label)
                case _:
                    assert_never(change)

    async def _create(self, change: CreateFile) -> Applied | NotApplied:
        if self._buffers.at(change.path) is not None:
            return NotApplied(change.path, "a buffer of that name is open already")
        problem = await asyncio.to_thread(disk.create, change.path, change.text)
        if problem is not None:
            return NotApplied(change.path, problem.reason)
        self._told(change.path)
        return Applied(change.path, change.text, Creation(change.path, change.text))

    async def _remove(self, change: RemoveFile) -> Applied | NotApplied:
        if self._buffers.at(change.path) is not None:
            return NotApplied(change.path, "it is open in the editor: close it first")
        problem = await asyncio.to_thread(disk.remove, change.path, change.text)
        if problem is not None:
            return NotApplied(change.path, problem.reason, changed_meanwhile=True)
        return Applied(change.path, "", Removal(change.path, change.text))

    async def _rewrite(self, change: ChangeFile) -> Applied | NotApplied:
        """No buffer covers the file: compare and swap it on disk."""
        seen = await asyncio.to_thread(disk.read, change.path)
        if isinstance(seen, Unusable):
            return NotApplied(change.path, seen.reason, changed_meanwhile=True)
        edits = await _computed(seen.text, rebase, change.edits, change.base.text, seen.text)
        if isinstance(edits, Conflict):
            return NotApplied(change.path, edits.text, changed_meanwhile=True)
        if self._buffers.at(change.path) is not None:
            return NotApplied(change.path, "it was opened meanwhile", changed_meanwhile=True)
        text = apply_edits(seen.text, edits)
        problem = await asyncio.to_thread(_swap, change.path, text, seen)
        if problem is not None:
            return NotApplied(change.path, problem.reason, changed_meanwhile=True)
        return Applied(change.path, text, _undo(change.path, seen.text, edits))

    async def _change(self, change: ChangeFile, label: str) -> Applied | NotApplied:
        """Send, look, and send again while typing overtakes us."""
        base, edits = change.base.text, change.edits
        for _ in range(MAX_SENDS):
            document = self._buffers.at(change.path)
            if document is None:
                return NotApplied(change.path, "it was closed meanwhile", changed_meanwhile=True)
            moved = await _computed(document.text, rebase, edits, base, document.text)
            if isinstance(moved, Conflict):
                return NotApplied(change.path, moved.text, changed_meanwhile=True)
            outcome = await self._send(change.path, document, moved, label)
            if outcome is not None:
                return outcome
            base, edits = document.text, moved
        return NotApplied(change.path, "the text kept changing; try again", changed_meanwhile=True)

    async def _send(
        self, path: Path, document: OpenDocument, edits: tuple[TextEdit, ...], label: str
    ) -> Applied | NotApplied | None:
        """One attempt; None says that it was overtaken and is worth another.

        The client does what it was asked even if we are cancelled meanwhile. What landed all the
        same is told, so that it can be undone; the cancel comes at the caller's next step.
        """
        attempt = asyncio.ensure_future(self._attempt(path, document, edits, label))
        try:
            return await asyncio.shield(attempt)
        except asyncio.CancelledError:
            await asyncio.wait([attempt], timeout=_CANCEL_PATIENCE)
            if not attempt.cancel() and isinstance(attempt.result(), Applied):
                if (task := asyncio.current_task()) is not None:
                    task.cancel()
                return attempt.result()
            raise

    async def _attempt(
        self, path: Path, document: OpenDocument, edits: tuple[TextEdit, ...], label: str
    ) -> Applied | NotApplied | None:
        asked = {"label": label, "edit": self._workspace_edit(document, edits)}
        try:
            answer = await self._wire.ask("workspace/applyEdit", asked, timeout=ANSWER_DEADLINE)
            answered, reason = _verdict(answer)
        except ClientTimeout:
            # It may still act on the request, so there must be no second one.
            unanswered = NotApplied(path, "the editor did not answer; look whether it changed")
            return await self._proven(path, document, edits) or unanswered
        except ClientGone:
            return NotApplied(path, "the editor has gone")
        except ClientFailure as error:
            answered, reason = False, str(error)
        if proven := await self._proven(path, document, edits):
            return proven
        # What the client sends from here on, it sent after it dealt with the edit: the first
        # change that lacks the edit shows that it was passed over.
        await self._buffers.next_change(document.uri, self._patience(path, document))
        await self._rest_of(path, document, edits)
        if proven := await self._proven(path, document, edits):
            return proven
        if self._has_moved(path, document):
            return None
        said = "said that it was applied" if answered else f"refused it ({reason})"
        return NotApplied(path, f"the editor {said}, but the text did not change")

    def _has_moved(self, path: Path, document: OpenDocument) -> bool:
        """Whether the document is another version now, be its text the same (typed and erased)."""
        now = self._buffers.at(path)
        return now is None or (now.version, now.text) != (document.version, document.text)

    def _patience(self, path: Path, document: OpenDocument) -> float:
        """How long the edit may take to come back. Where typing has overtaken it, trying again is
        cheap: an edit that did land makes the next one stale.
        """
        patience = self._client.quirks.patience
        overtaken = self._client.versioned_edits and self._has_moved(path, document)
        return min(patience, OVERTAKEN) if overtaken else patience

    async def _rest_of(
        self, path: Path, document: OpenDocument, edits: tuple[TextEdit, ...]
    ) -> None:
        """Wait on while a part of `edits` is there and more comes: it may be told bit by bit."""
        before: OpenDocument | None = document
        while (now := self._buffers.at(path)) is not None and now is not before:
            fates = await _computed(now.text, landed, edits, document.text, now.text)
            if "landed" not in fates or "missing" not in fates:
                return
            before = now
            if self._buffers.at(path) is now:
                await self._buffers.next_change(document.uri, self._client.quirks.patience)

    async def _proven(
        self, path: Path, before: OpenDocument, edits: tuple[TextEdit, ...]
    ) -> Applied | None:
        now = self._buffers.at(path)
        if now is None:
            return None
        fates = await _computed(now.text, landed, edits, before.text, now.text)
        if any(fate != "landed" for fate in fates):
            return None
        return Applied(path, now.text, _undo(path, before.text, edits))

    def _workspace_edit(
        self, document: OpenDocument, edits: tuple[TextEdit, ...]
    ) -> Mapping[str, object]:
        ranges = self._buffers.ranges(document.text, edits)
        if not self._client.versioned_edits:
            return {"changes": {document.uri: ranges}}
        version = document.version
        if version is not None:
            version = max(version, self._client.quirks.least_version)
        identifier = {"uri": document.uri, "version": version}
        return {"documentChanges": [{"textDocument": identifier, "edits": ranges}]}


async def _computed(text: str, compute: Callable[_P, _T], *args: _P.args, **more: _P.kwargs) -> _T:
    """What `compute` makes of the arguments; off the event loop where `text` is large."""
    if len(text) < LARGE:
        return compute(*args, **more)
    return await asyncio.to_thread(compute, *args, **more)


def _undo(path: Path, before: str, edits: tuple[TextEdit, ...]) -> Reversal:
    return Reversal(path, apply_edits(before, edits), invert(edits, before))


def _verdict(answer: object) -> tuple[bool, str]:
    if not isinstance(answer, Mapping):
        return False, "no answer"
    reason = answer.get("failureReason")
    return answer.get("applied") is True, reason if isinstance(reason, str) else "no reason given"


def _swap(path: Path, text: str, seen: DiskText) -> Unusable | None:
    return disk.replace(path, text, seen=seen)
