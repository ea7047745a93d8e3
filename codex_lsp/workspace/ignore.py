"""What the person keeps out: `.codexignore` for Codex alone, `.gitignore` for files that are not
part of the project. Both are read in every folder from the workspace root down, by git's rules.

`.codexignore` always holds. `.gitignore` holds for files that a model names by itself; a file that
is open in the editor is one that the person works on.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

CODEX, GIT = ".codexignore", ".gitignore"
_SETTLED = 2_000_000_000  # nanoseconds
_LARGEST = 1_000_000  # bytes of an ignore file; more is no list that somebody keeps


def ignored(path: Path, root: Path, *, is_open: bool) -> str | None:
    """Why `path` (resolved, below `root`) is kept out; None if it is not."""
    if _matches(path, root, CODEX):
        return f"{path.name} is kept out by {CODEX}"
    if not is_open and _matches(path, root, GIT):
        return f"{path.name} is kept out by {GIT}"
    return None


def _matches(path: Path, root: Path, name: str) -> bool:
    """Whether `path`, or a folder that it is in, is ignored by the files called `name`."""
    folders = [root, *(root / part for part in _folders(path.relative_to(root)))]
    rules = [(folder, lines) for folder in folders if (lines := _read(folder / name))]
    if not rules:
        return False
    specs = [(folder, _spec(lines)) for folder, lines in rules]
    for place in [*folders[1:], path]:
        # What is in an ignored folder cannot be taken back in.
        above = tuple(known for known in specs if known[0] in place.parents)
        if _verdict(above, place, is_folder=place != path):
            return True
    return False


@dataclass(frozen=True, slots=True)
class Rules:
    """Both kinds of rules as a walk meets them, so that each file of rules is read once."""

    kinds: tuple[tuple[tuple[Path, GitIgnoreSpec], ...], ...] = ((), ())

    @classmethod
    def above(cls, folder: Path, root: Path) -> Rules:
        """What the folders from `root` down to `folder`, without it, say."""
        rules = cls()
        above = [root, *(root / part for part in _folders(folder.relative_to(root)))]
        for place in above if folder != root else ():
            rules = rules.inside(place)
        return rules

    def inside(self, folder: Path, brought: Mapping[Path, Path] = MappingProxyType({})) -> Rules:
        """The same with what `folder` itself says; see `Lookup` for `brought`."""
        files = [folder / name for name in (CODEX, GIT)]
        added = tuple(
            (*known, (folder, _spec(lines))) if (lines := _read(brought.get(file, file))) else known
            for known, file in zip(self.kinds, files, strict=True)
        )
        return Rules(added)

    def leave_out(self, path: Path, *, is_folder: bool) -> bool:
        """Whether a walk passes `path` over; the folders above it are known not to be."""
        return any(_verdict(known, path, is_folder=is_folder) for known in self.kinds)


class Lookup:
    """Answers about many paths of a root, in any order; each file of rules is read once.

    `brought`: files of rules that are not there yet, and where their text is.
    """

    def __init__(self, root: Path, brought: Mapping[Path, Path] = MappingProxyType({})) -> None:
        self._root = root
        self._brought = brought
        self._rules: dict[Path, Rules] = {}
        self._verdicts: dict[tuple[Path, str], bool] = {}

    def matches(self, path: Path, name: str) -> bool:
        """Whether `path`, or a folder that it is in, is ignored by the files called `name`."""
        folders = [self._root / part for part in _folders(path.relative_to(self._root))]
        return any(self._folder(folder, name) for folder in folders) or self._judge(
            path, name, is_folder=False
        )

    def names(self, path: Path, *, is_folder: bool) -> bool:
        """Whether `.codexignore` files name `path` itself; for a walk that leaves such folders."""
        return self._judge(path, CODEX, is_folder=is_folder)

    def _folder(self, folder: Path, name: str) -> bool:
        key = (folder, name)
        if key not in self._verdicts:
            self._verdicts[key] = self._judge(folder, name, is_folder=True)
        return self._verdicts[key]

    def _judge(self, path: Path, name: str, *, is_folder: bool) -> bool:
        known = self._inside(path.parent).kinds[(CODEX, GIT).index(name)]
        return _verdict(known, path, is_folder=is_folder)

    def _inside(self, folder: Path) -> Rules:
        if folder not in self._rules:
            above = Rules() if folder == self._root else self._inside(folder.parent)
            self._rules[folder] = above.inside(folder, self._brought)
        return self._rules[folder]


class KeptOut:
    """What the `.codexignore` files of roots name: files, and folders as a whole.

    Asked before each command, so what a folder holds is read again only once it has changed.
    """

    def __init__(self) -> None:
        self._seen: dict[
            str, _Folder
        ] = {}  # by path; a `Path` for each would cost ten times as much

    def below(self, root: Path) -> list[Path]:
        """What is kept out below `root`, as of now."""
        rules = Lookup(root)
        found: list[Path] = []
        for home in self._homes(root):
            for folder, folders, files in os.walk(home):
                places = [(Path(folder, name), True) for name in folders]
                places += [(Path(folder, name), False) for name in files]
                named = {at for at, is_folder in places if rules.names(at, is_folder=is_folder)}
                found += sorted(named)
                folders[:] = [name for name in folders if Path(folder, name) not in named]
        return found

    def _homes(self, root: Path) -> Iterator[Path]:
        """The outermost folders that have such a file."""
        left = [str(root)]
        while left:
            folder = left.pop()
            listed = self._listed(folder)
            if listed is None:
                continue
            if listed.has_rules:
                yield Path(folder)
            else:
                left += listed.folders

    def _listed(self, folder: str) -> _Folder | None:
        try:
            status = os.stat(folder)  # noqa: PTH116 - as above
            mark = (status.st_ino, status.st_mtime_ns)
            seen = self._seen.get(folder)
            if seen is not None and seen.mark == mark:
                return seen
            with os.scandir(folder) as entries:
                listed = [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries]
        except OSError:
            return None
        folders = tuple(
            f"{folder}{os.sep}{name}" for name, is_dir in listed if is_dir and name != ".git"
        )
        found = _Folder(mark, folders, has_rules=(CODEX, False) in listed)
        # What comes within the same tick of the clock leaves the time of the folder as it is.
        if time.time_ns() - status.st_mtime_ns > _SETTLED:
            self._seen[folder] = found
        return found


@dataclass(frozen=True, slots=True)
class _Folder:
    mark: tuple[int, int]
    folders: tuple[str, ...]  # their paths
    has_rules: bool


def _verdict(known: tuple[tuple[Path, GitIgnoreSpec], ...], path: Path, *, is_folder: bool) -> bool:
    """The deepest file that says something about `path` decides."""
    for folder, spec in reversed(known):
        shown = path.relative_to(folder).as_posix() + ("/" if is_folder else "")
        if (verdict := spec.check_file(shown).include) is not None:
            return verdict
    return False


def _spec(lines: list[str]) -> GitIgnoreSpec:
    from pathspec import GitIgnoreSpec  # noqa: PLC0415 - only where there is something to match

    return GitIgnoreSpec.from_lines(lines)


def _folders(relative: Path) -> list[Path]:
    """The folders on the way to `relative`, the outermost first."""
    return [*reversed(relative.parents)][1:]


def _read(path: Path) -> list[str]:
    try:
        with path.open("rb") as file:
            return file.read(_LARGEST).decode("utf-8", "replace").splitlines()
    except OSError:
        return []
