"""What can hold a command back: which ones there are, what each one holds, found by trying.

A backend counts only if a command that was run behind it could do what it should and could not do
what it should not.
"""

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import assert_never

from codex_lsp.agent.ports import Confinement
from codex_lsp.sandbox import bubblewrap, landlock, overlay, seccomp
from codex_lsp.sandbox.bubblewrap import Layers, View, home
from codex_lsp.sandbox.mirror import Mirror, Place
from codex_lsp.sandbox.policy import Policy, hidden, outermost
from codex_lsp.sandbox.process import Child, Start, in_terminal, limited

_PROBE_SECONDS = 10.0

_SAVED = "the files as they are saved"

UNCONFINED = Confinement("", "", network=True, reviewed=False, in_place=True)


@dataclass(frozen=True, slots=True)
class Bubblewrap:
    """Namespaces. `layered`: the workspace can be laid over, so it need not be copied."""

    program: Path
    layered: bool


@dataclass(frozen=True, slots=True)
class Landlock:
    """Rules that a process gives itself. The command runs in a copy of the workspace."""


Backend = Bubblewrap | Landlock


@dataclass(frozen=True, slots=True)
class Job:
    """A command to be run behind a backend. `scratch` is this window's folder, and `unseen` is what
    the person keeps out of the workspace.
    """

    argv: Sequence[str]
    cwd: Path
    env: Mapping[str, str]
    tty: bool
    policy: Policy
    views: Sequence[View]
    scratch: Path
    unseen: Sequence[Path] = ()


def describe(backend: Backend | None, policy: Policy, *, too_large: bool = False) -> Confinement:
    """What it holds back under `policy`, in words that are true of it. `too_large`: the workspace
    cannot be copied, so commands run in place.
    """
    network = "can reach the network" if policy.network else "has no network"
    if policy.mode == "read-only":
        writes = "can write nothing but temporary files of its own"
    elif too_large:
        writes = "what it changes in the workspace is changed at once, before anybody looks at it"
    else:
        writes = "what it changes in the workspace is looked at before it is kept"
    reviewed, in_place = not too_large, too_large and policy.mode != "read-only"
    match backend:
        case None:
            return UNCONFINED
        case Bubblewrap(layered=layered):
            holds = (
                f"{network}, sees no other processes and none of your keys and sign-ins, cannot "
                f"write outside the workspace, and {writes}"
            )
            if not layered:
                holds += f"; it runs on {_SAVED if too_large else 'a copy of the workspace'}"
            return Confinement("bubblewrap", holds, policy.network, reviewed, in_place)
        case Landlock():
            runs_in = "the workspace" if too_large else "a copy of the workspace that it runs in"
            holds = (
                f"{network} and no sockets, cannot read your keys and sign-ins, cannot write "
                f"outside {runs_in}, and {writes}; it could change "
                "modes and times of your files"
            )
            if too_large:
                holds += f"; it runs on {_SAVED}"
                holds += ", and could change what is in .git too" if in_place else ""
            return Confinement("Landlock", holds, policy.network, reviewed, in_place)
        case _:
            assert_never(backend)


async def start(backend: Backend | None, job: Job, env: Mapping[str, str]) -> Child:
    """Start a command behind `backend`; `env` is the person's own. Raises OSError."""
    match backend:
        case None:
            argv = in_terminal(job.argv, leads=True) if job.tty else job.argv
            return await Child.start(Start(argv, job.cwd, job.env, job.tty))
        case Bubblewrap(program=program):
            argv = limited(job.argv, job.policy.limits)
            argv = in_terminal(argv, leads=False) if job.tty else argv
            info, tells = os.pipe()
            filtering = _readable(seccomp.program(sockets=True) or seccomp.ALLOW_ALL)
            line = bubblewrap.arguments(
                program,
                job.policy,
                job.views,
                unseen=[*hidden([view.root for view in job.views], env, home(env)), *job.unseen],
                env=env,
                scratch=job.scratch,
                options=[
                    *("--chdir", str(job.cwd), "--info-fd", str(tells)),
                    *("--add-seccomp-fd", str(filtering)),
                ],
            )
            fds = (tells, filtering)
            return await Child.start(Start([*line, *argv], Path("/"), job.env, job.tty, fds, info))
        case Landlock():
            return await _behind_landlock(job, env)
        case _:
            assert_never(backend)


async def _behind_landlock(job: Job, env: Mapping[str, str]) -> Child:
    copies = [view for view in job.views if isinstance(view, Mirror)]
    cwd = job.cwd
    for view in copies:
        if cwd.is_relative_to(view.root):
            cwd = view.copy / cwd.relative_to(view.root)
            break
    temporary = job.scratch / "tmp"
    closed = job.policy.exclude_tmpdir and job.policy.exclude_slash_tmp
    writable = [] if closed else [temporary]
    if job.policy.mode == "workspace-write":
        writable += [view.copy for view in copies]
        places = [view.root for view in job.views if isinstance(view, Place)]
        writable += [path for root in places for path in landlock.around(root, job.unseen)]
    unseen = [*hidden([view.root for view in job.views], env, home(env)), *job.unseen]
    line = await asyncio.to_thread(landlock.arguments, writable, unseen, job.policy)
    argv = in_terminal(job.argv, leads=False) if job.tty else job.argv
    given = {**job.env, "TMPDIR": str(temporary), "PWD": str(cwd)}
    return await Child.start(Start([*line, *argv], cwd, given, job.tty))


async def find(roots: Sequence[Path], scratch: Path, env: Mapping[str, str]) -> Backend | None:
    """The best backend that works for commands in `roots`. `scratch` has to have a folder `tmp`."""
    programs = bubblewrap.candidates(env.get("PATH"), roots)
    for layered in (True, False):
        for program in programs:
            if await _works(Bubblewrap(program, layered), roots, scratch, env):
                return Bubblewrap(program, layered)
    if landlock.is_there() and await _works(Landlock(), roots, scratch, env):
        return Landlock()
    return None


_NAME = ".codex-lsp-probe"
_PROBE = f"""
for root; do
    cd "$root" && [ "$(cat {_NAME})" = unsaved ] || exit 1
    echo changed >{_NAME}.new && mv {_NAME}.new {_NAME}.moved && rm {_NAME} || exit 1
done
echo held 2>/dev/null >"$OUTSIDE" && exit 1
exit 0
"""


async def _works(
    backend: Backend, roots: Sequence[Path], scratch: Path, env: Mapping[str, str]
) -> bool:
    """Run a command behind it that reads what is laid over the roots, changes it, and tries to
    write where it must not.
    """
    folder = scratch / "probe"
    folder.mkdir()
    outside = folder / "outside"
    layered = isinstance(backend, Bubblewrap) and backend.layered
    try:
        views = await asyncio.to_thread(_probe_views, outermost([*roots]), folder, layered=layered)
        places = [
            view.copy if isinstance(backend, Landlock) and isinstance(view, Mirror) else view.root
            for view in views
        ]
        job = Job(
            ["/bin/sh", "-c", _PROBE, "sh", *map(str, places)],
            Path("/"),
            {"PATH": os.defpath, "OUTSIDE": str(outside)},
            tty=False,
            policy=Policy(),
            views=views,
            scratch=scratch,
        )
        child = await start(backend, job, env)
        await child.wait(_PROBE_SECONDS)
        await child.kill()
        return child.exit_code == 0 and not outside.exists() and all(map(_passed, views))
    except OSError:
        return False
    finally:
        await asyncio.to_thread(overlay.clear, folder)


def _probe_views(roots: Sequence[Path], folder: Path, *, layered: bool) -> list[View]:
    if not layered:
        views: list[View] = []
        for number, root in enumerate(roots):
            copy = folder / f"copy{number}"
            copy.mkdir()
            (copy / _NAME).write_text("unsaved")
            views.append(Mirror(root, copy))
        return views
    layers = overlay.prepare(roots, folder, writable=True)
    for layer in layers:
        layer.unsaved.mkdir()
        (layer.unsaved / _NAME).write_text("unsaved")
    return [*layers]


def _passed(view: View) -> bool:
    """Whether the changes are where they can be read, and the workspace is as it was."""
    if os.path.lexists(view.root / f"{_NAME}.moved"):
        return False
    if isinstance(view, Place):
        return False
    place = view.upper if isinstance(view, Layers) else view.copy
    if place is None or not (place / f"{_NAME}.moved").is_file():
        return False
    try:
        mark = (place / _NAME).lstat()
    except FileNotFoundError:
        return isinstance(view, Mirror)
    return stat.S_ISCHR(mark.st_mode)


def _readable(data: bytes) -> int:
    """A file descriptor that `data` can be read from."""
    fd = os.memfd_create("filter", 0)
    os.write(fd, data)
    os.lseek(fd, 0, os.SEEK_SET)
    return fd


Find = Callable[[Sequence[Path], Path, Mapping[str, str]], Awaitable[Backend | None]]
"""`find`, or what stands in for it where a certain backend is wanted."""
