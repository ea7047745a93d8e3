"""The seams of a turn: what it needs from the world, as its adapters must provide it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from codex_lsp.agent.conversation import ModelRequest
from codex_lsp.agent.events import ModelEvent
from codex_lsp.edits.text import TextEdit
from codex_lsp.workspace.ledger import Undo
from codex_lsp.workspace.snapshot import Snapshot, SourceText


class Model(Protocol):
    """A model that answers requests.

    `stream` yields events until `Completed`, and raises a `ModelError` when there will be none.
    It retries by itself, announcing each retry as `Restarted`, but never after it has handed out
    a finished `ToolCall`: then it raises `StreamBroken`. Closing the iterator closes the
    connection.
    """

    def stream(self, request: ModelRequest) -> AsyncIterator[ModelEvent]:
        """Send `request`; see the class."""
        ...


@dataclass(frozen=True, slots=True)
class ChangeFile:
    """Edits of a file, as offsets into the text of `base`."""

    path: Path
    base: SourceText
    edits: tuple[TextEdit, ...]


@dataclass(frozen=True, slots=True)
class CreateFile:
    """A new file at a place where none is; `mode`: its permission bits, None for the usual ones.

    `saved` is what goes to the disk if a buffer of that name holds `text` already, unsaved.
    """

    path: Path
    text: str
    mode: int | None = None
    saved: str | None = None


@dataclass(frozen=True, slots=True)
class RemoveFile:
    """A file goes, if it still holds `text`."""

    path: Path
    text: str


@dataclass(frozen=True, slots=True)
class MoveFile:
    """A file that still holds `text` goes from `path` to `to`, where none is. `saved`: as above."""

    path: Path
    to: Path
    text: str
    saved: str | None = None


Change = ChangeFile | CreateFile | RemoveFile | MoveFile


@dataclass(frozen=True, slots=True)
class Applied:
    """The change is in the text that the person sees (or on disk, where no buffer is): proven.

    `text` is the file's text now, and `undo` what takes the change back.
    """

    path: Path
    text: str
    undo: Undo


@dataclass(frozen=True, slots=True)
class NotApplied:
    """The change is not in the text. `reason` is for the model and the person.

    `changed_meanwhile`: the text is no longer what the change was computed for. `later` is there
    if it may yet be made (the editor never answered), and comes true when that is proven.
    """

    path: Path
    reason: str
    changed_meanwhile: bool = False
    later: asyncio.Future[Applied] | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Held:
    """The change waits for the person, in `hunks` parts; nothing is changed yet."""

    path: Path
    hunks: int


class Editor(Protocol):
    """Whoever holds the person's text."""

    async def apply(self, change: Change, *, label: str) -> Applied | NotApplied | Held:
        """Make one change, on the live text or not at all, and prove it before saying so."""
        ...


Snapshots = Callable[[], Snapshot]
