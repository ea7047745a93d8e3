"""The agent's `CommandRunner`: finds out once what this machine can hold a command back with, and
starts commands behind it, over the unsaved text.

What is found is told as it was tried, not as it ought to be. Nothing is tried before it is asked.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import shutil
import stat
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from codex_lsp.agent.ports import CannotRun, Command, Confinement, FileChange
from codex_lsp.sandbox import bubblewrap, overlay, seccomp
from codex_lsp.sandbox.bubblewrap import Layers
from codex_lsp.sandbox.environment import child_environment
from codex_lsp.sandbox.policy import Policy, outermost
from codex_lsp.sandbox.process import Child, Start, in_terminal
from codex_lsp.workspace.snapshot import Snapshot

MOST_LIVE = 64
_PROBE_SECONDS = 10.0
_PREFIX = "codex-lsp-run-"

UNCONFINED = Confinement("", "", network=True, reviewed=False)


@dataclass(frozen=True, slots=True)
class _Found:
    """What works in some folders: `program` is bubblewrap."""

    program: Path | None = None


class Runner:
    """One per window. `policy` says what commands in some folders may do; it may read files, and
    is asked before each command, for settings change.
    """

    def __init__(self, policy: Callable[[Sequence[Path]], Policy], env: Mapping[str, str]) -> None:
        self._policy = policy
        self._env = env
        self._found: dict[tuple[Path, ...], _Found] = {}
        self._looking = asyncio.Lock()
        self._unsaved = overlay.Unsaved()
        self._numbers = itertools.count(1)
        self._live: set[Running] = set()
        self._scratch: Path | None = None

    async def confinement(self, roots: Sequence[Path]) -> Confinement:
        """See `agent.ports.CommandRunner`."""
        return (await self._behind(roots))[1]

    async def _behind(self, roots: Sequence[Path]) -> tuple[_Found, Confinement, Policy]:
        policy = await asyncio.to_thread(self._policy, roots)
        if policy.mode == "danger-full-access":
            return _Found(), UNCONFINED, policy
        found = await self._find(roots)
        if found.program is not None:
            return found, _by_bubblewrap(policy), policy
        return found, UNCONFINED, policy

    async def start(self, command: Command, snapshot: Snapshot) -> Running:
        """See `agent.ports.CommandRunner`."""
        if len(self._live) >= MOST_LIVE:
            raise CannotRun(f"{MOST_LIVE} commands are running; end one of them first")
        found, behind, policy = await self._behind(snapshot.roots)
        confined = command.behind is not None
        if not confined:
            found = _Found()
        elif command.behind != behind:
            raise CannotRun("what holds commands back was changed meanwhile; ask again")
        scratch = self._folder()
        folder = scratch / f"run{next(self._numbers)}"
        argv = [*command.argv]
        if command.tty:
            argv = in_terminal(argv, leads=found.program is None)
        env = child_environment(
            self._env, policy.environment, network=policy.network, confined=confined
        )
        try:
            await asyncio.to_thread(folder.mkdir)
            started = (await asyncio.to_thread(_stamp, folder)).st_ctime_ns
            if found.program is None:
                child = await Child.start(Start(argv, command.cwd, env, command.tty))
                return self._keep(Running(child, started, folder, (), self._live))
            layers = await asyncio.to_thread(self._lay, snapshot, policy, folder)
            child = await self._in_bubblewrap(
                found.program, policy, layers, command, argv, env, scratch
            )
        except OSError as error:
            await asyncio.to_thread(_clear, folder)
            raise CannotRun(f"it could not be started: {error}") from error
        return self._keep(Running(child, started, folder, layers, self._live))

    async def aclose(self) -> None:
        """End what runs and leave nothing behind."""
        for running in [*self._live]:
            await running.release()
        if self._scratch is not None:
            await asyncio.to_thread(_clear, self._scratch)
            self._scratch = None

    def _keep(self, running: Running) -> Running:
        self._live.add(running)
        return running

    def _folder(self) -> Path:
        """This window's folder for what commands write."""
        if self._scratch is None:
            self._scratch = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-")).resolve()
            (self._scratch / "tmp").mkdir()
        return self._scratch

    def _lay(self, snapshot: Snapshot, policy: Policy, folder: Path) -> tuple[Layers, ...]:
        roots = outermost([*snapshot.roots, *policy.writable_roots])
        writable = policy.mode == "workspace-write"
        layers = overlay.prepare(roots, folder, writable=writable)
        for layer in layers:
            self._unsaved.write(layer.root, snapshot.buffers, layer.unsaved)
        return tuple(layers)

    async def _in_bubblewrap(
        self,
        program: Path,
        policy: Policy,
        layers: Sequence[Layers],
        command: Command,
        argv: Sequence[str],
        env: Mapping[str, str],
        scratch: Path,
    ) -> Child:
        filtering = _readable(seccomp.program(sockets=True))
        line = bubblewrap.arguments(
            program,
            policy,
            layers,
            env=self._env,
            cwd=command.cwd,
            scratch=scratch,
            filter_fd=filtering,
        )
        fds = () if filtering is None else (filtering,)
        return await Child.start(Start([*line, *argv], Path("/"), env, command.tty, fds))

    async def _find(self, roots: Sequence[Path]) -> _Found:
        key = tuple(roots)
        async with self._looking:
            if key not in self._found:
                self._found[key] = await self._look(roots)
            return self._found[key]

    async def _look(self, roots: Sequence[Path]) -> _Found:
        for program in bubblewrap.candidates(self._env.get("PATH"), roots):
            if await self._works(program, roots):
                return _Found(program)
        return _Found()

    async def _works(self, program: Path, roots: Sequence[Path]) -> bool:
        """Run a command behind it that reads what is laid over the roots and changes it."""
        folder = self._folder() / f"probe{next(self._numbers)}"
        try:
            layers = await asyncio.to_thread(_probe_layers, outermost([*roots]), folder)
            child = await self._in_bubblewrap(
                program,
                Policy(),
                layers,
                Command((), Path("/")),
                ["/bin/sh", "-c", _PROBE, "sh", *(str(layer.root) for layer in layers)],
                {"PATH": os.defpath},
                self._folder(),
            )
            await child.wait(_PROBE_SECONDS)
            await child.kill()
            return child.exit_code == 0 and all(map(_probe_passed, layers))
        except OSError:
            return False
        finally:
            await asyncio.to_thread(_clear, folder)


class Running:
    """See `agent.ports.Process`."""

    def __init__(
        self,
        child: Child,
        started: int,
        folder: Path,
        layers: Sequence[Layers],
        live: set[Running],
    ) -> None:
        self._child = child
        self._folder = folder
        self._layers = layers
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
        found = [await asyncio.to_thread(overlay.changes, layer) for layer in self._layers]
        return [*itertools.chain.from_iterable(found)]

    async def release(self) -> None:
        """See `agent.ports.Process`."""
        try:
            await self._child.kill()
        finally:
            self._live.discard(self)
            await asyncio.to_thread(_clear, self._folder)


_PROBE_NAME = ".codex-lsp-probe"
_PROBE = f"""
for root; do
    cd "$root" && [ "$(cat {_PROBE_NAME})" = unsaved ] || exit 1
    echo changed >{_PROBE_NAME}.new && mv {_PROBE_NAME}.new {_PROBE_NAME}.moved || exit 1
    rm {_PROBE_NAME} || exit 1
done
"""


def _probe_layers(roots: Sequence[Path], folder: Path) -> list[Layers]:
    layers = overlay.prepare(roots, folder, writable=True)
    for layer in layers:
        layer.unsaved.mkdir()
        (layer.unsaved / _PROBE_NAME).write_text("unsaved")
    return layers


def _probe_passed(layer: Layers) -> bool:
    upper = layer.upper
    if upper is None or (layer.root / f"{_PROBE_NAME}.moved").exists():
        return False
    try:
        mark = (upper / _PROBE_NAME).lstat()
    except OSError:
        return False
    return stat.S_ISCHR(mark.st_mode) and (upper / f"{_PROBE_NAME}.moved").is_file()


def _by_bubblewrap(policy: Policy) -> Confinement:
    network = "can reach the network" if policy.network else "has no network"
    if policy.mode == "read-only":
        writes = "writes nothing but temporary files of its own"
    else:
        writes = "what it changes in the workspace is looked at before it is kept"
    holds = (
        f"{network}, sees no other processes and no keys or sign-ins of your home folder, "
        f"cannot write outside the workspace, and {writes}"
    )
    return Confinement("bubblewrap", holds, network=policy.network, reviewed=True)


def _stamp(folder: Path) -> os.stat_result:
    """The time by the clock of the file system: what is changed later has a later one."""
    place = folder / "started"
    place.touch()
    return place.stat()


def _readable(data: bytes | None) -> int | None:
    """A file descriptor that `data` can be read from."""
    if data is None:
        return None
    fd = os.memfd_create("filter", 0)
    os.write(fd, data)
    os.lseek(fd, 0, os.SEEK_SET)
    return fd


def _clear(folder: Path) -> None:
    """Remove a folder, with what a command made unreadable in it."""

    def again(_function: object, name: str, _error: object) -> None:
        place = Path(name)
        with contextlib.suppress(OSError):
            place.parent.chmod(0o700)
            place.chmod(0o700)
            shutil.rmtree(place) if place.is_dir() else place.unlink()

    shutil.rmtree(folder, onerror=again)
