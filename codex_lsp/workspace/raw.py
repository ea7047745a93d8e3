"""What is no text: files as bytes, links, folders and permission bits, put in place of each other.

What goes is kept aside, so that it can be put back. All is done by the handle of the folder that it
is in (`places`), so that no link is followed that is put on the way this moment. Who may be
overwritten is decided by the caller.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import io
import os
import secrets
import shutil
import stat
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import assert_never

from codex_lsp.workspace import places, relocate
from codex_lsp.workspace.disk import Unusable
from codex_lsp.workspace.places import Folder

KEPT_SECONDS = 30 * 86_400.0
KEPT_BYTES = 1 << 30  # of all that is kept
_OVERLAY = "user.overlay."  # what the kernel notes on files that were written through a layer


@dataclass(frozen=True, slots=True)
class Bytes:
    """A file. `kept` is another one that holds the same; None where none is known."""

    size: int
    digest: bytes
    mode: int
    kept: Path | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Link:
    """A symbolic link."""

    target: Path


@dataclass(frozen=True, slots=True)
class Directory:
    """A folder; what is in it is told on its own."""

    mode: int = field(compare=False)


@dataclass(frozen=True, slots=True)
class Bits:
    """The permission bits of a file, whatever is in it."""

    mode: int


Thing = Bytes | Link | Directory | Bits


def look(path: Path) -> Thing | None:
    """What is at `path`; None for nothing. Raises OSError for a pipe, a socket or a device."""
    try:
        with places.opened(path.parent) as folder:
            return _look(folder, path.name)
    except FileNotFoundError:
        return None


def copy_of(source: Path, mode: int, keep: Path | None = None) -> Bytes:
    """What the file `source` holds, as a file of another mode; with `keep`, copied there first."""
    with source.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").digest()
        kept = source if keep is None else _kept(file, source.name, keep)
        return Bytes(os.fstat(file.fileno()).st_size, digest, mode, kept)


def swap(path: Path, there: Thing | None, to: Thing | None, keep: Path) -> Thing | Unusable | None:
    """Put `to` at `path`, where `there` has to be (None: nothing); returns what came out, whose
    bytes are in the folder `keep` now.
    """
    try:
        with relocate.folder_for(path) as folder:
            return _swapped(folder, path.name, there, to, keep)
    except OSError as error:
        return Unusable(f"{path.name} cannot be written: {error.strerror}")


def _swapped(
    folder: Folder, name: str, there: Thing | None, to: Thing | None, keep: Path
) -> Thing | None:
    now = _look(folder, name)
    if isinstance(there, Bits) and isinstance(now, Bytes):
        now = Bits(now.mode)
    if now != there:
        raise OSError(errno.ESTALE, "it was changed on disk meanwhile")
    if isinstance(now, Bytes):
        with _reading(folder, name) as file:
            now = replace(now, kept=_kept(file, name, keep))
    _put(folder, name, to, now)
    try:
        folder.check()
    except OSError:
        _put(folder, name, now, to)
        raise
    return now


def install(source: Path, path: Path, mode: int) -> None:
    """Put the file `source` at `path`, over what is there; it may be taken from where it is."""
    places.make_folders(path.parent)
    _bare(source)
    with places.opened(path.parent) as folder:
        try:
            os.replace(source, folder.at(path.name), dst_dir_fd=folder.handle)
            _set_mode(folder, path.name, mode)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            _copy_in(folder, path.name, source, mode, over=True)
        folder.check()


def link(path: Path, target: Path) -> None:
    """Make a symbolic link, in place of another link or of nothing."""
    places.make_folders(path.parent)
    with places.opened(path.parent) as folder:
        now = _look(folder, path.name)
        if not (now is None or isinstance(now, Link)):
            raise FileExistsError(errno.EEXIST, "something else is there", str(path))
        _put(folder, path.name, Link(target), now)


def discard(path: Path) -> None:
    """Remove a file, a link or an empty folder; nothing is kept of it."""
    with places.opened(path.parent) as folder:
        _put(folder, path.name, None, _look_at(folder, path.name))


def make_folder(path: Path, mode: int) -> None:
    """Make a folder, if there is none, and give it its mode."""
    places.make_folders(path.parent)
    with places.opened(path.parent) as folder:
        _put(folder, path.name, Directory(mode), _look_at(folder, path.name))


def same_time(source: Path, path: Path) -> None:
    """Give `path` the time of `source` if both hold the same: builds go by the times of files."""
    with contextlib.suppress(OSError), places.opened(path.parent) as folder:
        descriptor = folder.open(path.name, os.O_RDONLY)
        with os.fdopen(descriptor, "rb") as file, source.open("rb") as other:
            status = os.fstat(other.fileno())
            same = file.read() == other.read() and os.utime in os.supports_fd
            if same:
                os.utime(descriptor, ns=(status.st_atime_ns, status.st_mtime_ns))


def text_of(path: Path, most: int) -> str | None:
    """The text of a file; None for one that is none, or larger than `most` bytes."""
    try:
        data = places.read(path, most)
        return None if b"\0" in data or len(data) > most else data.decode("utf-8")
    except (OSError, UnicodeDecodeError):
        return None


def changed_since(path: Path, moment: int) -> bool:
    """Whether what is at `path` was written, made or moved there after `moment` (nanoseconds)."""
    try:
        return path.lstat().st_ctime_ns > moment
    except OSError:
        return False


def _look(folder: Folder, name: str) -> Thing | None:
    now = _look_at(folder, name)
    if not isinstance(now, Bits):
        return now
    with _reading(folder, name) as file:
        digest = hashlib.file_digest(file, "sha256").digest()
        return Bytes(os.fstat(file.fileno()).st_size, digest, now.mode)


def _look_at(folder: Folder, name: str) -> Link | Directory | Bits | None:
    """What is there, without a look into it."""
    try:
        mode = folder.status(name).st_mode
    except FileNotFoundError:
        return None
    if stat.S_ISLNK(mode):
        return Link(Path(os.readlink(folder.at(name), dir_fd=folder.handle)))
    if stat.S_ISDIR(mode):
        return Directory(stat.S_IMODE(mode))
    if stat.S_ISREG(mode):
        return Bits(stat.S_IMODE(mode))
    raise OSError(errno.EINVAL, "it is no file, folder or link")


def _put(folder: Folder, name: str, to: Thing | None, now: Thing | None) -> None:
    at, handle = folder.at(name), folder.handle
    match to:
        case None if isinstance(now, Directory):
            os.rmdir(at, dir_fd=handle)
        case None:
            folder.unlink(name)
        case Directory(mode):
            if not isinstance(now, Directory):
                os.mkdir(at, dir_fd=handle)
            _set_mode(folder, name, mode, getattr(os, "O_DIRECTORY", 0))
        case Bits(mode):
            _set_mode(folder, name, mode)
        case Link(target) if now is None:
            os.symlink(target, at, dir_fd=handle)
        case Link(target):
            temporary = f".{name[:100]}.{secrets.token_hex(4)}"
            os.symlink(target, folder.at(temporary), dir_fd=handle)
            folder.rename(temporary, name)
        case Bytes(mode=mode, kept=Path() as kept):
            _copy_in(folder, name, kept, mode, over=now is not None)
        case Bytes():
            raise FileNotFoundError(errno.ENOENT, "its bytes are not kept any more")
        case _:
            assert_never(to)


def _set_mode(folder: Folder, name: str, mode: int, kind: int = 0) -> None:
    if not hasattr(os, "fchmod"):
        Path(folder.at(name)).chmod(mode)
        return
    descriptor = folder.open(name, os.O_RDONLY | kind)
    try:
        os.fchmod(descriptor, mode)
    finally:
        os.close(descriptor)


def _copy_in(folder: Folder, name: str, source: Path, mode: int, *, over: bool) -> None:
    """A file like `source`, with its times, takes its place at once."""
    with (
        source.open("rb") as file,
        places.staged(folder, name, file, mode, sync=False) as temporary,
    ):
        if os.utime in os.supports_dir_fd or folder.handle is None:
            status = os.fstat(file.fileno())
            times = status.st_atime_ns, status.st_mtime_ns
            os.utime(folder.at(temporary), ns=times, dir_fd=folder.handle)
        if over:
            folder.rename(temporary, name)
        else:
            relocate.take_place(folder, temporary, name)


def _reading(folder: Folder, name: str) -> io.BufferedReader:
    return os.fdopen(folder.open(name, os.O_RDONLY), "rb")


def _kept(file: io.BufferedReader, name: str, folder: Path) -> Path:
    """Copy a file into `folder`, where it can be found for some time."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    kept = folder / f"{secrets.token_hex(3)}-{name[-100:]}"
    file.seek(0)
    with os.fdopen(os.open(kept, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as copy:
        shutil.copyfileobj(file, copy)
    _prune(folder, kept)
    return kept


def _prune(folder: Path, newest: Path) -> None:
    """Drop what was kept long ago, and the oldest of it while there is too much."""
    found = []
    for place in folder.iterdir():
        with contextlib.suppress(OSError):  # another window may prune it too
            status = place.stat()
            found.append((status.st_mtime, status.st_size, place))
    oldest = time.time() - KEPT_SECONDS
    size = 0
    for moment, bytes_of_it, place in sorted(found, reverse=True):
        size += bytes_of_it
        if place != newest and (moment < oldest or size > KEPT_BYTES):
            place.unlink(missing_ok=True)


def _bare(source: Path) -> None:
    with contextlib.suppress(OSError):
        for name in os.listxattr(source):
            if name.startswith(_OVERLAY):
                os.removexattr(source, name)
