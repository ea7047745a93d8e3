"""A machine in memory: a disk, kernel locks, two clocks, the network, and processes that can die.

Each call yields to the seeded loop first, so that anything can happen between any two of them.
"""

from __future__ import annotations

import asyncio
import errno
import json as json_
import os
from collections import Counter
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any, Literal

from codex_lsp.auth.ports import Step
from codex_lsp.auth.settings import AuthSettings
from codex_lsp.auth.source import CredentialSource, open_source
from codex_lsp.net.failures import NotSent, OutcomeUnknown
from tests.auth.authority import EPOCH, Authority, Login
from tests.auth.loop import SeededLoop

HOME = Path("/home/.codex")
AUTH = HOME / "auth.json"
SETTINGS = AuthSettings(home=HOME, file=AUTH)

Point = tuple[Step, Literal["before", "after"]]


class Killed(BaseException):
    """The process is dead: nothing of it runs any more."""


@dataclass(slots=True)
class Inode:
    """What a name points to; `synced` says whether its content would survive a power cut."""

    data: bytes
    number: int
    synced: bool = False
    mode: int = 0o600


@dataclass(slots=True)
class Disk:
    names: dict[str, Inode] = field(default_factory=dict)
    durable: dict[str, Inode] = field(default_factory=dict)  # the names as last synced
    serial: int = 0

    def put(self, path: Path, data: bytes) -> Inode:
        """Write a new file and rename it over `path`, as careful programs do."""
        self.serial += 1
        self.names[str(path)] = inode = Inode(data, self.serial)
        return inode

    def get(self, path: Path) -> bytes | None:
        inode = self.names.get(str(path))
        return None if inode is None else inode.data

    def beside(self) -> set[str]:
        """Our own files."""
        return {Path(name).suffix for name in self.names if ".codex-lsp." in name}


@dataclass(slots=True)
class Reply:
    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(eq=False, slots=True)
class Machine:
    """Everything that windows and other programs share."""

    loop: SeededLoop
    random: Random
    disk: Disk = field(default_factory=Disk)
    locks: dict[str, object] = field(default_factory=dict)
    waiting: dict[str, list[asyncio.Future[None]]] = field(default_factory=dict)  # for a lock
    authority: Authority = field(default_factory=Authority)
    clock_ahead: float = 0.0
    hits: Counter[str] = field(default_factory=Counter)

    def now(self) -> float:
        """True time, which is the authority's."""
        return EPOCH + self.loop.now

    def free(self, path: str) -> object:
        """Take a lock from its owner, who is returned; those who wait for it notice."""
        for waiter in self.waiting.pop(path, ()):
            _settle(waiter)
        return self.locks.pop(path, None)

    async def until_free(self, path: str, seconds: float) -> None:
        """Until the owner of a lock lets go or dies, or the time is up."""
        freed: asyncio.Future[None] = self.loop.create_future()
        self.waiting.setdefault(path, []).append(freed)
        over = self.loop.call_later(seconds, _settle, freed)
        try:
            await freed
        finally:
            over.cancel()

    async def nap(self, longest: float) -> None:
        """Some time up to `longest`; often none at all, only room for others to act."""
        if self.random.random() < 0.4:
            for _ in range(int(self.random.random() * 6)):
                await self.loop.let_others()
        else:
            await asyncio.sleep(self.random.random() * longest)


def _settle(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


PostDouble = Callable[..., Any]
Strike = Callable[["Process", str], OSError | None]
"""Asked at each call of a kind: an error to fail with, or None."""


@dataclass(eq=False, slots=True)
class Process:
    """One window: `open` gives it a source made of the real code."""

    machine: Machine
    name: str
    alive: bool = True
    at: dict[Point, Callable[[], None]] = field(default_factory=dict)
    cues: dict[Point, Callable[[], None]] = field(default_factory=dict)
    faults: dict[str, list[Strike]] = field(default_factory=dict)
    frozen_until: float = 0.0
    steps: list[Point] = field(default_factory=list)
    source: CredentialSource | None = None

    def open(self, post: PostDouble, settings: AuthSettings = SETTINGS) -> CredentialSource:
        self.source = open_source(
            settings,
            post,
            files=ProcessFiles(self),
            clock=ProcessClock(self),
            locks=lambda path: ProcessLock(self, str(path)),
            random=self.machine.random,
            observe=self.observe,
        )
        return self.source

    def observe(self, step: Step, when: Literal["before", "after"]) -> None:
        self.check()
        self.steps.append((step, when))
        if cue := self.cues.get((step, when)):
            cue()
        if action := self.at.pop((step, when), None):
            action()

    def kill(self) -> None:
        """SIGKILL: the kernel frees its locks; from now on each of its calls ends it."""
        self.alive = False
        locks = self.machine.locks
        for path in [path for path, owner in locks.items() if owner is self]:
            self.machine.free(path)
        raise Killed

    def check(self) -> None:
        if not self.alive:
            raise Killed

    async def turn(self, call: str, path: str) -> None:
        """Let the others run, then fail if the plan says so."""
        self.check()
        loop = self.machine.loop
        if self.frozen_until > loop.now:
            await asyncio.sleep(self.frozen_until - loop.now)
        else:
            await loop.let_others()
        self.check()
        for strike in self.faults.get(call, ()):
            ours = ".codex-lsp." in path or call in {"exchange", "sync"}
            if ours and (error := strike(self, path)):
                raise error


class ProcessFiles:
    """`Files` of one process on the shared disk."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._disk = process.machine.disk

    async def resolve(self, path: Path) -> Path:
        return path

    async def read(self, path: Path) -> bytes | None:
        name = str(path)
        await self._process.turn("read", name)
        inode = self._disk.names.get(name)
        return None if inode is None else inode.data

    async def stamp(self, path: Path) -> Hashable | None:
        await self._process.turn("stamp", str(path))
        inode = self._disk.names.get(str(path))
        return None if inode is None else (inode.number, inode.data)

    async def create(self, path: Path, data: bytes, *, like: Path | None = None) -> None:
        await self._process.turn("create", str(path))
        if str(path) in self._disk.names:
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path))
        inode = self._disk.put(path, data)
        inode.synced = True

    async def exchange(self, one: Path, other: Path) -> bool:
        await self._process.turn("exchange", str(other))
        names = self._disk.names
        if str(one) not in names or str(other) not in names:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(one))
        names[str(one)], names[str(other)] = names[str(other)], names[str(one)]
        return True

    async def replace(self, source: Path, target: Path) -> None:
        await self._process.turn("replace", str(target))
        self._disk.names[str(target)] = self._disk.names.pop(str(source))

    async def remove(self, path: Path) -> bool:
        await self._process.turn("remove", str(path))
        return self._disk.names.pop(str(path), None) is not None

    async def sync(self, folder: Path) -> None:
        await self._process.turn("sync", str(folder))
        self._disk.durable = {
            name: inode for name, inode in self._disk.names.items() if inode.synced
        }

    async def make_folder(self, folder: Path) -> None:
        await self._process.turn("make_folder", str(folder))


class ProcessLock:
    """A kernel lock; a dead holder has none.

    Whoever finds it taken sees so at some moment after it was let go, or a second later: to look in
    between changes nothing, and was half of the cost of a schedule.
    """

    def __init__(self, process: Process, path: str) -> None:
        self._process = process
        self._path = path

    async def try_acquire(self) -> bool:
        machine = self._process.machine
        await self._process.turn("lock", self._path)
        if self._path in machine.locks:
            await machine.until_free(self._path, 1.0)
            await asyncio.sleep(machine.random.random() * 0.04)
            self._process.check()
            return False
        machine.locks[self._path] = self._process
        return True

    async def release(self) -> None:
        self._process.check()
        owner = self._process.machine.free(self._path)
        assert owner is self._process, "a lock was stolen"


class ProcessClock:
    def __init__(self, process: Process) -> None:
        self._machine = process.machine
        self._process = process

    def now(self) -> float:
        return self._machine.now() + self._machine.clock_ahead

    def monotonic(self) -> float:
        return self._machine.loop.now

    async def sleep(self, seconds: float) -> None:
        self._process.check()
        await asyncio.sleep(seconds)
        self._process.check()


@dataclass(eq=False, slots=True)
class Network:
    """The way from one process to the authority; `outcomes` says what befalls each request."""

    machine: Machine
    process: Process
    outcomes: list[str] = field(default_factory=list)
    seconds: float = 0.2
    life: float = 864_000.0
    sent: list[str] = field(default_factory=list)
    on_send: Callable[[str], None] = lambda _token: None
    on_outcome: Callable[[str], None] = lambda _outcome: None

    async def __call__(
        self,
        url: str,
        *,
        json: Mapping[str, object] | None = None,
        form: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float,  # noqa: ASYNC109 - the port's name for it
    ) -> Reply:
        assert url == SETTINGS.token_url
        outcome = self.outcomes.pop(0) if self.outcomes else "ok"
        self.on_outcome(outcome)
        token = str((json or {})["refresh_token"])
        await self.machine.nap(self.seconds)
        self.process.check()
        if outcome == "not sent":
            raise NotSent("The sign-in service cannot be reached. Try again.", detail="refused")
        self.sent.append(token)
        if outcome != "429":  # which does not spend it
            self.on_send(token)
        if outcome == "lost before":
            raise OutcomeUnknown("The connection broke. Try again.", detail="reset")
        if outcome in CANNED:
            return CANNED[outcome]
        answer = self.machine.authority.refresh(
            token, "ours", now=self.machine.now(), life=self.life
        )
        await self.machine.nap(self.seconds)
        self.process.check()
        if outcome == "lost":
            raise OutcomeUnknown("The connection broke. Try again.", detail="read timeout")
        return reply_to(answer, outcome)


def reply_to(answer: Login | str, outcome: str = "ok") -> Reply:
    if isinstance(answer, str):
        body = {"error": {"code": answer, "message": "no"}}
        return Reply(401, {}, json_.dumps(body).encode())
    fields = {
        "access_token": answer.access,
        "refresh_token": answer.refresh,
        "id_token": answer.id_token,
        "token_type": "Bearer",
    }
    if outcome == "torn 200":
        return Reply(200, {}, json_.dumps(fields).encode()[:100])
    return Reply(200, {}, json_.dumps(fields).encode())


CANNED = {
    "500": Reply(500, {}, b"oops"),
    "html 200": Reply(200, {}, b"<html>welcome to the hotel</html>"),
    "empty 200": Reply(200, {}, b""),
    "no tokens 200": Reply(200, {}, b'{"ok": true}'),
    "invalid_grant": Reply(400, {}, b'{"error": "invalid_grant"}'),
    "expired": Reply(401, {}, b'{"error": {"code": "refresh_token_expired"}}'),
    "revoked": Reply(400, {}, b'{"error": {"code": "refresh_token_invalidated"}}'),
    "401": Reply(401, {}, b""),
    "403": Reply(403, {}, b"<html>blocked</html>"),
    "429": Reply(429, {"retry-after": "7"}, b""),
    "302": Reply(302, {"location": "https://portal.invalid"}, b""),
}
"""Answers that do not come from a rotation."""
