"""Whole files on disk: made, moved and taken away, with their permission bits.

What stands there is compared with what was seen first, and no file is ever written over another:
a place is taken by a link, which fails where something is. Half a file is never left behind.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path

from codex_lsp.workspace import disk, places
from codex_lsp.workspace.disk import DiskText, Unusable
from codex_lsp.workspace.places import Folder


def put(path: Path, text: str, *, mode: int | None = None) -> Unusable | None:
    """Make a file, with the folders that it needs; None is success."""
    try:
        with folder_for(path) as folder:
            _put(folder, path.name, text.encode("utf-8"), mode)
    except FileExistsError:
        return Unusable(f"{path.name} exists already")
    except OSError as error:
        return Unusable(f"{path.name} cannot be created: {error.strerror}")
    return None


def take(path: Path, *, seen: DiskText) -> Unusable | None:
    """Delete a file that still holds what was `seen`; None is success."""
    try:
        with places.opened(path.parent) as folder:
            if problem := _changed(folder, path.name, seen):
                return problem
            mode = folder.mode(path.name)
            folder.unlink(path.name)
            try:
                folder.check()
            except OSError:
                _write(folder, path.name, seen.text.encode(), mode)
                raise
    except FileNotFoundError:
        return Unusable(f"{path.name} does not exist")
    except OSError as error:
        return Unusable(f"{path.name} cannot be deleted: {error.strerror}")
    return None


def move(path: Path, to: Path, *, seen: DiskText, text: str | None = None) -> Unusable | None:
    """Move a file that still holds what was `seen`; at its new place it holds `text`, if given."""
    try:
        with places.opened(path.parent) as here:
            if problem := _changed(here, path.name, seen):
                return problem
            with folder_for(to) as there:
                _move((here, path.name), (there, to.name), text)
    except FileNotFoundError:
        return Unusable(f"{path.name} does not exist")
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
def folder_for(path: Path) -> Iterator[Folder]:
    """The folder that `path` is to be in, made if it is not there."""
    made = places.make_folders(path.parent)
    try:
        with places.opened(path.parent) as folder:
            yield folder
    except OSError:
        drop_folders(made)
        raise


def _changed(folder: Folder, name: str, seen: DiskText) -> Unusable | None:
    now = disk.read_in(folder, name)
    if isinstance(now, Unusable):
        return now
    return None if now.text == seen.text else Unusable(f"{name} was changed on disk meanwhile")


def _move(one: tuple[Folder, str], other: tuple[Folder, str], text: str | None) -> None:
    """A link keeps what a copy would lose (owner, times, attributes), and costs nothing."""
    (here, name), (there, new) = one, other
    if text is not None or not _linked(one, other):
        data = here.read(name, disk.MAX_FILE_BYTES) if text is None else text.encode()
        _write(there, new, data, here.mode(name))
    try:
        here.check()
        there.check()
        here.unlink(name)
    except OSError:
        there.unlink(new)
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


def _put(folder: Folder, name: str, data: bytes, mode: int | None) -> None:
    _write(folder, name, data, mode)
    try:
        folder.check()
    except OSError:
        folder.unlink(name)
        raise


def _write(folder: Folder, name: str, data: bytes, mode: int | None) -> None:
    with places.staged(folder, name, BytesIO(data), mode) as temporary:
        take_place(folder, temporary, name)


def take_place(folder: Folder, temporary: str, name: str) -> None:
    """Let a file have `name` too, or instead; raises `FileExistsError` where something has it."""
    if _linked((folder, temporary), (folder, name)):
        return
    if folder.has(name):
        raise FileExistsError
    folder.rename(temporary, name)
