"""The source of bearers: when to refresh, what to use meanwhile, and what the person is told.

A bearer that still works is used while a refresh fails or runs. How a refresh is done, so that no
token is spent twice, is `refresh`'s business.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Hashable
from contextlib import suppress
from dataclasses import dataclass
from random import Random
from typing import Literal

from codex_lsp.auth.claims import read_claims
from codex_lsp.auth.errors import (
    AccountSwitched,
    AuthError,
    Busy,
    Refused,
    SignedOut,
    StoreUnusable,
)
from codex_lsp.auth.files import LocalFiles
from codex_lsp.auth.lock import KernelLock
from codex_lsp.auth.ports import Clock, Files, Locks, Observe, Post, TokenStore, unobserved
from codex_lsp.auth.record import ApiKey, ChatGpt, Foreign, Record, Snapshot
from codex_lsp.auth.refresh import MIXED, Reason, Refresher, Want
from codex_lsp.auth.settings import AuthSettings
from codex_lsp.auth.store import FileStore
from codex_lsp.auth.tokens import Bearer, Identity, Secret

LOOK_EVERY = 0.5
"""Seconds between two looks at the store: others' sign-ins are seen within 2 s."""

_NEARLY_OVER = 60.0
_PAUSE_AFTER_FAILURE = 15.0
_DRAIN = 10.0

EventKind = Literal["signedIn", "signedOut", "switched", "refreshed"]


@dataclass(frozen=True, slots=True)
class Status:
    """What the person may know about the sign-in. `expires_at` is by our clock."""

    kind: Literal["chatgpt", "apiKey", "other", "none"]
    store: str
    email: str | None = None
    plan: str | None = None
    account_id: str | None = None
    expires_at: float | None = None
    last_error: str | None = None


@dataclass(frozen=True, slots=True)
class AuthEvent:
    """The store has changed, by whomever."""

    kind: EventKind
    status: Status


class SystemClock:
    """`Clock` of this machine."""

    def now(self) -> float:
        """Seconds since the epoch."""
        return time.time()

    def monotonic(self) -> float:
        """Seconds that never jump."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)


def open_source(  # noqa: PLR0913 - the world, each part of which a test can replace
    settings: AuthSettings,
    post: Post,
    *,
    store: TokenStore | None = None,
    files: Files | None = None,
    clock: Clock | None = None,
    locks: Locks = KernelLock,
    random: Random | None = None,
    observe: Observe = unobserved,
) -> CredentialSource:
    """The source for `settings`; `store` is the credentials file unless another one is given."""
    files, clock, random = files or LocalFiles(), clock or SystemClock(), random or Random()  # noqa: S311 - jitter
    store = store or FileStore(
        settings.file, files, clock, locks, polite=settings.shared, observe=observe
    )
    refresher = Refresher(settings, store, files, clock, locks, post, random, observe)
    return CredentialSource(settings, store, clock, refresher, random.uniform(*settings.early))


class CredentialSource:
    """`TokenSource` over a store that other programs use too. Made by `open_source`."""

    def __init__(
        self,
        settings: AuthSettings,
        store: TokenStore,
        clock: Clock,
        refresher: Refresher,
        early: float,
    ) -> None:
        self._settings = settings
        self._store = store
        self._clock = clock
        self._refresher = refresher
        self._early = early
        self._not_before = 0.0
        self.last_error: AuthError | None = None

    async def current(self) -> Bearer:
        """A bearer that should be accepted; raises `AuthError`."""
        record = await self._record()
        if isinstance(record, ApiKey):
            return Bearer("api_key", record.key)
        now, skew = self._clock.now(), self._refresher.skew
        if not record.is_due(now, skew, self._early):
            return self._well(record)
        if not record.is_expired(now, skew, margin=_NEARLY_OVER):
            self._refresh_meanwhile(record)
            return record.bearer
        try:
            return self._well(await self._refresher.recover(self._want(record, "proactive_expiry")))
        except AuthError as error:
            self.last_error = error
            if record.is_expired(self._clock.now(), skew) or isinstance(error, SignedOut):
                raise
            return record.bearer

    async def replace(self, rejected: Bearer) -> Bearer:
        """Another bearer after the service answered 401 to `rejected`; raises `AuthError`."""
        record = await self._record()
        if rejected.kind == "api_key" or isinstance(record, ApiKey):
            return self._other_key(record, rejected)
        identity = rejected.identity or _identity_of(rejected)
        if not record.identity.matches(identity):
            raise AccountSwitched(generation=record.generation)
        if record.access != rejected.token and not record.is_expired(
            self._clock.now(), self._refresher.skew
        ):
            return self._well(record)
        want = Want(identity, rejected.token, "unauthorized_recovery")
        return await self._recover(want)

    async def retry(self) -> Bearer:
        """Try to refresh anyway, as the person asked, even a token whose fate is unknown."""
        record = await self._record()
        if isinstance(record, ApiKey):
            return Bearer("api_key", record.key)
        want = Want(record.identity, record.access, "unauthorized_recovery", anyway=True)
        return await self._recover(want)

    def pinned(self) -> PinnedSource:
        """A source for one turn, which keeps the identity it begins with."""
        return PinnedSource(self, self._clock)

    async def sign_in(self, data: bytes) -> None:
        """Store a new sign-in, the whole content of `auth.json`, in place of whatever is there."""
        await self._refresher.sign_in(data)
        self.last_error = None

    async def sign_out(self) -> Record | None:
        """Delete the sign-in; what was deleted, for revoking it."""
        return (await self._refresher.sign_out()).record

    async def status(self) -> Status:
        """What the person may know; never raises `AuthError`."""
        problem = self.last_error
        record: Record | None = None
        try:
            record = await self._readable()
        except AuthError as error:
            problem = error
        return self._status(record, problem)

    async def watch(self, tell: Callable[[AuthEvent], None]) -> None:
        """Until cancelled: tell of changes by others within 2 s, and refresh in good time."""
        await self._tidy()
        seen: Hashable = await self._store.stamp()
        before = await self._glimpse()
        while True:
            record = before.record
            if isinstance(record, ChatGpt) and self._settings.api_key is None:
                self._refresh_if_due(record)
            await self._clock.sleep(LOOK_EVERY)
            stamp = await self._store.stamp()
            if stamp == seen:
                continue
            try:
                after = await self._store.load()
            except (Busy, StoreUnusable):
                continue  # looked at again in a moment
            seen, self._not_before = stamp, 0.0
            if kind := _change(before.record, after.record):
                self.last_error = None
                tell(AuthEvent(kind, self._status(after.record, None)))
            before = after
            await self._tidy()

    async def drain(self, seconds: float = _DRAIN) -> None:
        """Before the process ends: let a refresh that is under way finish."""
        await self._refresher.drain(seconds)

    async def aclose(self) -> None:
        """The end; see `drain`."""
        await self.drain()

    async def _recover(self, want: Want) -> Bearer:
        try:
            return self._well(await self._refresher.recover(want))
        except AuthError as error:
            self.last_error = error
            raise

    async def _record(self) -> ChatGpt | ApiKey:
        """The credentials that requests may use now; raises `AuthError`."""
        record = await self._readable()
        if record is None:
            raise SignedOut
        if isinstance(record, Foreign):
            raise StoreUnusable(
                f"This kind of Codex sign-in ({record.mode}) is not supported here. "
                "Sign in with ChatGPT or an API key."
            )
        self._check_allowed(record)
        if isinstance(record, ChatGpt):
            if record.mixed:
                raise AccountSwitched(MIXED, generation=record.generation)
            unsaved = self._refresher.unsaved(record)
            if unsaved is not None:
                self._refresh_meanwhile(record)  # which saves it, if that is possible by now
                return unsaved
        return record

    async def _readable(self) -> Record | None:
        if self._settings.api_key is not None:
            return ApiKey(self._settings.api_key)
        record = (await self._store.load()).record
        spare = self._settings.spare_key
        return ApiKey(spare) if record is None and spare is not None else record

    def _check_allowed(self, record: ChatGpt | ApiKey) -> None:
        """The person's or their organisation's rules about which sign-in may be used."""
        method = "api" if isinstance(record, ApiKey) else "chatgpt"
        forced, workspaces = self._settings.forced_method, self._settings.forced_workspaces
        if forced is not None and forced != method:
            wanted = "with ChatGPT" if forced == "chatgpt" else "with an API key"
            raise SignedOut(f"The configuration asks for a sign-in {wanted}. Sign in that way.")
        if isinstance(record, ChatGpt) and workspaces and record.identity.account not in workspaces:
            raise SignedOut(
                "The configuration asks for another ChatGPT workspace. Sign in to that one.",
                generation=record.generation,
            )

    def _want(self, record: ChatGpt, reason: Reason) -> Want:
        return Want(record.identity, record.access, reason, self._early)

    def _refresh_if_due(self, record: ChatGpt) -> None:
        if record.refresh.reveal() and record.is_due(
            self._clock.now(), self._refresher.skew, self._early
        ):
            self._refresh_meanwhile(record)

    def _refresh_meanwhile(self, record: ChatGpt) -> None:
        """Refresh without waiting; not again soon after a failure."""
        if self._clock.monotonic() < self._not_before:
            return
        self._not_before = self._clock.monotonic() + _PAUSE_AFTER_FAILURE
        task = self._refresher.start(self._want(record, "proactive_expiry"))
        task.add_done_callback(self._note_outcome)

    def _note_outcome(self, task: asyncio.Task[ChatGpt]) -> None:
        if task.cancelled():
            return
        error = task.exception()
        self.last_error = error if isinstance(error, AuthError) else None
        if error is None:
            self._not_before = 0.0

    def _well(self, record: ChatGpt) -> Bearer:
        self.last_error = None
        return record.bearer

    def _other_key(self, record: ChatGpt | ApiKey, rejected: Bearer) -> Bearer:
        if rejected.kind == "chatgpt":
            raise AccountSwitched(generation="api key")
        if isinstance(record, ApiKey) and record.key != rejected.token:
            return Bearer("api_key", record.key)
        if isinstance(record, ChatGpt):
            raise AccountSwitched(generation=record.generation)
        raise Refused(
            "The API key was not accepted. Check it, or sign in another way.",
            generation=rejected.token.digest(),
        )

    async def _tidy(self) -> None:
        with suppress(AuthError):  # whoever refreshes next tries again, and says so
            await self._refresher.tidy()

    @property
    def _environment(self) -> tuple[Secret | None, ...]:
        """The keys that stand in the environment."""
        return (self._settings.api_key, self._settings.spare_key)

    async def _glimpse(self) -> Snapshot:
        try:
            return await self._store.load()
        except (Busy, StoreUnusable):
            return Snapshot()

    def _status(self, record: Record | None, problem: AuthError | None) -> Status:
        store = self._store.name
        if isinstance(record, ApiKey) and record.key in self._environment:
            store = "environment"
        said = None if problem is None else str(problem)
        match record:
            case ChatGpt():
                claims = record.claims
                return Status(
                    "chatgpt",
                    store,
                    claims.email,
                    claims.plan,
                    claims.account_id,
                    record.expires(self._refresher.skew),
                    said,
                )
            case ApiKey():
                return Status("apiKey", store, last_error=said)
            case Foreign():
                return Status("other", store, last_error=said)
            case None:
                return Status("none", store, last_error=said)


class PinnedSource:
    """`TokenSource` of one turn: its first bearer decides whose tokens it will use."""

    def __init__(self, source: CredentialSource, clock: Clock) -> None:
        self._source = source
        self._clock = clock
        self._last: Bearer | None = None

    async def current(self) -> Bearer:
        """As `TokenSource.current`; after a switch elsewhere, the last bearer while it is valid."""
        bearer = await self._source.current()
        last = self._last
        if last is not None and _owner(last) != _owner(bearer):
            expires = read_claims(last.token.reveal()).expires_at
            if last.kind == "api_key" or (expires is not None and expires <= self._clock.now()):
                raise AccountSwitched(generation=bearer.token.digest())
            return last
        self._last = bearer
        return bearer

    async def replace(self, rejected: Bearer) -> Bearer:
        """As `TokenSource.replace`."""
        self._last = await self._source.replace(rejected)
        return self._last


def _owner(bearer: Bearer) -> object:
    return bearer.identity or bearer.token


def _identity_of(bearer: Bearer) -> Identity:
    claims = read_claims(bearer.token.reveal())
    return Identity(bearer.account_id or claims.account_id or "", claims.user_id or "")


def _change(before: Record | None, after: Record | None) -> EventKind | None:
    """What kind of change lies between two contents; None if it is none that matters."""
    if before == after:
        return None
    if after is None:
        return "signedOut"
    if before is None:
        return "signedIn"
    if isinstance(before, ChatGpt) and isinstance(after, ChatGpt):
        return "refreshed" if after.identity.matches(before.identity) else "switched"
    return "switched"


__all__ = [
    "AuthEvent",
    "CredentialSource",
    "PinnedSource",
    "Status",
    "SystemClock",
    "open_source",
]
