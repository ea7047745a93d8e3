"""The agent's `CommandRunner`: finds out once what this machine can hold a command back with, and
starts commands behind it, over the unsaved text.

What is found is told as it was tried, not as it ought to be. Nothing is tried before it is asked.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from codex_lsp.agent.ports import CannotRun, Command, Confinement, FileChange
from codex_lsp.sandbox import backends, mirror, overlay, scratch, views
from codex_lsp.sandbox.backends import UNCONFINED, Backend, Bubblewrap, Find, Job
from codex_lsp.sandbox.bubblewrap import View
from codex_lsp.sandbox.environment import child_environment
from codex_lsp.sandbox.policy import Policy, outermost
from codex_lsp.sandbox.process import Child
from codex_lsp.workspace import ignore
from codex_lsp.workspace.snapshot import Snapshot

MOST_LIVE = 64


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
        self._making = asyncio.Lock()
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
        own = await self._folder()
        folder = own / f"run{next(self._numbers)}"
        env = child_environment(
            self._env,
            policy.environment,
            network=policy.network,
            confined=command.behind is not None,
        )
        try:
            started = await asyncio.to_thread(scratch.stamp, folder)
            unseen: list[Path] = []
            seen: list[View] = []
            if backend is not None:
                unseen = await asyncio.to_thread(self._unseen, snapshot.roots)
                seen = views.in_place(snapshot, policy)
                if behind.reviewed:
                    seen = await asyncio.to_thread(
                        views.apart, backend, snapshot, policy, folder, unseen, self._unsaved
                    )
            job = Job(command.argv, command.cwd, env, command.tty, policy, seen, own, unseen)
            child = await backends.start(backend, job, self._env)
        except (OSError, mirror.TooLarge) as error:
            await asyncio.to_thread(overlay.clear, folder)
            raise CannotRun(f"it could not be started: {error}") from error
        if command.idle is not None:
            child.end_when_idle(command.idle)
        running = Running(child, started, folder, seen, self._live)
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
                self._found[key] = await self._find(key, await self._folder(), self._env)
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

    async def _folder(self) -> Path:
        """This window's folder for what commands write."""
        async with self._making:
            if self._scratch is None:
                await asyncio.to_thread(scratch.sweep)
                self._scratch = scratch.make()  # at once: a cancel leaves none that is not known
            return self._scratch


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
        return await asyncio.to_thread(views.changes, self._views)

    async def release(self) -> None:
        """See `agent.ports.Process`."""
        try:
            await self._child.kill()
        finally:
            self._live.discard(self)
            await asyncio.to_thread(overlay.clear, self._folder)
