"""Whether a change is in the text: read from what the editor sends back, with the patience that
each editor needs. What the editor answers proves nothing.

The steps that the editor reports say it best (see `trail`); where they say nothing, the text does.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import ParamSpec, Protocol, TypeVar

from codex_lsp.agent.ports import Applied, NotApplied
from codex_lsp.edits.rebase import Conflict, landed
from codex_lsp.edits.text import TextEdit, apply_edits, invert
from codex_lsp.lsp.capabilities import Client
from codex_lsp.lsp.editing.trail import Reading, Request, Trail
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

    def since(self, document: OpenDocument) -> Trail | None:
        """How `document` became what it is now, step by step; None where that is not known."""
        ...

    def ranges(self, text: str, edits: Edits) -> list[dict[str, object]]:
        """`edits` of `text` as LSP text edits, in the negotiated position encoding."""
        ...


@dataclass(slots=True)
class Sending:
    """`edits` of `first` on their way, and all that the client was asked for since."""

    path: Path
    first: OpenDocument
    edits: Edits
    asked: list[Request] = field(default_factory=list)
    read: tuple[OpenDocument, int, Reading | None] | None = None
    """The last reading, and what it was made of."""


class Proof:
    """Looks for edits in the text of one window's buffers."""

    def __init__(self, client: Client, buffers: Buffers) -> None:
        self._client = client
        self._buffers = buffers

    async def now(
        self, path: Path, before: OpenDocument, edits: Edits, sending: Sending | None = None
    ) -> Applied | NotApplied | None:
        """The proof that `edits` of `before` are in the buffer; None if there is none yet.

        NotApplied is proof, too: what was put in the wrong place was taken back.
        """
        now = self._buffers.at(path)
        if now is None:
            return None
        match await self.reading(sending):
            case Reading("landed", _, Conflict() as conflict):
                return NotApplied(path, conflict.text, changed_meanwhile=True)
            case Reading("landed", person, tuple() as made):
                return Applied(path, now.text, undo(path, person, made))
            case Reading("misplaced"):
                return None
            case Reading("absent", _, tuple() as moved) if moved and len(moved) == len(edits):
                return None  # no step is near the places where they belong
        if any(edit.new not in now.text for edit in edits):
            return None
        fates = await computed(now.text, landed, edits, before.text, now.text)
        if any(fate != "landed" for fate in fates):
            return None
        return Applied(path, now.text, undo(path, before.text, edits))

    async def soon(
        self, path: Path, before: OpenDocument, edits: Edits, sending: Sending | None = None
    ) -> Applied | NotApplied | None:
        """The same, after waiting for as long as it may take.

        What the client sends from here on, it sent after it dealt with the edit: the first change
        that lacks the edit shows that it was passed over.
        """
        if proven := await self.now(path, before, edits, sending):
            return proven
        if not await self._is_misplaced(sending):
            await self._buffers.next_change(before.uri, self._patience(path, before))
            await self._rest_of(path, before, edits)
        return await self.now(path, before, edits, sending)

    async def reading(self, sending: Sending | None) -> Reading | None:
        """What became of it by the steps that the client told; None where they do not say."""
        if sending is None or (now := self._buffers.at(sending.path)) is None:
            return None
        asked = tuple(sending.asked)
        if sending.read is None or sending.read[0] is not now or sending.read[1] != len(asked):
            trail = self._buffers.since(sending.first)
            reading = None
            if trail is not None:
                reading = await computed(trail.text, trail.read, sending.edits, asked)
            sending.read = now, len(asked), reading
        return sending.read[2]

    async def _is_misplaced(self, sending: Sending | None) -> bool:
        reading = await self.reading(sending)
        if reading is None or sending is None or reading.carried_out < len(sending.asked):
            return False
        return reading.fate == "misplaced"

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
        if len(edits) == 1:
            return
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
