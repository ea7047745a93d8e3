"""Whether the person trusts a folder: read from what they said of it and of nothing else, and
written only when they say it.

Trust is not passed down a path. A folder has it by its own name, by the work tree that it is in,
or as a linked work tree that the trusted repository itself knows of; what a folder claims to belong
to proves nothing.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

TrustLevel = Literal["trusted", "untrusted"]


class NotWritten(Exception):
    """The decision could not be noted. `str()` is for the person."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Which folder this is: its resolved path, its work tree, and the repository behind that.

    `main` is the work tree that the repository belongs to, where that can be proven.
    """

    folder: Path
    tree: Path | None
    repository: Path | None
    main: Path | None

    @property
    def project(self) -> Path:
        """What a decision is noted for: the work tree, or the folder where it is in none."""
        return self.tree or self.folder


def identify(folder: Path, home: Path) -> Identity:
    """Look at a folder; files are read, and nothing is run. The person's `home` is no work tree
    of what lies in it, nor is the root, whatever `.git` they hold.
    """
    folder = folder.resolve()
    tree = _work_tree(folder)
    if tree is not None and tree != folder and tree in {home.resolve(), Path(folder.anchor)}:
        tree = None
    if tree is None:
        return Identity(folder, None, None, None)
    repository, main = _repository(tree)
    return Identity(folder, tree, repository, main)


def level(said: Mapping[str, TrustLevel], who: Identity) -> TrustLevel | None:
    """What the person said of the folder; None if nothing. The nearest word counts."""
    for place in (who.folder, who.tree, who.main):
        if place is not None and (found := said.get(str(place))) is not None:
            return found
    return None


def note(config: Path, folder: Path, trust: TrustLevel) -> None:
    """Write `[projects."folder"] trust_level` into the person's config.toml.

    The rest of the file stays as it is, comments and all. Raises `NotWritten`.
    """
    try:
        target = config.resolve()
        before = target.read_bytes() if target.exists() else b""
        _swap(target, _with_level(before.decode("utf-8-sig"), folder, trust).encode())
    except UnicodeDecodeError as error:
        raise NotWritten(f"{config} is not UTF-8 text: mend it, then say it again.") from error
    except OSError as error:
        raise NotWritten(f"{config} cannot be written: {error.strerror}.") from error


def _with_level(text: str, folder: Path, trust: TrustLevel) -> str:
    import tomlkit  # noqa: PLC0415 - loaded when a person decides, which is once for each folder
    from tomlkit.exceptions import TOMLKitError  # noqa: PLC0415 - likewise

    try:
        document = tomlkit.parse(text)
        projects = document.setdefault("projects", tomlkit.table(is_super_table=True))
        entry = projects.setdefault(str(folder), tomlkit.table())
        entry["trust_level"] = trust
        return tomlkit.dumps(document)
    except (TOMLKitError, TypeError, AttributeError) as error:
        raise NotWritten("config.toml has a mistake: mend it, then say it again.") from error


def _swap(target: Path, data: bytes) -> None:
    """Put `data` in the place of a file at once, with the mode that it has."""
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=".config-")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if target.exists():
            Path(name).chmod(target.stat().st_mode & 0o777)
        Path(name).replace(target)
    except BaseException:
        with suppress(OSError):
            Path(name).unlink()
        raise


def _work_tree(folder: Path) -> Path | None:
    return next((place for place in (folder, *folder.parents) if (place / ".git").exists()), None)


def _repository(tree: Path) -> tuple[Path | None, Path | None]:
    """The git folder behind a work tree, and the main work tree if that knows of this one.

    `.git` can be a file that names any folder, and a `commondir` inside can name any other: only
    a repository that names this tree back is believed.
    """
    dot_git = tree / ".git"
    if dot_git.is_dir():
        claimed = _named(dot_git / "commondir", "", dot_git)
        return (dot_git.resolve(), tree) if claimed is None else (None, None)
    private = _named(dot_git, "gitdir:", tree)
    if private is None:
        return None, None
    common = _named(private / "commondir", "", private)
    back = _named(private / "gitdir", "", private)
    if common is None or back != dot_git.resolve() or private.parent != common / "worktrees":
        return None, None
    return common, common.parent if common.name == ".git" else None


def _named(file: Path, prefix: str, base: Path) -> Path | None:
    """The path that the first line of a small file names, resolved."""
    try:
        with file.open("rb") as opened:
            line = opened.read(4096).decode("utf-8").splitlines()[0].strip()
        if not line.startswith(prefix) or not line.removeprefix(prefix).strip():
            return None
        return (base / line.removeprefix(prefix).strip()).resolve()
    except (OSError, UnicodeDecodeError, IndexError, ValueError, RuntimeError):
        return None
