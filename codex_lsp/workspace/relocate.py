"""Whole files on disk: made, moved and taken away, with their permission bits.

What stands there is compared with what was seen first, and no file is ever written over another:
a place is taken by a link, which fails where something is. Half a file is never left behind.
"""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from codex_lsp.workspace import disk, places
from codex_lsp.workspace.disk import DiskText, Unusable
from codex_lsp.workspace.places import Folder


def put(path: Path, text: str, *, mode: int | None = None) -> Unusable | None:
    """Make a file, with the folders that it needs; None is success."""
    try:
        with _folders(path.parent):
            _put(path, text.encode("utf-8"), mode)
    except FileExistsError:
        return Unusable(f"{path.name} exists already")
    except OSError as error:
        return Unusable(f"{path.name} cannot be created: {error.strerror}")
    return None


def take(path: Path, *, seen: DiskText) -> Unusable | None:
    """Delete a file that still holds what was `seen`; None is success."""
    if problem := _changed(path, seen):
        return problem
    try:
        with places.opened(path.parent) as folder:
            folder.unlink(path.name)
    except OSError as error:
        return Unusable(f"{path.name} cannot be deleted: {error.strerror}")
    return None


def move(path: Path, to: Path, *, seen: DiskText, text: str | None = None) -> Unusable | None:
    """Move a file that still holds what was `seen`; at its new place it holds `text`, if given."""
    if problem := _changed(path, seen):
        return problem
    try:
        with _folders(to.parent):
            data = (seen.text if text is None else text).encode()
            _move(path, to, data, whole=text is None)
    except FileExistsError:
        return Unusable(f"{path.name} cannot be moved: {to.name} exists already")
    except OSError as error:
        return Unusable(f"{path.name} cannot be moved: {error.strerror}")
    return None


def mode_of(path: Path) -> int | None:
    """The permission bits of a file; None if there is none."""
    try:
        return path.stat().st_mode & 0o7777
    except OSError:
        return None


def drop_folders(made: list[Path]) -> None:
    """Take folders away again, as far as they are empty."""
    with contextlib.suppress(OSError):
        for folder in made:
            folder.rmdir()


@contextmanager
def _folders(folder: Path) -> Iterator[None]:
    made = places.make_folders(folder)
    try:
        yield
    except OSError:
        drop_folders(made)
        raise


def _changed(path: Path, seen: DiskText) -> Unusable | None:
    now = disk.read(path)
    if isinstance(now, Unusable):
        return now
    return None if now.text == seen.text else Unusable(f"{path.name} was changed on disk meanwhile")


def _move(path: Path, to: Path, data: bytes, *, whole: bool) -> None:
    """A link keeps what a copy would lose (owner, times, attributes), and costs nothing."""
    with places.opened(path.parent) as here, places.opened(to.parent) as there:
        if not (whole and _linked((here, path.name), (there, to.name))):
            _put(to, data, here.status(path.name).st_mode & 0o7777)
        try:
            here.unlink(path.name)
        except OSError:
            there.unlink(to.name)
            raise


def _linked(one: tuple[Folder, str], other: tuple[Folder, str]) -> bool:
    """Whether `other` is a second name of `one` now; not on another device, nor everywhere."""
    (here, name), (there, new) = one, other
    try:
        os.link(here.at(name), there.at(new), src_dir_fd=here.handle, dst_dir_fd=there.handle)
    except FileExistsError:
        raise
    except (OSError, NotImplementedError):
        return False
    return True


def _put(path: Path, data: bytes, mode: int | None) -> None:
    name = f".{path.name[:100]}.{secrets.token_hex(4)}"
    with places.opened(path.parent) as folder:
        handle = folder.open(name, os.O_CREAT | os.O_EXCL | os.O_WRONLY)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                if mode is not None and hasattr(os, "fchmod"):
                    os.fchmod(file.fileno(), mode)
                os.fsync(file.fileno())
            _take_place(folder, name, path.name)
            folder.check()
        finally:
            with contextlib.suppress(FileNotFoundError):
                folder.unlink(name)


def _take_place(folder: Folder, temporary: str, name: str) -> None:
    if _linked((folder, temporary), (folder, name)):
        return
    if folder.has(name):
        raise FileExistsError
    folder.rename(temporary, name)
