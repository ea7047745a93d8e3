"""The unsaved texts as a layer over the workspace, and what a command wrote, as a list of changes.

The kernel keeps what the command writes in a folder of its own (`upper`): files as they are now,
deletions as marks. Read here without root rights, after the command has ended.
"""

from __future__ import annotations

import filecmp
import hashlib
import os
import shutil
import stat
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from codex_lsp.agent.ports import FileChange, FolderGone, FolderMade, Gone, Linked, Odd, Wrote
from codex_lsp.edits.lines import marked_as
from codex_lsp.sandbox.bubblewrap import Layers
from codex_lsp.workspace.snapshot import BufferText

_OPAQUE = "user.overlay.opaque"
_SECOND = 1_000_000_000


class Unsaved:
    """The texts that are not on disk, written where a command can be shown them.

    A text keeps the time at which it was first seen, for builds go by the times of files.
    """

    def __init__(self) -> None:
        self._times: dict[Path, tuple[bytes, int, int]] = {}

    def write(self, root: Path, buffers: Mapping[Path, BufferText], folder: Path) -> int:
        """Put what is unsaved below `root` into `folder`, which is new; returns how many files."""
        folder.mkdir(parents=True)
        written = 0
        for path, buffer in sorted(buffers.items()):
            if path.is_relative_to(root) and (data := unsaved_bytes(path, buffer.text)) is not None:
                self._put(folder / path.relative_to(root), path, data)
                written += 1
        for place in sorted(folder.rglob("*"), reverse=True):
            if place.is_dir():
                alike(root / place.relative_to(folder), place)
        alike(root, folder)
        return written

    def _put(self, place: Path, path: Path, data: bytes) -> None:
        digest = hashlib.sha256(data).digest()
        known = self._times.get(path)
        if known is None or known[0] != digest:
            alike = [] if known is None or known[2] != len(data) else [known[1]]
            if path.is_file() and (saved := path.stat()).st_size == len(data):
                alike.append(saved.st_mtime_ns)
            known = self._times[path] = (digest, _in_another_second(alike), len(data))
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)
        if path.is_file():
            place.chmod(stat.S_IMODE(path.stat().st_mode))
        os.utime(place, ns=(known[1], known[1]))


def _in_another_second(times: Sequence[int]) -> int:
    """Now, or as soon as it is no second of `times`: Python takes texts of one length and second
    for the same. A time to come would be worse, for builds want outputs newer than inputs.
    """
    now = time.time_ns()
    if any(at // _SECOND == now // _SECOND for at in times):
        time.sleep((_SECOND - now % _SECOND) / _SECOND)
        now = time.time_ns()
    return now


def unsaved_bytes(path: Path, text: str) -> bytes | None:
    """What the file would hold if it were saved now; None if it does already, or if that is not
    known because the file is not UTF-8.
    """
    try:
        data = path.read_bytes()
    except OSError:
        return text.encode("utf-8", "replace")
    try:
        saved = data.decode("utf-8")
    except UnicodeDecodeError:
        return None
    text = marked_as(saved, text)
    return None if saved == text else text.encode("utf-8", "replace")


def alike(original: Path, copy: Path) -> None:
    """Give a folder the mode and times of the one that it stands for."""
    if original.is_dir():
        shutil.copystat(original, copy)


def prepare(roots: Sequence[Path], folder: Path, *, writable: bool) -> list[Layers]:
    """The layers of `roots` in `folder`; the unsaved texts are still to be written."""
    layers = []
    for number, root in enumerate(roots):
        unsaved, upper, work = (folder / f"{kind}{number}" for kind in ("unsaved", "upper", "work"))
        if writable:
            upper.mkdir(parents=True)
            work.mkdir()
            alike(root, upper)
        layers.append(Layers(root, unsaved, upper, work) if writable else Layers(root, unsaved))
    return layers


def changes(layers: Layers) -> list[FileChange]:
    """What the command changed below the root, folders before what is in them."""
    if layers.upper is None:
        return []
    return [
        *_Reader(layers.root, layers.unsaved, layers.upper).folder(Path(), there=True, opaque=False)
    ]


@dataclass(frozen=True, slots=True)
class _Reader:
    """Compares the upper layer with what lies below it. Paths are relative to the root."""

    root: Path
    unsaved: Path
    upper: Path

    def folder(self, at: Path, *, there: bool, opaque: bool) -> Iterator[FileChange]:
        """A folder of the upper layer. `there`: it was one before; `opaque`: it is all new."""
        names = {place.name for place in _listed(self.upper / at)}
        if there and opaque:
            for name in sorted(self._names(at) - names):
                yield from self._gone(at / name)
        for name in sorted(names):
            yield from self._entry(at / name, there=there, opaque=opaque)

    def _entry(self, at: Path, *, there: bool, opaque: bool) -> Iterator[FileChange]:
        place = self.upper / at
        status = place.lstat()
        below = self._below(at) if there else None
        if stat.S_ISCHR(status.st_mode) and status.st_rdev == 0:
            if below is not None:
                yield from self._gone(at)
        elif stat.S_ISDIR(status.st_mode):
            was_folder = below is not None and _is_folder(below)
            if below is not None and not was_folder:
                yield Gone(self.root / at)
            if below is None or below.lstat().st_mode != status.st_mode:
                yield FolderMade(self.root / at, stat.S_IMODE(status.st_mode))
            inner = opaque or _is_opaque(place)
            yield from self.folder(at, there=was_folder, opaque=inner)
        else:
            if below is not None and _is_folder(below):
                yield from self._gone(at)
                below = None
            yield from self._leaf(at, status, below)

    def _leaf(self, at: Path, status: os.stat_result, below: Path | None) -> Iterator[FileChange]:
        place = self.upper / at
        if below is not None and stat.S_IFMT(below.lstat().st_mode) != stat.S_IFMT(status.st_mode):
            yield Gone(self.root / at)
            below = None
        if stat.S_ISLNK(status.st_mode):
            target = place.readlink()
            if below is None or below.readlink() != target:
                yield Linked(self.root / at, target)
        elif stat.S_ISREG(status.st_mode):
            if not status.st_mode & stat.S_IRUSR:
                place.chmod(stat.S_IMODE(status.st_mode) | stat.S_IRUSR)
            if below is None or below.lstat().st_mode != status.st_mode or not _same(place, below):
                yield Wrote(self.root / at, place, stat.S_IMODE(status.st_mode))
        else:
            yield Odd(self.root / at)

    def _gone(self, at: Path) -> Iterator[FileChange]:
        """All that was below `at` is no longer; what is in a folder goes before it."""
        below = self._below(at)
        if below is None:
            return
        if not _is_folder(below):
            yield Gone(self.root / at)
            return
        for name in sorted(self._names(at)):
            yield from self._gone(at / name)
        yield FolderGone(self.root / at)

    def _below(self, at: Path) -> Path | None:
        """What the command found at `at`; None for nothing."""
        for layer in (self.unsaved, self.root):
            if os.path.lexists(layer / at):
                return layer / at
        return None

    def _names(self, at: Path) -> set[str]:
        """What the command found in the folder `at`."""
        names: set[str] = set()
        for layer in (self.unsaved, self.root):
            if _is_folder(layer / at):
                names |= {place.name for place in (layer / at).iterdir()}
        return names


def _same(one: Path, other: Path) -> bool:
    """Whether two files hold the same bytes."""
    try:
        return filecmp.cmp(one, other, shallow=False)
    except OSError:
        return False


def _listed(folder: Path) -> list[Path]:
    """What is in a folder of ours, which the command may have made unreadable."""
    try:
        return [*folder.iterdir()]
    except PermissionError:
        folder.chmod(0o700)
        return [*folder.iterdir()]


def _is_folder(path: Path) -> bool:
    try:
        return stat.S_ISDIR(path.lstat().st_mode)
    except OSError:
        return False


def _is_opaque(place: Path) -> bool:
    try:
        return os.getxattr(place, _OPAQUE, follow_symlinks=False) == b"y"
    except OSError:
        return False


def clear(folder: Path) -> None:
    """Remove a folder of ours, with what a command made unreadable in it."""
    shutil.rmtree(folder, ignore_errors=True)
    if not folder.is_dir():
        return
    folder.chmod(0o700)
    for inside, folders, _files in os.walk(folder):
        for name in folders:
            if not (place := Path(inside, name)).is_symlink():
                place.chmod(0o700)  # before the walk enters it
    shutil.rmtree(folder, ignore_errors=True)
