"""The seams of a turn: what it needs from the world, as its adapters must provide it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from codex_lsp.agent.conversation import ModelRequest
from codex_lsp.agent.events import ModelEvent
from codex_lsp.edits.text import TextEdit
from codex_lsp.workspace.ledger import Swap, Undo
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


TextChange = ChangeFile | CreateFile | RemoveFile | MoveFile
Change = TextChange | Swap
"""A `Swap` is for what is no text: `to` comes in place of `there`."""


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
class LeftOut:
    """The person looked at the change, and decided that it is not made."""

    path: Path


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


@dataclass(frozen=True, slots=True)
class Wrote:
    """A command left a file at `path`: new, with other bytes, or with another mode.

    The bytes are in the file `source`, until the process is released.
    """

    path: Path
    source: Path
    mode: int


@dataclass(frozen=True, slots=True)
class Linked:
    """A command left a symbolic link at `path`."""

    path: Path
    target: Path


@dataclass(frozen=True, slots=True)
class Gone:
    """A command removed the file or link at `path`."""

    path: Path


@dataclass(frozen=True, slots=True)
class FolderMade:
    """A command made a folder; what is in it is told on its own."""

    path: Path
    mode: int


@dataclass(frozen=True, slots=True)
class FolderGone:
    """A command removed a folder, whose files were told before it."""

    path: Path


@dataclass(frozen=True, slots=True)
class Odd:
    """A command left something that is no file, folder or link: a pipe, a socket, a device."""

    path: Path


FileChange = Wrote | Linked | Gone | FolderMade | FolderGone | Odd


@dataclass(frozen=True, slots=True)
class Confinement:
    """What holds commands back, as it was tried on this machine.

    `name` is the mechanism, "" where there is none, and `holds` says in words what it holds back.
    `network`: a command can reach it. `reviewed`: commands see the unsaved text, and what they
    change below the workspace's folders is told as `FileChange`s instead of being done. Where it
    is not, they run on what is saved; `in_place`: and what they change there is done at once.
    """

    name: str
    holds: str
    network: bool
    reviewed: bool
    in_place: bool = False


@dataclass(frozen=True, slots=True)
class Command:
    """What to run, where. `behind` is what has to hold it back, as it was shown to the person;
    None where it was allowed to run freely. It is ended when nobody waited for it for `idle`
    seconds, if that is given.
    """

    argv: tuple[str, ...]
    cwd: Path
    tty: bool = False
    behind: Confinement | None = None
    idle: float | None = None


class CannotRun(Exception):
    """A command could not be started; the text says why, for the model and the person."""


class Process(Protocol):
    """A command that was started. It is released when nothing more is asked of it."""

    @property
    def started(self) -> int:
        """When, in nanoseconds, by the clock that stamps files."""
        ...

    @property
    def exit_code(self) -> int | None:
        """None while it runs."""
        ...

    def take_output(self) -> bytes:
        """What it wrote since the last time, without the middle where that is too much."""
        ...

    async def wait(self, seconds: float) -> None:
        """Until it has ended, or the time is up."""
        ...

    async def write(self, data: bytes) -> bool:
        """Type into its terminal; False where it has none."""
        ...

    async def kill(self) -> None:
        """End it, with all that it started."""
        ...

    async def changes(self) -> Sequence[FileChange]:
        """What it changed, once it has ended; nothing of it is done yet."""
        ...

    async def release(self) -> None:
        """Kill it if need be and forget it, with all that it left."""
        ...


class CommandRunner(Protocol):
    """Runs commands under the person's policy, on the text that the person sees."""

    async def confinement(self, roots: Sequence[Path]) -> Confinement:
        """What would hold a command back in these folders; tried out once."""
        ...

    async def start(self, command: Command, snapshot: Snapshot) -> Process:
        """Start it over `snapshot`; raises `CannotRun`."""
        ...
