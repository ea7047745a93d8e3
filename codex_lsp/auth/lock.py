"""Locks between processes, by the kernel: free the moment their holder dies, never judged by age.

The lock file stays after release: deleting it would let two holders in. Where the file system has
no such locks we say so and stop; a lock made of the existence of a file is no substitute.
"""

from __future__ import annotations

import errno
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import filelock

from codex_lsp.auth.errors import Busy, StoreUnusable
from codex_lsp.auth.files import in_thread
from codex_lsp.auth.ports import Clock, Lock

_FIRST_PAUSE, _LONGEST_PAUSE = 0.01, 0.04


class KernelLock:
    """flock on Unix, LockFileEx on Windows."""

    def __init__(self, path: Path) -> None:
        self._path = path
        kind = filelock.WindowsFileLock if sys.platform == "win32" else filelock.UnixFileLock
        self._lock = kind(
            path,
            mode=0o600,
            thread_local=False,
            blocking=False,
            fallback_to_soft=False,
            preserve_lock_file=True,
        )

    async def try_acquire(self) -> bool:
        """Take it if it is free; raises `StoreUnusable` where locks do not work."""
        try:
            await in_thread(self._lock.acquire)
        except filelock.Timeout:
            return False
        except (OSError, NotImplementedError) as error:
            raise StoreUnusable(_explain(error, self._path), detail=repr(error)) from error
        return True

    async def release(self) -> None:
        """Let go; the file stays."""
        await in_thread(self._lock.release)


@asynccontextmanager
async def held(lock: Lock, clock: Clock, *, seconds: float) -> AsyncIterator[None]:
    """Hold `lock`, waiting at most `seconds` for it; raises `Busy`."""
    deadline = clock.monotonic() + seconds
    pause = _FIRST_PAUSE
    while not await lock.try_acquire():
        if clock.monotonic() >= deadline:
            raise Busy(
                "Another codex-lsp window has been renewing the sign-in for too long. "
                "If one hangs, close it and try again."
            )
        await clock.sleep(pause)
        pause = min(pause * 1.5, _LONGEST_PAUSE)
    try:
        yield
    finally:
        await lock.release()


def _explain(error: OSError | NotImplementedError, path: Path) -> str:
    match getattr(error, "errno", None):
        case errno.ELOOP:
            return f"{path} is a link, and a lock must not be one. Remove the link."
        case errno.EISDIR:
            return f"{path} is a folder, left by another program. Remove it."
        case errno.EACCES | errno.EPERM:
            return f"{path} cannot be opened for writing. Make it writable for you."
        case errno.EROFS:
            return f"{path.parent} is read-only: the sign-in cannot be renewed. Move CODEX_HOME."
        case errno.ENOENT:
            return f"The folder {path.parent} does not exist. Sign in, or create it."
        case errno.ENOSPC | errno.EDQUOT:
            return f"There is no space left to lock {path}. Free some space."
    return (
        f"The file system of {path.parent} has no working locks, so windows cannot share the "
        "sign-in safely there. Move CODEX_HOME to a local disk."
    )
