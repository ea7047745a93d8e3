"""Files that no buffer covers: read as bytes, written only if still what was read.

Text is UTF-8, with or without a byte order mark; anything else is refused rather than guessed.
Line ends are kept as they are. Paths are resolved ones, and no link on them is followed any more.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from io import BytesIO
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
        with places.opened(path.parent) as folder:
            return read_in(folder, path.name)
    except FileNotFoundError:
        return Unusable(f"{path.name} does not exist")
    except OSError as error:
        return Unusable(f"{path.name} cannot be read: {error.strerror}")


def read_in(folder: Folder, name: str) -> DiskText | Unusable:
    """The same of a file in an open folder; raises OSError where there is none."""
    data = folder.read(name, MAX_FILE_BYTES)
    if len(data) > MAX_FILE_BYTES:
        return Unusable(f"{name} is larger than {MAX_FILE_BYTES >> 20} MiB")
    if b"\0" in data:
        return Unusable(f"{name} is a binary file")
    try:
        return DiskText(data.decode("utf-8"), _digest(data))
    except UnicodeDecodeError:
        return Unusable(f"{name} is not UTF-8 text")


def replace(path: Path, text: str, *, seen: DiskText) -> Unusable | None:
    """Write `text` over `path` if it still holds what was `seen`; None is success.

    The new file takes the old one's place at once (same folder, synced, renamed) and keeps its
    mode, so that no reader meets half of it.
    """
    try:
        with places.opened(path.parent) as folder:
            data = folder.read(path.name, MAX_FILE_BYTES)
            if _digest(data) != seen.digest:
                return Unusable(f"{path.name} was changed on disk meanwhile")
            _install(folder, path.name, text.encode("utf-8"))
            try:
                folder.check()
            except OSError:
                _install(folder, path.name, data)
                raise
    except OSError as error:
        return Unusable(f"{path.name} cannot be written: {error.strerror}")
    return None


def _install(folder: Folder, name: str, data: bytes) -> None:
    with places.staged(folder, name, BytesIO(data), folder.mode(name)) as temporary:
        folder.rename(temporary, name)


def _digest(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()
