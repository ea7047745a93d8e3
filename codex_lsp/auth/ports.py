"""The seams of this room: what it needs from the world, so that tests can be the world."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Literal, Protocol

from codex_lsp.auth.record import Snapshot


class Reply(Protocol):
    """An HTTP answer. Names in `headers` are lower-case."""

    @property
    def status(self) -> int: ...  # noqa: D102 - see the class
    @property
    def headers(self) -> Mapping[str, str]: ...  # noqa: D102 - see the class
    @property
    def body(self) -> bytes: ...  # noqa: D102 - see the class


class Post(Protocol):
    """One POST, sent at most once and following no redirect.

    Raises `codex_lsp.net.failures.NotSent` or `OutcomeUnknown`.
    """

    async def __call__(
        self,
        url: str,
        *,
        json: Mapping[str, object] | None = None,
        form: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float,  # noqa: ASYNC109 - the adapter needs it to tell unsent from unknown
    ) -> Reply:
        """See the class."""
        ...


class Clock(Protocol):
    """Two clocks: `now` is the time of day and may jump, `monotonic` is for waiting."""

    def now(self) -> float:
        """Seconds since the epoch."""
        ...

    def monotonic(self) -> float:
        """Seconds since some moment."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        ...


class Files(Protocol):
    """A file system; every call happens off the event loop and raises `OSError`."""

    async def resolve(self, path: Path) -> Path:
        """`path` with every link followed; what a dangling link points to need not exist."""
        ...

    async def read(self, path: Path) -> bytes | None:
        """All bytes of a regular file; None when there is none."""
        ...

    async def stamp(self, path: Path) -> Hashable | None:
        """A value that changes when the file does; None when there is none."""
        ...

    async def create(self, path: Path, data: bytes, *, like: Path | None = None) -> None:
        """A new durable file, private from its first byte, with mode and owner of `like`."""
        ...

    async def exchange(self, one: Path, other: Path) -> bool:
        """Swap two names at once; False when this system cannot.

        `FileNotFoundError` when one of them is gone.
        """
        ...

    async def replace(self, source: Path, target: Path) -> None:
        """Rename over whatever is there."""
        ...

    async def remove(self, path: Path) -> bool:
        """Remove the file; whether there was one."""
        ...

    async def sync(self, folder: Path) -> None:
        """Make the names in `folder` durable."""
        ...

    async def make_folder(self, folder: Path) -> None:
        """Create `folder` and its parents, private, unless it exists."""
        ...


class Lock(Protocol):
    """A lock of the kernel between processes: it ends with its holder, and not by age."""

    async def try_acquire(self) -> bool:
        """Take it if it is free; raises `StoreUnusable` where locks do not work."""
        ...

    async def release(self) -> None:
        """Let go; the lock's file stays."""
        ...


Locks = Callable[[Path], Lock]


class TokenStore(Protocol):
    """Where one sign-in is kept, with room for the next one beside it.

    `staged` is a second, durable place. `swap` lets the two change places, so that what was
    displaced can be looked at and put back. Calls that write are made under our lock only.
    """

    @property
    def name(self) -> str:
        """`file`, `keyring`, …: for the status."""
        ...

    async def beside(self) -> Path:
        """The path next to which our lock and journal live."""
        ...

    async def load(self) -> Snapshot:
        """The content now; raises `Busy` when it stays torn, `StoreUnusable` if unreadable."""
        ...

    async def stamp(self) -> Hashable:
        """Changes when the content does; cheap enough to ask twice a second."""
        ...

    async def save(self, data: bytes) -> None:
        """Put a new sign-in in place of whatever is there; what cannot be read is backed up."""
        ...

    async def delete(self) -> bool:
        """Sign out; whether there was anything."""
        ...

    async def stage(self, data: bytes) -> None:
        """Lay `data` beside the store, whole or not at all, and durable."""
        ...

    async def staged(self) -> Snapshot:
        """What lies beside the store."""
        ...

    async def unstage(self) -> None:
        """Remove it."""
        ...

    async def swap(self, expected: Snapshot) -> None:
        """Let store and stage change places, if the store still holds `expected`.

        What a concurrent writer put in between is put back: the last writer wins, except us.
        """
        ...


class Step(StrEnum):
    """The steps of a refresh, in order. It can be cut off before and after each."""

    ARM = "P1"
    LOCK = "P2"
    SETTLE = "P3"
    READ = "P4"
    JOURNAL = "P5"
    LAST_LOOK = "P6"
    SEND = "P7"
    RECEIVE = "P8"
    VALIDATE = "P9"
    STAGE = "P10"
    COMPARE = "P11"
    EXCHANGE = "P12"
    INSPECT = "P13"
    REREAD = "P14"
    CLEAR = "P15"
    RELEASE = "P16"


Observe = Callable[[Step, Literal["before", "after"]], None]
"""Told of each step; must not block. The server logs it, tests cut the process off there."""


def unobserved(_step: Step, _when: Literal["before", "after"]) -> None:
    """Tells nobody."""
