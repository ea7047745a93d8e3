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

from codex_lsp.workspace import disk
from codex_lsp.workspace.disk import DiskText, Unusable


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
        path.unlink()
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


def make_folders(folder: Path) -> list[Path]:
    """Make `folder`; returns the folders that were not there, the innermost first."""
    missing: list[Path] = []
    while not folder.exists():
        missing.append(folder)
        folder = folder.parent
    for one in reversed(missing):
        one.mkdir(exist_ok=True)
    return missing


def drop_folders(made: list[Path]) -> None:
    """Take folders away again, as far as they are empty."""
    with contextlib.suppress(OSError):
        for folder in made:
            folder.rmdir()


@contextmanager
def _folders(folder: Path) -> Iterator[None]:
    made = make_folders(folder)
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
    if not (whole and _linked(path, to)):
        _put(to, data, path.stat().st_mode & 0o7777)
    try:
        path.unlink()
    except OSError:
        to.unlink()
        raise


def _linked(path: Path, to: Path) -> bool:
    """Whether `to` is a second name of `path` now; not on another device, nor on every system."""
    try:
        os.link(path, to)
    except FileExistsError:
        raise
    except OSError:
        return False
    return True


def _put(path: Path, data: bytes, mode: int | None) -> None:
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    handle = os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if mode is not None:
            temporary.chmod(mode)
        _take_place(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def _take_place(temporary: Path, path: Path) -> None:
    if _linked(temporary, path):
        return
    if os.path.lexists(path):
        raise FileExistsError
    temporary.rename(path)
