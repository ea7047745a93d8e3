"""Fourteen ways to break the protocol, each a small deviation patched into the real code.

They are what the explorer and the model are measured with: a check that lets one live is no check.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from codex_lsp.auth import authority, refresh, settle
from codex_lsp.auth.journal import Journal, JournalFile
from codex_lsp.auth.ports import Step
from codex_lsp.auth.record import ChatGpt, Snapshot
from codex_lsp.auth.refresh import Refresher, Spending, Want
from codex_lsp.auth.store import FileStore
from codex_lsp.net.failures import OutcomeUnknown
from tests.auth.world import Process, ProcessFiles, ProcessLock

Patch = pytest.MonkeyPatch


def no_lock(patch: Patch) -> None:
    """Everyone enters."""

    async def try_acquire(self: ProcessLock) -> bool:
        await self._process.turn("lock", self._path)
        return True

    async def release(self: ProcessLock) -> None:
        self._process.check()

    patch.setattr(ProcessLock, "try_acquire", try_acquire)
    patch.setattr(ProcessLock, "release", release)


def no_reread(patch: Patch) -> None:
    """The tokens that the caller saw before it had the lock are sent."""
    patch.setattr(Refresher, "_is_enough", lambda _self, _record, _want: False)


def no_journal(patch: Patch) -> None:
    """Nothing is written down."""

    async def write(self: JournalFile, journal: Journal) -> None:
        pass

    patch.setattr(JournalFile, "write", write)


def journal_after_send(patch: Patch) -> None:
    """The note is written when the answer is there."""
    original = Refresher._refresh_and_persist

    async def arm(self: Refresher, spending: Spending) -> bool:
        return True

    async def late(self: Refresher, spending: Spending, want: Want) -> ChatGpt | None:
        post = self.post

        async def sending(*args: Any, **kwargs: Any) -> Any:
            reply = await post(*args, **kwargs)
            await spending.file.write(spending.journal.noting(spending.entry))
            return reply

        self.post = sending
        try:
            return await original(self, spending, want)
        finally:
            self.post = post

    patch.setattr(Refresher, "_arm", arm)
    patch.setattr(Refresher, "_refresh_and_persist", late)


def no_last_look(patch: Patch) -> None:
    """What was read a while ago is sent."""

    async def unchanged(self: Refresher, here: Snapshot) -> bool:
        return True

    patch.setattr(Refresher, "_is_unchanged", unchanged)


def no_compare(patch: Patch) -> None:
    """An answer is installed over whatever is there, and nothing is put back."""

    def judge(armed: Any, here: Any, staged: Any) -> settle.Leftover:
        if armed is None or staged is None or staged.pair != armed.successor:
            return settle.Leftover.DONE
        return settle.Leftover.INSTALL

    async def swap(self: FileStore, expected: Snapshot) -> None:
        target = await self.beside()
        pending = target.with_name("auth.json.codex-lsp.pending")
        await self._files.replace(pending, target)

    patch.setattr(settle, "judge", judge)
    patch.setattr(FileStore, "swap", swap)


def replace_instead_of_exchange(patch: Patch) -> None:
    """A rename: what is displaced is gone, and a sign-out is undone."""

    async def exchange(self: ProcessFiles, one: Path, other: Path) -> bool:
        await self._process.turn("exchange", str(other))
        return False

    patch.setattr(ProcessFiles, "exchange", exchange)


def in_place_write(patch: Patch) -> None:
    """The file is truncated and written, as older programs do."""

    async def exchange(self: FileStore, target: Path, pending: Path, expected: object) -> None:
        data = await self._files.read(pending)
        self._observe(Step.EXCHANGE, "before")
        inode = self._files._disk.names.get(str(target))  # type: ignore[attr-defined]
        if inode is not None and data is not None:
            inode.data = b""
            self._observe(Step.EXCHANGE, "after")
            await asyncio.sleep(0)
            inode.data = data

    patch.setattr(FileStore, "_exchange", exchange)


def resend_on_read_timeout(patch: Patch) -> None:
    """A lost reply is met with the same request again."""
    original = authority.request_refresh

    async def request(post: Any, settings: Any, token: Any, reason: str) -> Any:
        async def twice(*args: Any, **kwargs: Any) -> Any:
            try:
                return await post(*args, **kwargs)
            except OutcomeUnknown:
                return await post(*args, **kwargs)

        return await original(twice, settings, token, reason)

    patch.setattr(refresh, "request_refresh", request)


def not_shielded(patch: Patch) -> None:
    """A caller that is cancelled takes the exchange with it."""

    async def recover(self: Refresher, want: Want) -> ChatGpt:
        return await self.start(want)

    patch.setattr(Refresher, "recover", recover)


def soft_fallback(patch: Patch) -> None:
    """A lock that is the existence of a file: it outlives its holder."""

    def kill(self: Process) -> None:
        self.alive = False
        from tests.auth.world import Killed

        raise Killed

    patch.setattr(Process, "kill", kill)


def age_stolen_lock(patch: Patch) -> None:
    """Whoever has waited for two seconds takes the lock from its holder."""

    @asynccontextmanager
    async def held(lock: ProcessLock, clock: Any, *, seconds: float) -> AsyncIterator[None]:
        deadline = clock.monotonic() + 2.0
        while not await lock.try_acquire():
            if clock.monotonic() >= deadline:
                lock._process.machine.locks[lock._path] = lock._process
                break
            await clock.sleep(0.05)
        try:
            yield
        finally:
            lock._process.machine.free(lock._path)

    patch.setattr(refresh, "held", held)


def message_per_window(patch: Patch) -> None:
    """Each error is about a generation of its own, so each window's message is shown anew."""
    original = refresh._failure

    def failure(entry: Any) -> Any:
        error = original(entry)
        error.generation = f"{entry.token}-{id(error)}"
        return error

    patch.setattr(refresh, "_failure", failure)


def token_in_log(patch: Patch) -> None:
    """An error carries the token, for easier debugging."""
    original = Refresher._give_up

    async def give_up(self: Refresher, spending: Spending, state: Any, why: str) -> ChatGpt:
        why = f"{why} {spending.record.refresh.reveal()}"
        return await original(self, spending, state, why)

    patch.setattr(Refresher, "_give_up", give_up)


MUTANTS: list[Callable[[Patch], None]] = [
    no_lock,
    no_reread,
    no_journal,
    journal_after_send,
    no_last_look,
    no_compare,
    replace_instead_of_exchange,
    in_place_write,
    resend_on_read_timeout,
    not_shielded,
    soft_fallback,
    age_stolen_lock,
    message_per_window,
    token_in_log,
]
