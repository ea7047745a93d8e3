"""Where nothing can be laid over the workspace: a copy of it, with the unsaved texts in it, and
what a command changed in the copy.

Folders that the project ignores are not copied; they are shown as they are, read-only.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from codex_lsp.agent.ports import FileChange, FolderGone, FolderMade, Gone, Linked, Odd, Wrote
from codex_lsp.sandbox.policy import READ_ONLY_NAMES
from codex_lsp.workspace import ignore

MOST_FILES = 10_000
MOST_BYTES = 256 << 20


class TooLarge(Exception):
    """The workspace is larger than what is copied for a command."""


@dataclass(frozen=True, slots=True)
class Mirror:
    """A copy of `root` at `copy`. `seen` is how each thing in it was when it was made; `shown` are
    the folders that are not copied.
    """

    root: Path
    copy: Path
    seen: dict[Path, tuple[int, int, int, str]] = field(default_factory=dict)
    shown: list[Path] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Place:
    """No copy: `root` as it is, on the disk, because it is too large to be copied."""

    root: Path


def too_large(root: Path) -> bool:
    """Whether `make` would refuse to copy it."""
    rules = ignore.Lookup(root)
    number = size = 0
    for folder, folders, files in os.walk(root):
        here = Path(folder)
        folders[:] = [
            name
            for name in folders
            if not _apart(root, Path(folder, name).relative_to(root), rules)
            and not (here / name).is_symlink()
        ]
        for name in files:
            number += 1
            with contextlib.suppress(OSError):
                size += (here / name).lstat().st_size
            if number > MOST_FILES or size > MOST_BYTES:
                return True
    return False


def make(
    root: Path, copy: Path, unsaved: Path, *, leave_out: frozenset[Path], links: bool
) -> Mirror:
    """Copy `root` but `leave_out`, then the texts in `unsaved`. `links`: ignored folders, which are
    not copied, are linked to.
    """
    mirror = Mirror(root, copy)
    rules = ignore.Lookup(root)
    left = [MOST_FILES, MOST_BYTES]
    copy.mkdir(parents=True)
    for folder, folders, files in os.walk(root):
        here = Path(folder).relative_to(root)
        folders[:] = [
            name
            for name in folders
            if root / here / name not in leave_out
            and _entered(mirror, here / name, rules, links=links)
        ]
        for name in files:
            if root / here / name not in leave_out:
                _copied(mirror, here / name, left)
    if unsaved.is_dir():
        shutil.copytree(unsaved, copy, dirs_exist_ok=True)
    for folder, folders, files in os.walk(copy, topdown=False):
        here = Path(folder).relative_to(copy)
        if (root / here).is_dir():
            shutil.copystat(root / here, folder)
        for name in [*folders, *files]:
            mirror.seen[here / name] = _state(copy / here / name)
    return mirror


def _entered(mirror: Mirror, place: Path, rules: ignore.Lookup, *, links: bool) -> bool:
    """Make the folder `place` in the copy, or what stands in for it; whether it is to be copied."""
    if _apart(mirror.root, place, rules):
        mirror.shown.append(place)
        _stand_in(mirror, place, links=links)
        return False
    if (mirror.root / place).is_symlink():
        (mirror.copy / place).symlink_to((mirror.root / place).readlink())
        return False
    (mirror.copy / place).mkdir()
    return True


def _apart(root: Path, place: Path, rules: ignore.Lookup) -> bool:
    """Whether a folder is not copied, but shown as it is."""
    closed = place.name in READ_ONLY_NAMES and len(place.parts) == 1
    return closed or rules.matches(root / place / "any", ignore.GIT)


def changes(mirror: Mirror) -> list[FileChange]:
    """What is no longer as it was copied: what is gone, then what is there."""
    return [*_missing(mirror), *_differing(mirror, Path())]


def _differing(mirror: Mirror, at: Path) -> Iterator[FileChange]:
    for place in sorted((mirror.copy / at).iterdir()):
        here = at / place.name
        before, now = mirror.seen.get(here), _state(place)
        kind = stat.S_IFMT(now[0])
        if kind == stat.S_IFDIR and here not in mirror.shown:
            if before is None or before[0] != now[0]:
                yield FolderMade(mirror.root / here, stat.S_IMODE(now[0]))
            yield from _differing(mirror, here)
        elif before != now and here not in mirror.shown:
            yield _leaf(mirror.root / here, place, now[0])


def _leaf(path: Path, place: Path, mode: int) -> FileChange:
    if stat.S_ISLNK(mode):
        return Linked(path, place.readlink())
    return Wrote(path, place, stat.S_IMODE(mode)) if stat.S_ISREG(mode) else Odd(path)


def _missing(mirror: Mirror) -> Iterator[FileChange]:
    for here in sorted(mirror.seen, reverse=True):
        kind = stat.S_IFMT(mirror.seen[here][0])
        if _kind(mirror.copy / here) != kind and here not in mirror.shown:
            path = mirror.root / here
            yield FolderGone(path) if kind == stat.S_IFDIR else Gone(path)


def _copied(mirror: Mirror, here: Path, left: list[int]) -> None:
    source = mirror.root / here
    status = source.lstat()
    if not (stat.S_ISREG(status.st_mode) or stat.S_ISLNK(status.st_mode)):
        return
    left[0] -= 1
    left[1] -= status.st_size
    if min(left) < 0:
        raise TooLarge(
            f"the workspace has more than {MOST_FILES} files or {MOST_BYTES >> 20} MiB, which is "
            "too much to be copied for a command"
        )
    try:
        shutil.copy2(source, mirror.copy / here, follow_symlinks=False)
    except PermissionError:
        return  # what cannot be read is not there for the command either


def _stand_in(mirror: Mirror, place: Path, *, links: bool) -> None:
    if not links:
        (mirror.copy / place).mkdir()
    elif place.name == ".git":
        # A link would be one that git writes through, and it takes a file as well.
        (mirror.copy / place).write_text(f"gitdir: {mirror.root / place}\n")
    else:
        (mirror.copy / place).symlink_to(mirror.root / place)


def _kind(place: Path) -> int | None:
    try:
        return stat.S_IFMT(place.lstat().st_mode)
    except OSError:
        return None


def _state(place: Path) -> tuple[int, int, int, str]:
    status = place.lstat()
    if stat.S_ISLNK(status.st_mode):
        return status.st_mode, 0, 0, str(place.readlink())
    if stat.S_ISDIR(status.st_mode):
        return status.st_mode, 0, 0, ""
    return status.st_mode, status.st_size, status.st_mtime_ns, ""
