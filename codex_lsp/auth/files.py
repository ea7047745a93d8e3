"""The real file system: each call in a thread, so that a slow disk does not stop the editor.

A cancelled call is waited for: a write that is half done must not outlive the lock around it.
"""

from __future__ import annotations

import asyncio
import errno
import os
import stat
import sys
import time
from collections.abc import Callable, Hashable
from functools import partial
from pathlib import Path
from typing import ParamSpec, TypeVar

from codex_lsp.auth.exchange import exchange

MAX_BYTES = 1 << 20
"""A credentials file is a few KB; we refuse to read more than this."""

_PRIVATE = 0o600
_SHARING_WINDOWS = frozenset({5, 32, 33})  # access denied, sharing violation, lock violation
_PATIENCE_WINDOWS = 2.5
_NO_FOLLOW = getattr(os, "O_NOFOLLOW", 0)
_CLOEXEC = getattr(os, "O_CLOEXEC", 0)
_NO_WAIT = getattr(os, "O_NONBLOCK", 0)  # a FIFO in place of the file must not hang us
_BINARY = getattr(os, "O_BINARY", 0)

_P = ParamSpec("_P")
_R = TypeVar("_R")


class LocalFiles:
    """`Files` of this machine."""

    async def resolve(self, path: Path) -> Path:
        """The path with every link followed."""
        return await in_thread(_resolve, path)

    async def read(self, path: Path) -> bytes | None:
        """All bytes; None when there is no file."""
        return await in_thread(_read, path)

    async def stamp(self, path: Path) -> Hashable | None:
        """Device, inode, size and times."""
        return await in_thread(_stamp, path)

    async def create(self, path: Path, data: bytes, *, like: Path | None = None) -> None:
        """A new file, private from its first byte, and durable."""
        await in_thread(_create, path, data, like)

    async def exchange(self, one: Path, other: Path) -> bool:
        """Two names change places."""
        return await in_thread(exchange, one, other)

    async def replace(self, source: Path, target: Path) -> None:
        """Rename over; on Windows with patience for readers."""
        await in_thread(_replace, source, target)

    async def remove(self, path: Path) -> bool:
        """Unlink."""
        return await in_thread(_remove, path)

    async def sync(self, folder: Path) -> None:
        """Make names durable."""
        await in_thread(_sync, folder)

    async def make_folder(self, folder: Path) -> None:
        """Create it with its parents."""
        await in_thread(_make_folder, folder)


async def in_thread(call: Callable[_P, _R], *args: _P.args, **kwargs: _P.kwargs) -> _R:
    """`asyncio.to_thread`, but a cancel waits until the call has ended."""
    # Not by `to_thread`: a refresh has 60 calls, each then with a task and two turns of the loop.
    future = asyncio.get_running_loop().run_in_executor(None, partial(call, *args, **kwargs))
    try:
        return await asyncio.shield(future)
    except asyncio.CancelledError:
        await asyncio.wait([future])
        if not future.cancelled():
            future.exception()  # seen: the cancel is what the caller hears of
        raise


def _resolve(path: Path) -> Path:
    found = path.resolve()
    if found.is_symlink():  # newer Pythons stop at a loop without a word
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(path))
    return found


def _read(path: Path) -> bytes | None:
    try:
        handle = os.open(path, os.O_RDONLY | _NO_FOLLOW | _CLOEXEC | _NO_WAIT | _BINARY)
    except FileNotFoundError:
        return None
    with open(handle, "rb") as file:  # noqa: PTH123 - a descriptor, not a path
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise IsADirectoryError(f"{path.name} is not a regular file")
        data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise OSError(f"{path.name} is too large for a credentials file")
    return data


def _stamp(path: Path) -> Hashable | None:
    try:
        seen = path.stat()
    except FileNotFoundError:
        return None
    return (seen.st_dev, seen.st_ino, seen.st_size, seen.st_mtime_ns, seen.st_ctime_ns)


def _create(path: Path, data: bytes, like: Path | None) -> None:
    handle = os.open(
        path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NO_FOLLOW | _CLOEXEC | _BINARY, _PRIVATE
    )
    with open(handle, "wb") as file:  # noqa: PTH123 - a descriptor, not a path
        if sys.platform != "win32":
            os.fchmod(handle, _PRIVATE)  # whatever the umask took away
        file.write(data)
        file.flush()
        if like is not None:
            _take_after(handle, like)
        os.fsync(handle)


def _take_after(handle: int, like: Path) -> None:
    """Give the open file the owner and the mode of `like`, as far as we may."""
    if sys.platform == "win32":
        return
    try:
        wanted = like.stat()
    except FileNotFoundError:
        return
    mine = os.fstat(handle)
    if (mine.st_uid, mine.st_gid) != (wanted.st_uid, wanted.st_gid):
        try:
            os.fchown(handle, wanted.st_uid, wanted.st_gid)
        except PermissionError:
            return  # not ours to give: it stays private to us
    os.fchmod(handle, stat.S_IMODE(wanted.st_mode))


def _replace(source: Path, target: Path) -> None:
    deadline = time.monotonic() + _PATIENCE_WINDOWS
    while True:
        try:
            source.replace(target)
        except OSError as error:
            busy = getattr(error, "winerror", None) in _SHARING_WINDOWS
            if not busy or time.monotonic() > deadline:
                raise
        else:
            return
        time.sleep(0.05)  # in a thread; a virus scanner or reader lets go within milliseconds


def _remove(path: Path) -> bool:
    try:
        path.unlink()
    except FileNotFoundError:
        return False
    return True


def _sync(folder: Path) -> None:
    if sys.platform == "win32":
        return  # folders cannot be opened there; NTFS journals its names
    handle = os.open(folder, os.O_RDONLY | _CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _make_folder(folder: Path) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
