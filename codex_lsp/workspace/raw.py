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

from codex_lsp.workspace import places

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
    """Put the file `source` at `path`, at once; it is taken from where it is if it can be."""
    _bare(source)
    source.chmod(mode)
    places.make_folders(path.parent)
    with places.opened(path.parent) as folder:
        try:
            os.replace(source, folder.at(path.name), dst_dir_fd=folder.handle)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            _copy(source, folder, path.name, mode)
        folder.check()


def _copy(source: Path, folder: places.Folder, name: str, mode: int) -> None:
    status = source.stat()
    with (
        source.open("rb") as content,
        places.staged(folder, name, content, mode) as temporary,
    ):
        times = status.st_atime_ns, status.st_mtime_ns
        os.utime(folder.at(temporary), ns=times, dir_fd=folder.handle)
        folder.rename(temporary, name)


def link(path: Path, target: Path) -> None:
    """Make a symbolic link, in place of another link or of nothing."""
    places.make_folders(path.parent)
    with places.opened(path.parent) as folder:
        if folder.has(path.name) and not stat.S_ISLNK(folder.status(path.name).st_mode):
            raise FileExistsError(errno.EEXIST, "something else is there", str(path))
        temporary = f".{path.name[:100]}.{secrets.token_hex(4)}"
        os.symlink(target, folder.at(temporary), dir_fd=folder.handle)
        folder.rename(temporary, path.name)
        folder.check()


def remove(path: Path) -> None:
    """Remove a file or link."""
    with places.opened(path.parent) as folder:
        folder.unlink(path.name)


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
