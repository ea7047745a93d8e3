"""Keeps conversations as session files in CODEX_HOME, where `codex resume` finds them, and reads
such files, ours or Codex's.

A file is only ever added to by who made it, under the lock that Codex takes, and no more once
somebody else has added to it: whoever goes on from a file does so in a new one. Codex's databases
are left alone; it finds files that they do not know.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import filelock

from codex_lsp.agent.conversation import Item
from codex_lsp.agent.sessions import Told

log = logging.getLogger(__name__)

_LARGEST = 256 * 2**20


class Elsewhere(Exception):
    """Another program has the session open, or has gone on with it."""


@dataclass(slots=True)
class _File:
    """A file that we made: how long it was when we left it, and what is in it."""

    path: Path
    size: int
    items: tuple[Item, ...]


@dataclass(slots=True)
class Sessions:
    """See the file. All of it blocks, for a lock up to `patience` seconds. `provider` is the model
    provider's id in config.toml: Codex finds only sessions of a provider that it knows.
    """

    home: Path
    originator: str
    version: str
    provider: str
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    patience: float = 2.0
    _files: dict[str, _File | None] = field(default_factory=dict)

    def save(self, told: Told) -> None:
        """Add what a turn brought. What cannot be saved is logged: the turn is worth more."""
        if not told.items or self._files.get(told.thread, ...) is None:
            return
        try:
            with self._writing(told.thread):
                self._save(told)
        except (OSError, Elsewhere, filelock.Timeout) as error:
            log.warning("a conversation is not kept any more: %s", type(error).__name__)
            self._files[told.thread] = None

    def load(self, session: str | None, folder: Path) -> tuple[str, tuple[Item, ...]] | None:
        """The session of that id, or the newest one of `folder`: its id, and what was said."""
        from codex_lsp.responses import rollout  # with it comes all that can patch

        for path in self._found(session):
            try:
                with path.open("rb") as lines:
                    if path.stat().st_size > _LARGEST:
                        continue
                    meta = rollout.meta_of(lines.readline())
                    here = meta.get("cwd") == str(folder)
                    # Of the many files of other folders, no more than the first line is read.
                    if isinstance(meta.get("id"), str) and (here or session is not None):
                        return meta["id"], rollout.items_of(lines)
            except OSError:
                continue
        return None

    def _found(self, session: str | None) -> list[Path]:
        """Files that may be meant, the newest first; names begin with the time."""
        if session is not None:
            try:
                UUID(session)
            except ValueError:
                return []
        root = self.home / "sessions"
        found = root.glob(f"*/*/*/rollout-*{session or ''}.jsonl")
        return sorted(found, key=lambda path: path.name, reverse=True)

    def _save(self, told: Told) -> None:
        from codex_lsp.responses import rollout

        now = self.now()
        known = self._files.get(told.thread)
        if known is None:
            origin = rollout.Origin(
                told.thread, str(told.folder), self.originator, self.version, self.provider,
                told.forked_from,
            )  # fmt: skip
            data = rollout.opening(origin, now)
            path = self._new_path(told.thread, now)
            before, size = told.items[:0], 0
        else:
            data, path, before, size = b"", known.path, known.items, known.size
            if path.stat().st_size != size:
                raise Elsewhere
        kept = len(before)
        if told.items[:kept] == before:
            added = told.items[kept:]
        else:
            data += rollout.shortened(told.items, now)
            added = ()
        data += rollout.turn(added, told.turn, now, whole=told.whole)
        _append(path, data, new=known is None)
        self._files[told.thread] = _File(path, size + len(data), told.items)

    def _new_path(self, session: str, now: datetime) -> Path:
        local = now.astimezone()
        folder = self.home / "sessions" / f"{local:%Y}" / f"{local:%m}" / f"{local:%d}"
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return folder / f"rollout-{local:%Y-%m-%dT%H-%M-%S}-{session}.jsonl"

    @contextmanager
    def _writing(self, session: str) -> Iterator[None]:
        """While this is held, no Codex opens the session; raises `Timeout` if one has it open."""
        folder = self.home / "thread-writer-locks"
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        own = filelock.FileLock(folder / f"{session}.lock", timeout=self.patience)
        with filelock.FileLock(folder / ".coordination.lock", timeout=self.patience):
            own.acquire()
        try:
            yield
        finally:
            own.release()


def _append(path: Path, data: bytes, *, new: bool) -> None:
    """One write, private from the first byte."""
    flags = os.O_WRONLY | os.O_APPEND | getattr(os, "O_BINARY", 0)
    flags |= os.O_CREAT | os.O_EXCL if new else 0
    with os.fdopen(os.open(path, flags, 0o600), "ab", buffering=0) as file:
        if file.write(data) != len(data):
            raise OSError("written in part")
