"""The refresh protocol: every path that meets a 401 or an expiring token goes through `recover`.

Guarded reload, then refresh: under the lock the store is read again; another identity, or none,
ends it; changed tokens of the same identity are adopted; only unchanged ones are sent to the
authority, at most once ever, and only after a durable note of it. `docs/credentials-protocol.md`
has the proof. When a refresh is due, and what the person sees, is `source`'s business.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field, replace
from random import Random
from typing import Literal, assert_never

from codex_lsp.auth import errors
from codex_lsp.auth.authority import (
    Denied,
    Granted,
    Unanswered,
    Unsent,
    read_answer,
    request_refresh,
)
from codex_lsp.auth.errors import AccountSwitched, AuthError, Busy, SignedOut, StoreUnusable
from codex_lsp.auth.journal import Entry, Journal, JournalFile, State
from codex_lsp.auth.lock import held
from codex_lsp.auth.ports import Clock, Files, Locks, Observe, Post, Step, TokenStore
from codex_lsp.auth.record import ChatGpt, Grant, Snapshot, carry_over, overlay, read_record
from codex_lsp.auth.settings import AuthSettings
from codex_lsp.auth.settle import ROUNDS, Unsaved, settle
from codex_lsp.auth.store import SUFFIX
from codex_lsp.auth.tokens import Identity, Secret

Reason = Literal["proactive_expiry", "unauthorized_recovery"]

MIXED = "The credentials mix two accounts. Sign in again."
_OTHER_ANSWER = "The sign-in service answered for another account. Sign in again."

_LONGEST_BACKOFF = 60.0
_LONGEST_WAIT = 3700.0
_POLL = 0.25
_PATIENCE = {"unknownOutcome": 10.0, "reused": 5.0}
"""Seconds in which the winner of a race may still save its tokens, by kind of our error."""

_BY_CAUSE: dict[str, type[AuthError]] = {
    "expired": errors.Expired,
    "reused": errors.Reused,
    "revoked": errors.Revoked,
    "refused": errors.Refused,
}


@dataclass(frozen=True, slots=True)
class Want:
    """What a caller needs: tokens of `identity` other than the access token `stale`.

    For `proactive_expiry`, the stale one will do while it does not end within `early` seconds.
    `anyway` is the person's word to send a token again whose fate is unknown.
    """

    identity: Identity
    stale: Secret
    reason: Reason
    early: float = 0.0
    anyway: bool = False


@dataclass(frozen=True, slots=True)
class Spending:
    """A refresh token on its way: `here` is the store that holds it, `journal` lacks its entry."""

    here: Snapshot
    record: ChatGpt
    entry: Entry
    journal: Journal
    file: JournalFile


@dataclass(slots=True, repr=False)
class Refresher:
    """One for each credentials store and process; its task outlives every caller."""

    settings: AuthSettings
    store: TokenStore
    files: Files
    clock: Clock
    locks: Locks
    post: Post
    random: Random
    observe: Observe
    skew: float = 0.0
    _task: asyncio.Task[ChatGpt] | None = None
    _flushed: asyncio.Event = field(default_factory=asyncio.Event)
    _latest: Snapshot = field(default_factory=Snapshot)
    _unsaved: Unsaved | None = None

    async def recover(self, want: Want) -> ChatGpt:
        """Tokens as `want` says, adopted or refreshed; raises `AuthError`.

        A caller that is cancelled leaves the refresh running. Callers at the same time share it.
        """
        while True:
            joined = self._task is not None and not self._task.done()
            record = await asyncio.shield(self.start(want))
            if not record.identity.matches(want.identity):
                raise AccountSwitched(generation=record.generation)
            if not joined or (record.access != want.stale and not want.anyway):
                return record

    def start(self, want: Want) -> asyncio.Task[ChatGpt]:
        """The refresh that is running, or a new one; nobody needs to wait for it."""
        if self._task is None or self._task.done():
            self.observe(Step.ARM, "before")
            self._flushed.clear()
            self._task = asyncio.get_running_loop().create_task(self._run(want))
            self._task.add_done_callback(_retrieve)
        return self._task

    async def drain(self, seconds: float) -> None:
        """Wait for a refresh that is under way; what is cut off after that is recoverable."""
        if self._task is not None and not self._task.done():
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._flushed.wait()

    async def tidy(self) -> None:
        """Finish what a window left that died: its answer, or another program's sign-in."""
        beside = await self.store.beside()
        file = JournalFile(beside.with_name(f"{beside.name}{SUFFIX}.journal"), self.files)
        left = (await file.read()).armed or (await self.store.staged()).data is not None
        if left:
            async with self._locked(seconds=0.0):  # held: somebody is at it, and alive
                await self._settle(file)

    def unsaved(self, spent: ChatGpt) -> ChatGpt | None:
        """The successor of `spent` that could not be saved yet (a full disk), if there is one."""
        if self._unsaved is None or self._unsaved.entry.token != spent.generation:
            return None
        record = read_record(self._unsaved.data).record
        return record if isinstance(record, ChatGpt) else None

    async def sign_in(self, data: bytes) -> None:
        """Put a new sign-in in place; whatever was under way before loses."""
        await self.files.make_folder((await self.store.beside()).parent)
        async with self._locked() as file:
            await self._abandon(file)
            await self.store.save(data)

    async def sign_out(self) -> Snapshot:
        """Delete the sign-in and return it, so that it can be revoked; it cannot come back."""
        async with self._locked() as file:
            await self._abandon(file)
            here = Snapshot()
            with suppress(Busy):  # unreadable, and unwanted
                here = await self.store.load()
            await self.store.delete()
        return here

    async def _run(self, want: Want) -> ChatGpt:
        self.observe(Step.ARM, "after")
        try:
            if want.reason == "unauthorized_recovery" and not want.anyway:
                await self._let_others_go_first(want)
            async with self._locked() as file:
                return await self._reload_then_refresh(want, file)
        except (AccountSwitched, SignedOut):
            raise
        except AuthError as error:
            self._flushed.set()  # waiting for others can be cut off at any time
            return await self._adopt_winner(want, error)
        finally:
            self._flushed.set()

    async def _let_others_go_first(self, want: Want) -> None:
        """Codex takes no lock: what it stores in the next moment need not be refreshed by us."""
        until = self.clock.monotonic() + self.random.uniform(*self.settings.courtesy)
        while (left := until - self.clock.monotonic()) > 0:
            with suppress(Busy, StoreUnusable):
                if self._is_enough(_same_identity(await self.store.load(), want), want):
                    return
            await self.clock.sleep(min(_POLL, left))

    @asynccontextmanager
    async def _locked(self, seconds: float | None = None) -> AsyncIterator[JournalFile]:
        beside = await self.store.beside()
        lock = self.locks(beside.with_name(f"{beside.name}{SUFFIX}.lock"))
        self.observe(Step.LOCK, "before")
        patience = self.settings.lock_seconds if seconds is None else seconds
        async with held(lock, self.clock, seconds=patience):
            self.observe(Step.LOCK, "after")
            try:
                yield JournalFile(beside.with_name(f"{beside.name}{SUFFIX}.journal"), self.files)
            finally:
                self.observe(Step.RELEASE, "before")
        self.observe(Step.RELEASE, "after")

    async def _reload_then_refresh(self, want: Want, file: JournalFile) -> ChatGpt:
        for _ in range(ROUNDS):
            with self._step(Step.SETTLE):
                await self._settle(file)
            with self._step(Step.READ):
                journal = await file.read()
                here = await self.store.load()
                record = _same_identity(here, want)
                if want.anyway:
                    journal = replace(journal.forgetting(record.generation), retry_at=0.0)
                self.skew = journal.skew_of(record.pair)
                if self._is_enough(record, want):
                    self._latest = here
                    return record
                if await self._undo_regression(here, record, journal, file):
                    continue
                self._check_may_send(record, journal)
            entry = self._entry(record)
            spending = Spending(here, record, entry, journal.forgetting(entry.token), file)
            if await self._arm(spending):
                renewed = await self._refresh_and_persist(spending, want)
                if renewed is not None:
                    return renewed
        raise Busy

    async def _arm(self, spending: Spending) -> bool:
        """Write down that the token is about to be sent, and look once more; False: start over."""
        file, unarmed = spending.file, spending.journal
        try:
            with self._step(Step.JOURNAL):
                await file.write(unarmed.noting(spending.entry))
            with self._step(Step.LAST_LOOK):
                unchanged = await self._is_unchanged(spending.here)
                if not unchanged:
                    await file.write(unarmed)
        except (AuthError, asyncio.CancelledError):
            with suppress(StoreUnusable):
                await file.write(unarmed)
            raise
        return unchanged

    async def _refresh_and_persist(self, spending: Spending, want: Want) -> ChatGpt | None:
        """Request a refresh from the authority, and persist what it grants.

        None when the spent tokens were written over the new ones at once: to be looked at again.
        """
        token = spending.record.refresh
        with self._step(Step.SEND):
            reply = await request_refresh(self.post, self.settings, token, want.reason)
        with self._step(Step.RECEIVE):
            answer = read_answer(reply, self.clock.now())
        match answer:
            case Granted(grant):
                return await self._persist(spending, want, grant)
            case Unsent():
                await spending.file.write(self._backing_off(spending.journal, answer))
                raise errors.Offline(
                    answer.message, generation=spending.entry.token, detail=answer.detail
                )
            case Denied():
                return await self._give_up(spending, State.REFUSED, answer.cause)
            case Unanswered():
                return await self._give_up(spending, State.UNKNOWN, answer.detail)
        assert_never(answer)

    async def _persist(self, spending: Spending, want: Want, grant: Grant) -> ChatGpt | None:
        """Make the granted tokens durable beside the store, then let them take its place."""
        with self._step(Step.VALIDATE):
            old, now = spending.record, self.clock.now()
            data = overlay(spending.here.data or b"", grant, now)
            new = read_record(data).record
            if not isinstance(new, ChatGpt) or new.mixed or not new.identity.matches(old.identity):
                return await self._give_up(spending, State.REFUSED, "switched")
            becomes = State.KEPT if new.refresh == old.refresh else State.ROTATED
            skew = _skew(new, now)
            entry = replace(spending.entry, successor=new.pair, becomes=becomes, skew=skew)
        self.skew = skew
        self._unsaved = Unsaved(entry, data)
        try:
            with self._step(Step.STAGE):
                await self.store.stage(data)
                await spending.file.write(spending.journal.noting(entry))
            settled = await self._settle(spending.file)
        except (StoreUnusable, Busy):
            return new  # used from memory; the next attempt, of any window, saves it
        self._latest = Snapshot(data, new)
        record = _same_identity(settled, want)
        return None if record.access == old.access else record

    async def _settle(self, file: JournalFile) -> Snapshot:
        here = await settle(self.store, file, self._step, self._unsaved)
        self._unsaved = None
        return here

    async def _undo_regression(
        self, here: Snapshot, record: ChatGpt, journal: Journal, file: JournalFile
    ) -> bool:
        """Spent tokens came back (an old copy was written over ours): put their successor back."""
        spent, latest = journal.find(record.generation), self._latest
        if spent is None or latest.data is None or not isinstance(latest.record, ChatGpt):
            return False
        if spent.successor != latest.record.pair or journal.find(latest.record.generation):
            return False
        await self.store.stage(carry_over(here.data or b"", latest.data))
        await file.write(journal.noting(replace(spent, state=State.ARMED, becomes=spent.state)))
        return True

    async def _abandon(self, file: JournalFile) -> None:
        """Before a sign-in or sign-out: what a crash left staged must not come back after it."""
        self._unsaved, self._latest = None, Snapshot()
        journal = Journal()
        with suppress(StoreUnusable):  # unreadable: a new sign-in starts a new one
            journal = await file.read()
        await self.store.unstage()
        if journal.armed is not None:
            journal = journal.noting(replace(journal.armed, state=State.UNKNOWN))
        await file.write(replace(journal, retry_at=0.0, failures=0))

    async def _adopt_winner(self, want: Want, error: AuthError) -> ChatGpt:
        """Before anyone is told: did another program win the race and save its tokens?"""
        patience = error.at + _PATIENCE.get(error.kind, 0.0) - self.clock.now()
        deadline = self.clock.monotonic() + min(patience, 10.0)
        while True:
            with suppress(Busy, StoreUnusable):
                record = _same_identity(await self.store.load(), want)
                fresh = not record.is_expired(self.clock.now(), self.skew)
                if fresh and want.stale != record.access:
                    return record
            if self.clock.monotonic() >= deadline:
                raise error
            await self.clock.sleep(_POLL)

    async def _is_unchanged(self, here: Snapshot) -> bool:
        return (await self.store.load()).data == here.data

    async def _give_up(self, spending: Spending, state: State, why: str) -> ChatGpt:
        """Note that the token is of no more use, and raise what that means."""
        closed = replace(spending.entry, state=state, cause=why, at=self.clock.now())
        journal = spending.journal.noting(closed)
        await spending.file.write(replace(journal, retry_at=0.0, failures=0))
        raise _failure(closed)

    def _backing_off(self, journal: Journal, answer: Unsent) -> Journal:
        """`journal`, by which all windows wait before the next try."""
        failures = min(journal.failures + 1, 10)
        wait = min(2.0**failures, _LONGEST_BACKOFF) * self.random.uniform(0.5, 1.0)
        retry_at = self.clock.now() + (wait if answer.wait is None else answer.wait)
        return replace(journal, retry_at=retry_at, failures=failures, notice=answer.message)

    def _is_enough(self, record: ChatGpt, want: Want) -> bool:
        """Whether these tokens will do as they are."""
        now = self.clock.now()
        if record.access != want.stale:
            return not record.is_expired(now, self.skew)
        proactive = want.reason == "proactive_expiry" and not want.anyway
        return proactive and not record.is_due(now, self.skew, want.early)

    def _check_may_send(self, record: ChatGpt, journal: Journal) -> None:
        """Raise unless the refresh token was never spent and nobody asked us to wait."""
        entry = journal.find(record.generation)
        if entry is not None and entry.state is not State.KEPT:
            raise _failure(entry)
        if not record.refresh.reveal():
            raise errors.Expired(generation=record.generation)
        if record.mixed:
            raise AccountSwitched(MIXED, generation=record.generation)
        if 0 < journal.retry_at - self.clock.now() < _LONGEST_WAIT:
            raise errors.Offline(journal.notice, generation=record.generation)

    def _entry(self, record: ChatGpt) -> Entry:
        identity = record.identity
        return Entry(
            record.generation, State.ARMED, self.clock.now(), identity.account, identity.user
        )

    @contextmanager
    def _step(self, step: Step) -> Iterator[None]:
        self.observe(step, "before")
        yield
        self.observe(step, "after")


def _same_identity(here: Snapshot, want: Want) -> ChatGpt:
    """The guard of the guarded reload."""
    if here.record is None:
        raise SignedOut
    if not isinstance(here.record, ChatGpt):
        raise AccountSwitched(generation="another kind of sign-in")
    if not here.record.identity.matches(want.identity):
        raise AccountSwitched(generation=here.record.generation)
    return here.record


def _failure(entry: Entry) -> AuthError:
    """What an entry in the journal means for who needs that token now."""
    if entry.state is State.REFUSED:
        if entry.cause == "switched":
            return AccountSwitched(_OTHER_ANSWER, generation=entry.token, at=entry.at)
        kind = _BY_CAUSE.get(entry.cause, errors.Refused)
        return kind(generation=entry.token, at=entry.at)
    if entry.state is State.ROTATED:
        return errors.Reused(generation=entry.token, at=entry.at)
    return errors.UnknownOutcome(generation=entry.token, at=entry.at, detail=entry.cause)


def _skew(new: ChatGpt, now: float) -> float:
    """Our clock minus the authority's, which has just issued `new`."""
    issued = new.claims.issued_at
    skew = 0.0 if issued is None else now - issued
    return skew if abs(skew) > 60.0 else 0.0  # noqa: PLR2004 - less than that is the network


def _retrieve(task: asyncio.Task[ChatGpt]) -> None:
    """Its callers may all be gone: an error that nobody hears is not a bug."""
    if not task.cancelled():
        task.exception()
