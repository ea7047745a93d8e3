"""The agent's `CommandRunner`: finds out once what this machine can hold a command back with, and
starts commands behind it, over the unsaved text.

What is found is told as it was tried, not as it ought to be. Nothing is tried before it is asked.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import stat
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import assert_never

from codex_lsp.agent.ports import CannotRun, Command, Confinement, FileChange
from codex_lsp.sandbox import backends, mirror, overlay
from codex_lsp.sandbox.backends import UNCONFINED, Backend, Bubblewrap, Find, Job, Landlock
from codex_lsp.sandbox.bubblewrap import Layers, View
from codex_lsp.sandbox.environment import child_environment
from codex_lsp.sandbox.mirror import Mirror, Place
from codex_lsp.sandbox.policy import Policy, outermost
from codex_lsp.sandbox.process import Child
from codex_lsp.workspace import ignore
from codex_lsp.workspace.snapshot import Snapshot

MOST_LIVE = 64
_PREFIX = "codex-lsp-run-"


class Runner:
    """One per window. `policy` says what commands in some folders may do; it may read files, and
    is asked before each command, for settings change.
    """

    def __init__(
        self,
        policy: Callable[[Sequence[Path]], Policy],
        env: Mapping[str, str],
        find: Find = backends.find,
    ) -> None:
        self._policy = policy
        self._env = env
        self._find = find
        self._found: dict[tuple[Path, ...], Backend | None] = {}
        self._looking = asyncio.Lock()
        self._large: set[Path] = set()
        self._kept_out = ignore.KeptOut()
        self._unsaved = overlay.Unsaved()
        self._numbers = itertools.count(1)
        self._live: set[Running] = set()
        self._scratch: Path | None = None

    async def confinement(self, roots: Sequence[Path]) -> Confinement:
        """See `agent.ports.CommandRunner`."""
        return (await self._behind(roots))[1]

    async def start(self, command: Command, snapshot: Snapshot) -> Running:
        """See `agent.ports.CommandRunner`."""
        if len(self._live) >= MOST_LIVE:
            raise CannotRun(f"{MOST_LIVE} commands are running; end one of them first")
        backend, behind, policy = await self._behind(snapshot.roots)
        if command.behind is None:
            backend = None
        elif command.behind != behind:
            raise CannotRun("what holds commands back was changed meanwhile; ask again")
        scratch = self._folder()
        folder = scratch / f"run{next(self._numbers)}"
        env = child_environment(
            self._env,
            policy.environment,
            network=policy.network,
            confined=command.behind is not None,
        )
        try:
            started = await asyncio.to_thread(_stamp, folder)
            unseen = (
                [] if backend is None else await asyncio.to_thread(self._unseen, snapshot.roots)
            )
            views: list[View]
            if backend is not None and not behind.reviewed:
                roots = outermost([*snapshot.roots, *policy.writable_roots])
                views = [Place(root) for root in roots]
            else:
                lay = self._lay
                views = await asyncio.to_thread(lay, backend, snapshot, policy, folder, unseen)
            job = Job(command.argv, command.cwd, env, command.tty, policy, views, scratch, unseen)
            child = await backends.start(backend, job, self._env)
        except (OSError, mirror.TooLarge) as error:
            await asyncio.to_thread(overlay.clear, folder)
            raise CannotRun(f"it could not be started: {error}") from error
        if command.idle is not None:
            child.end_when_idle(command.idle)
        running = Running(child, started, folder, views, self._live)
        self._live.add(running)
        return running

    async def aclose(self) -> None:
        """End what runs and leave nothing behind."""
        for running in [*self._live]:
            await running.release()
        if self._scratch is not None:
            await asyncio.to_thread(overlay.clear, self._scratch)
            self._scratch = None

    async def _behind(self, roots: Sequence[Path]) -> tuple[Backend | None, Confinement, Policy]:
        policy = await asyncio.to_thread(self._policy, roots)
        if policy.mode == "danger-full-access":
            return None, UNCONFINED, policy
        key = (*roots, *policy.writable_roots)
        async with self._looking:
            if key not in self._found:
                self._found[key] = await self._find(key, self._folder(), self._env)
        backend = self._found[key]
        large = await asyncio.to_thread(self._too_large, backend, outermost([*key]))
        return backend, backends.describe(backend, policy, too_large=large), policy

    def _too_large(self, backend: Backend | None, roots: Sequence[Path]) -> bool:
        """Whether commands have to run in place: what was too large once is not counted again."""
        if backend is None or (isinstance(backend, Bubblewrap) and backend.layered):
            return False
        for root in roots:
            if root in self._large or mirror.too_large(root):
                self._large.add(root)
                return True
        return False

    def _unseen(self, roots: Sequence[Path]) -> list[Path]:
        """What the person keeps out of these folders."""
        return [path for root in roots for path in self._kept_out.below(root)]

    def _folder(self) -> Path:
        """This window's folder for what commands write."""
        if self._scratch is None:
            _sweep(Path(tempfile.gettempdir()))
            self._scratch = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-")).resolve()
            (self._scratch / "tmp").mkdir()
        return self._scratch

    def _lay(
        self,
        backend: Backend | None,
        snapshot: Snapshot,
        policy: Policy,
        folder: Path,
        unseen: Sequence[Path],
    ) -> list[View]:
        """How the command sees the workspace."""
        if backend is None:
            return []
        roots = outermost([*snapshot.roots, *policy.writable_roots])
        layered = isinstance(backend, Bubblewrap) and backend.layered
        writable = policy.mode == "workspace-write"
        layers = overlay.prepare(roots, folder, writable=writable and layered)
        shown = {
            path: buffer
            for path, buffer in snapshot.buffers.items()
            if not any(path.is_relative_to(place) for place in unseen)
        }
        for layer in layers:
            self._unsaved.write(layer.root, shown, layer.unsaved)
        if layered:
            return [*layers]
        links = isinstance(backend, Landlock)
        return [
            mirror.make(
                layer.root,
                folder / f"copy{number}",
                layer.unsaved,
                leave_out=frozenset(unseen),
                links=links,
            )
            for number, layer in enumerate(layers)
        ]


class Running:
    """See `agent.ports.Process`."""

    def __init__(
        self, child: Child, started: int, folder: Path, views: Sequence[View], live: set[Running]
    ) -> None:
        self._child = child
        self._folder = folder
        self._views = views
        self._live = live
        self.started = started

    @property
    def exit_code(self) -> int | None:
        """See `agent.ports.Process`."""
        return self._child.exit_code

    def take_output(self) -> bytes:
        """See `agent.ports.Process`."""
        return self._child.take_output()

    async def wait(self, seconds: float) -> None:
        """See `agent.ports.Process`."""
        await self._child.wait(seconds)

    async def write(self, data: bytes) -> bool:
        """See `agent.ports.Process`."""
        return await self._child.write(data)

    async def kill(self) -> None:
        """See `agent.ports.Process`."""
        await self._child.kill()

    async def changes(self) -> list[FileChange]:
        """See `agent.ports.Process`."""
        return await asyncio.to_thread(_changes, self._views)

    async def release(self) -> None:
        """See `agent.ports.Process`."""
        try:
            await self._child.kill()
        finally:
            self._live.discard(self)
            await asyncio.to_thread(overlay.clear, self._folder)


def _sweep(folder: Path) -> None:
    """Remove what servers left that were killed: unsaved texts are in it."""
    if sys.platform == "win32":
        return
    for left in folder.glob(f"{_PREFIX}*"):
        pid = left.name.removeprefix(_PREFIX).partition("-")[0]
        if not pid.isdigit() or _lives(int(pid)):
            continue
        with contextlib.suppress(FileNotFoundError):  # another window sweeps, too
            if stat.S_ISDIR(left.lstat().st_mode) and left.lstat().st_uid == os.getuid():
                overlay.clear(left)


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _changes(views: Sequence[View]) -> list[FileChange]:
    found: list[FileChange] = []
    for view in views:
        match view:
            case Layers():
                found += overlay.changes(view)
            case Mirror():
                found += mirror.changes(view)
            case Place():
                pass  # it is done
            case _:
                assert_never(view)
    return found


def _stamp(folder: Path) -> int:
    """The time by the clock of the file system: what is changed later has a later one."""
    folder.mkdir()
    place = folder / "started"
    place.touch()
    return place.stat().st_ctime_ns
