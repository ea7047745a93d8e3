"""Files as bytes, and links: put in place of what stands there, whose bytes are kept aside first.

For what a command left that is no text. Who may be overwritten is decided by the caller.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import shutil
import stat
import time
from pathlib import Path

KEPT_SECONDS = 30 * 86_400.0
KEPT_BYTES = 1 << 30  # of all that is kept
_OVERLAY = "user.overlay."  # what the kernel notes on files that were written through a layer


def text_of(path: Path, most: int) -> str | None:
    """The text of a file; None for one that is none, or larger than `most` bytes."""
    try:
        if path.stat().st_size > most:
            return None
        data = path.read_bytes()
        return None if b"\0" in data else data.decode("utf-8")
    except (OSError, UnicodeDecodeError):
        return None


def changed_since(path: Path, moment: int) -> bool:
    """Whether what is at `path` was written, made or moved there after `moment` (nanoseconds)."""
    try:
        return path.lstat().st_ctime_ns > moment
    except OSError:
        return False


def install(source: Path, path: Path, mode: int) -> None:
    """Put the file `source` at `path`, at once; it may be taken from where it is."""
    path.parent.mkdir(parents=True, exist_ok=True)
    _bare(source)
    try:
        source.replace(path)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        temporary = _beside(path)
        try:
            shutil.copyfile(source, temporary)
            shutil.copystat(source, temporary)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
    path.chmod(mode)


def link(path: Path, target: Path) -> None:
    """Make a symbolic link, in place of another link or of nothing."""
    if os.path.lexists(path) and not path.is_symlink():
        raise FileExistsError(errno.EEXIST, "something else is there", str(path))
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = _beside(path)
    temporary.symlink_to(target)
    try:
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def keep(path: Path, folder: Path) -> None:
    """Copy what is at `path` into `folder`, where its old bytes can be found for some time."""
    if not path.is_file() or path.is_symlink():
        return
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    kept = folder / f"{secrets.token_hex(3)}-{path.name}"
    shutil.copy2(path, kept)
    os.utime(kept)
    _prune(folder, kept)


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


def set_mode(path: Path, mode: int) -> None:
    """Give a file or folder its permission bits, if it has others."""
    with contextlib.suppress(FileNotFoundError):
        if stat.S_IMODE(path.lstat().st_mode) != mode and not path.is_symlink():
            path.chmod(mode)


def same_time(source: Path, path: Path) -> None:
    """Give `path` the time of `source` if both hold the same: builds go by the times of files."""
    with contextlib.suppress(OSError):
        if not path.is_symlink() and source.read_bytes() == path.read_bytes():
            status = source.stat()
            os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def _bare(source: Path) -> None:
    with contextlib.suppress(OSError):
        for name in os.listxattr(source):
            if name.startswith(_OVERLAY):
                os.removexattr(source, name)


def _beside(path: Path) -> Path:
    return path.with_name(f".{path.name}.{secrets.token_hex(4)}")
