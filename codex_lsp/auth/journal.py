"""What became of each refresh token we sent, written down before the first byte of it leaves.

The journal is what makes "never twice" survive a crash: it holds digests and states, no token.
It lives beside the credentials, because Codex drops what it does not know from `auth.json`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from codex_lsp.auth.errors import StoreUnusable
from codex_lsp.auth.ports import Files

KEPT = 256
"""Tokens remembered: more than a year of refreshes, and any backup a person would restore."""


class State(StrEnum):
    """What is known of a token that was about to be sent."""

    ARMED = "armed"  # it may be on its way
    ROTATED = "rotated"  # the authority gave us its successor
    KEPT = "kept"  # the authority answered and left it valid
    REFUSED = "refused"  # the authority said no; `cause` says why
    UNKNOWN = "unknown"  # the answer is lost


@dataclass(frozen=True, slots=True)
class Entry:
    """One refresh token, by digest.

    `at` is the time of day. `successor` names the tokens that were to replace it, once they are
    staged; `becomes` is the state to settle on if we are cut off now. `skew` is our clock minus
    the authority's when it answered.
    """

    token: str
    state: State
    at: float
    account: str = ""
    user: str = ""
    cause: str = ""
    successor: str = ""
    becomes: State = State.UNKNOWN
    skew: float = 0.0


@dataclass(frozen=True, slots=True)
class Journal:
    """The tokens that were sent, newest last, and the backoff that all windows share."""

    entries: tuple[Entry, ...] = ()
    retry_at: float = 0.0
    failures: int = 0
    notice: str = ""

    @property
    def armed(self) -> Entry | None:
        """The refresh that is under way or was cut off."""
        return next((entry for entry in self.entries if entry.state is State.ARMED), None)

    def find(self, token: str) -> Entry | None:
        """What is known of a token; None if it was never sent."""
        return next((entry for entry in self.entries if entry.token == token), None)

    def skew_of(self, pair: str) -> float:
        """How far our clock was ahead of the authority's when it issued these tokens."""
        return next((entry.skew for entry in self.entries if entry.successor == pair), 0.0)

    def noting(self, entry: Entry) -> Journal:
        """With `entry` in place of what was known of its token."""
        others = tuple(kept for kept in self.entries if kept.token != entry.token)
        return replace(self, entries=(*others, entry)[-KEPT:])

    def forgetting(self, token: str) -> Journal:
        """Without `token`: it was not sent, or the person wants to try again anyway."""
        return replace(self, entries=tuple(kept for kept in self.entries if kept.token != token))


class JournalFile:
    """The journal on disk; read and written under our lock."""

    def __init__(self, path: Path, files: Files) -> None:
        self._path = path
        self._files = files

    async def read(self) -> Journal:
        """The journal; raises `StoreUnusable` when unreadable, and then nothing may be sent."""
        try:
            data = await self._files.read(self._path)
            return Journal() if data is None else _parse(data)
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise StoreUnusable(
                f"{self._path} cannot be read, so it is not known which credentials are spent. "
                "Remove it and sign in again.",
                detail=repr(error),
            ) from error

    async def write(self, journal: Journal) -> None:
        """Make it durable; raises `StoreUnusable`, and then nothing may be sent."""
        draft = self._path.with_suffix(".tmp")  # the store's: whoever settles next removes it
        fields = {
            "version": 1,
            "retry_at": journal.retry_at,
            "failures": journal.failures,
            "notice": journal.notice,
            "entries": [_fields(entry) for entry in journal.entries],
        }
        try:
            await self._files.remove(draft)
            await self._files.create(draft, json.dumps(fields).encode())
            await self._files.replace(draft, self._path)
            await self._files.sync(self._path.parent)
        except OSError as error:
            raise StoreUnusable(
                f"{self._path} cannot be written ({error.strerror or error}), so the sign-in "
                "cannot be renewed safely. Make room for it.",
                detail=repr(error),
            ) from error


def _fields(entry: Entry) -> dict[str, object]:
    return {name: getattr(entry, name) for name in Entry.__slots__}


def _parse(data: bytes) -> Journal:
    fields = json.loads(data)
    entries = tuple(
        Entry(**(kept | {"state": State(kept["state"]), "becomes": State(kept["becomes"])}))
        for kept in fields["entries"]
    )
    return Journal(
        entries, float(fields["retry_at"]), int(fields["failures"]), str(fields["notice"])
    )
