"""Files that no buffer covers: read as bytes, written only if still what was read.

Text is UTF-8, with or without a byte order mark; anything else is refused rather than guessed.
Line ends are kept as they are. Paths are resolved ones, and no link on them is followed any more.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from codex_lsp.workspace import places
from codex_lsp.workspace.places import Folder

MAX_FILE_BYTES = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Unusable:
    """A file that cannot be worked on, and why."""

    reason: str


@dataclass(frozen=True, slots=True)
class DiskText:
    """The text of a file and the digest of the bytes it was read from."""

    text: str
    digest: bytes


def read(path: Path) -> DiskText | Unusable:
    """Read `path`; a byte order mark stays in the text as U+FEFF."""
    try:
        data = places.read(path, MAX_FILE_BYTES)
        if len(data) > MAX_FILE_BYTES:
            return Unusable(f"{path.name} is larger than {MAX_FILE_BYTES >> 20} MiB")
    except FileNotFoundError:
        return Unusable(f"{path.name} does not exist")
    except OSError as error:
        return Unusable(f"{path.name} cannot be read: {error.strerror}")
    if b"\0" in data:
        return Unusable(f"{path.name} is a binary file")
    try:
        return DiskText(data.decode("utf-8"), _digest(data))
    except UnicodeDecodeError:
        return Unusable(f"{path.name} is not UTF-8 text")


def replace(path: Path, text: str, *, seen: DiskText) -> Unusable | None:
    """Write `text` over `path` if it still holds what was `seen`; None is success.

    The new file takes the old one's place at once (same folder, synced, renamed) and keeps its
    mode, so that no reader meets half of it.
    """
    try:
        with places.opened(path.parent) as folder:
            if _digest(places.read(path, MAX_FILE_BYTES)) != seen.digest:
                return Unusable(f"{path.name} was changed on disk meanwhile")
            _install(folder, path.name, text.encode("utf-8"))
            folder.check()
    except OSError as error:
        return Unusable(f"{path.name} cannot be written: {error.strerror}")
    return None


def create(path: Path, text: str) -> Unusable | None:
    """Write a new file, with the folders it needs; an existing one is never overwritten."""
    try:
        places.make_folders(path.parent)
        with places.opened(path.parent) as folder:
            handle = folder.open(path.name, os.O_CREAT | os.O_EXCL | os.O_WRONLY)
            with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
                file.write(text)
            folder.check()
    except FileExistsError:
        return Unusable(f"{path.name} exists already")
    except OSError as error:
        return Unusable(f"{path.name} cannot be created: {error.strerror}")
    return None


def remove(path: Path, text: str) -> Unusable | None:
    """Delete a file that still holds `text`; None is success."""
    seen = read(path)
    if isinstance(seen, Unusable):
        return seen
    if seen.text != text:
        return Unusable(f"{path.name} was changed meanwhile")
    try:
        with places.opened(path.parent) as folder:
            folder.unlink(path.name)
    except OSError as error:
        return Unusable(f"{path.name} cannot be deleted: {error.strerror}")
    return None


def _install(folder: Folder, name: str, data: bytes) -> None:
    mode = folder.status(name).st_mode & 0o7777
    temporary = f".{name[:100]}.{secrets.token_hex(4)}"
    handle = folder.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            if hasattr(os, "fchmod"):
                os.fchmod(file.fileno(), mode)
            os.fsync(file.fileno())
        folder.rename(temporary, name)
    except OSError:
        with contextlib.suppress(OSError):
            folder.unlink(temporary)
        raise


def _digest(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()
