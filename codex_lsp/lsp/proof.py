"""Whether a change is in the text: read from what the editor sends back, with the patience that
each editor needs. What the editor answers proves nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import ParamSpec, Protocol, TypeVar

from codex_lsp.agent.ports import Applied
from codex_lsp.edits.rebase import landed
from codex_lsp.edits.text import TextEdit, apply_edits, invert
from codex_lsp.lsp.capabilities import Client
from codex_lsp.workspace.ledger import Reversal

OVERTAKEN = 0.6  # seconds
LARGE = 200_000  # characters, from which comparing two texts can hold the event loop up
LATE = 15 * 60.0  # seconds that an edit which was never answered is looked out for
_PAUSE = 0.3  # seconds between two looks for it

_P = ParamSpec("_P")
_T = TypeVar("_T")
Edits = tuple[TextEdit, ...]


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

    async def until(self, holds: Callable[[], bool], seconds: float) -> bool:
        """Wait until `holds()`, asked after every event; False when the time is up."""
        ...

    def watch(self, path: Path, heard: Callable[[str], object]) -> Callable[[], None]:
        """Call `heard` with each new text of the file `path`; the result ends that."""
        ...

    def ranges(self, text: str, edits: Edits) -> list[dict[str, object]]:
        """`edits` of `text` as LSP text edits, in the negotiated position encoding."""
        ...


class Proof:
    """Looks for edits in the text of one window's buffers."""

    def __init__(self, client: Client, buffers: Buffers) -> None:
        self._client = client
        self._buffers = buffers

    async def now(self, path: Path, before: OpenDocument, edits: Edits) -> Applied | None:
        """The proof that `edits` of `before` are in the buffer; None if there is none yet."""
        now = self._buffers.at(path)
        if now is None:
            return None
        fates = await computed(now.text, landed, edits, before.text, now.text)
        if any(fate != "landed" for fate in fates):
            return None
        return Applied(path, now.text, undo(path, before.text, edits))

    async def soon(self, path: Path, before: OpenDocument, edits: Edits) -> Applied | None:
        """The same, after waiting for as long as it may take.

        What the client sends from here on, it sent after it dealt with the edit: the first change
        that lacks the edit shows that it was passed over.
        """
        if proven := await self.now(path, before, edits):
            return proven
        await self._buffers.next_change(before.uri, self._patience(path, before))
        await self._rest_of(path, before, edits)
        return await self.now(path, before, edits)

    def has_moved(self, path: Path, document: OpenDocument) -> bool:
        """Whether the document is another version now, be its text the same (typed and erased)."""
        now = self._buffers.at(path)
        return now is None or (now.version, now.text) != (document.version, document.text)

    def later(self, path: Path, before: OpenDocument, edits: Edits) -> asyncio.Future[Applied]:
        """Comes true if the edits, which were never answered, land after all; or is cancelled."""
        loop = asyncio.get_running_loop()
        found: asyncio.Future[Applied] = loop.create_future()
        looking = False

        def look() -> None:
            nonlocal looking
            looking = False
            now = self._buffers.at(path)
            if not found.done() and now is not None and _is_in(edits, before.text, now.text):
                found.set_result(Applied(path, now.text, undo(path, before.text, edits)))

        def heard(_: str) -> None:
            nonlocal looking
            if not looking:
                looking = True
                loop.call_later(_PAUSE, look)

        end = self._buffers.watch(path, heard)
        over = loop.call_later(LATE, found.cancel)

        def done(_: object) -> None:
            end()
            over.cancel()

        found.add_done_callback(done)
        return found

    def _patience(self, path: Path, document: OpenDocument) -> float:
        """How long the edit may take to come back. Where typing has overtaken it, trying again is
        cheap: an edit that did land makes the next one stale.
        """
        patience = self._client.quirks.patience
        overtaken = self._client.versioned_edits and self.has_moved(path, document)
        return min(patience, OVERTAKEN) if overtaken else patience

    async def _rest_of(self, path: Path, document: OpenDocument, edits: Edits) -> None:
        """Wait on while a part of `edits` is there and more comes: it may be told bit by bit."""
        before: OpenDocument | None = document
        while (now := self._buffers.at(path)) is not None and now is not before:
            fates = await computed(now.text, landed, edits, document.text, now.text)
            if "landed" not in fates or "missing" not in fates:
                return
            before = now
            if self._buffers.at(path) is now:
                await self._buffers.next_change(document.uri, self._client.quirks.patience)


async def computed(text: str, compute: Callable[_P, _T], *args: _P.args, **more: _P.kwargs) -> _T:
    """What `compute` makes of the arguments; off the event loop where `text` is large."""
    if len(text) < LARGE:
        return compute(*args, **more)
    return await asyncio.to_thread(compute, *args, **more)


def undo(path: Path, before: str, edits: Edits) -> Reversal:
    """What takes `edits` of `before` back."""
    return Reversal(path, apply_edits(before, edits), invert(edits, before))


def verdict(answer: object) -> tuple[bool, str]:
    """Whether the client says that it applied an edit, and why not."""
    if not isinstance(answer, Mapping):
        return False, "no answer"
    reason = answer.get("failureReason")
    return answer.get("applied") is True, reason if isinstance(reason, str) else "no reason given"


def _is_in(edits: Edits, before: str, after: str) -> bool:
    """For a callback of the loop, which has no time to compare large texts."""
    if len(after) >= LARGE:
        return apply_edits(before, edits) == after
    return all(fate == "landed" for fate in landed(edits, before, after))
