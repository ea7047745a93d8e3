"""Files reached without following a link, also not one that is put there this moment.

A path was resolved when it was checked, so none of its components is a link. Each is opened from
the one above it, and what is done in the last is done by that handle: a folder that is swapped for
a link after the check is an error, not a way out. Where a system has no such handles (Windows),
the path is resolved again, before and after.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

_HANDLES = {os.open, os.stat, os.unlink, os.mkdir, os.rename} <= os.supports_dir_fd
_FOLDER = getattr(os, "O_PATH", 0) | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_NOFOLLOW", 0)
_PLAIN = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


@dataclass(frozen=True, slots=True)
class Folder:
    """An open folder; `handle` is None where the system has none. Names are of what is in it."""

    path: Path
    handle: int | None

    def at(self, name: str) -> str:
        """What stands for `name` in a call that is given `handle`."""
        return name if self.handle is not None else str(self.path / name)

    def open(self, name: str, flags: int, mode: int = 0o666) -> int:
        """Open a file that is no link."""
        return os.open(self.at(name), flags | _PLAIN, mode, dir_fd=self.handle)

    def read(self, name: str, most: int) -> bytes:
        """The first `most` + 1 bytes of a file. Raises OSError where there is no file."""
        with os.fdopen(self.open(name, os.O_RDONLY), "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise OSError(errno.EINVAL, "not a regular file")
            return file.read(most + 1)

    def status(self, name: str) -> os.stat_result:
        """Of the entry itself."""
        return os.stat(self.at(name), dir_fd=self.handle, follow_symlinks=False)

    def mode(self, name: str) -> int:
        """Its permission bits."""
        return self.status(name).st_mode & 0o7777

    def has(self, name: str) -> bool:
        """Whether anything stands there, a dangling link included."""
        try:
            self.status(name)
        except FileNotFoundError:
            return False
        return True

    def rename(self, name: str, other: str) -> None:
        """Give the entry another name, over what has it."""
        os.replace(self.at(name), self.at(other), src_dir_fd=self.handle, dst_dir_fd=self.handle)

    def unlink(self, name: str) -> None:
        """Remove a file."""
        os.unlink(self.at(name), dir_fd=self.handle)

    def check(self) -> None:
        """Raise OSError if the path leads elsewhere by now: to be asked after each change."""
        with opened(self.path) as again:
            if self.handle is not None and again.handle is not None:
                one, other = os.fstat(self.handle), os.fstat(again.handle)
                if (one.st_dev, one.st_ino) != (other.st_dev, other.st_ino):
                    raise _swapped(self.path)


@contextmanager
def opened(path: Path) -> Iterator[Folder]:
    """The folder at `path`, which is resolved. Raises OSError where a link is on the way."""
    if not _HANDLES:
        if path.resolve(strict=True) != path:
            raise _swapped(path)
        yield Folder(path, None)
        return
    handle = os.open(path.anchor, _FOLDER)
    try:
        for part in path.parts[1:]:
            below = _below(handle, part)
            os.close(handle)
            handle = below
        yield Folder(path, handle)
    finally:
        os.close(handle)


@contextmanager
def staged(
    folder: Folder, name: str, content: BinaryIO, mode: int | None, *, sync: bool = True
) -> Iterator[str]:
    """A file beside `name` with `content`, to be given its name; else it goes again."""
    temporary = f".{name[:100]}.{secrets.token_hex(4)}"
    private = 0o666 if mode is None else 0o600
    handle = folder.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, private)
    try:
        with os.fdopen(handle, "wb") as file:
            shutil.copyfileobj(content, file)
            file.flush()
            if mode is not None and hasattr(os, "fchmod"):
                os.fchmod(file.fileno(), mode)
            if sync:
                os.fsync(file.fileno())
        yield temporary
    finally:
        with contextlib.suppress(FileNotFoundError):
            folder.unlink(temporary)


def make_folders(path: Path) -> list[Path]:
    """Make the folder at `path`; returns the folders that were not there, the innermost first."""
    missing: list[Path] = []
    while not path.is_dir() and path != path.parent:
        missing.append(path)
        path = path.parent
    for one in reversed(missing):
        with opened(one.parent) as folder, contextlib.suppress(FileExistsError):
            os.mkdir(folder.at(one.name), dir_fd=folder.handle)
    if missing and not missing[0].is_dir():
        raise NotADirectoryError(errno.ENOTDIR, "not a folder", str(missing[0]))
    return missing


def read(path: Path, most: int) -> bytes:
    """The first `most` + 1 bytes of the file at `path`. Raises OSError where there is no file."""
    with opened(path.parent) as folder:
        return folder.read(path.name, most)


def _below(handle: int, part: str) -> int:
    try:
        return os.open(part, _FOLDER, dir_fd=handle)
    except NotADirectoryError as error:
        raise _swapped(Path(part)) from error


def _swapped(path: Path) -> OSError:
    return OSError(errno.ELOOP, f"{path.name} leads elsewhere by now")
