"""The MCP servers of one window: each is started when a job first needs it and the person agrees,
is shared by the jobs that follow, and ends with the window.

A server that was refused, or failed, is left alone until its configuration changes or the person
asks for it again; one that ends by itself is started again with the next job.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable, Coroutine, Iterable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from hashlib import file_digest
from pathlib import Path
from typing import Any, Literal, Protocol

from codex_lsp.agent.consent.actions import Denied, Permit, UseServer, covers
from codex_lsp.agent.consent.visible import cut, visible
from codex_lsp.agent.servers import Connection, Connector, ServerFailed, ServerSpec, Unusable

State = Literal["idle", "starting", "ready", "refused", "failed"]
_NOT_ALLOWED = "you did not allow it"
_SHOWN = 400  # characters of what a server says of its failure
_PATIENCE = 5.0  # seconds that a connection may take to end before a new one is made


class Spawn(Protocol):
    """How the task that holds a connection gets its owner."""

    def __call__(self, work: Coroutine[Any, Any, object], *, name: str) -> asyncio.Task[None]:
        """Start `work` as a task of the session."""
        ...


@dataclass(slots=True, eq=False)
class Server:
    """One configured server, and what became of it. `why` says what is wrong, or ""."""

    spec: ServerSpec
    state: State = "idle"
    why: str = ""
    connection: Connection | None = None
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    holding: asyncio.Task[None] | None = None


class Connections:
    """See the module. `trouble` tells the person, in a sentence, what is wrong with a server."""

    def __init__(self, connector: Connector, spawn: Spawn, trouble: Callable[[str], None]) -> None:
        self._connector = connector
        self._spawn = spawn
        self._trouble = trouble
        self._told: set[str] = set()
        self._servers: dict[tuple[str, str], Server] = {}

    async def started(
        self, configured: Iterable[ServerSpec | Unusable], permit: Permit
    ) -> list[tuple[ServerSpec, Connection]]:
        """Those of the configured servers that are there, in order; started side by side.

        Raises `ServerFailed` where one is not there that is required.
        """
        wanted = [*configured]
        for one in wanted:
            if isinstance(one, Unusable):
                self._fault(one.name, one.why, required=one.required)
        specs = [one for one in wanted if isinstance(one, ServerSpec)]
        if specs and (missing := await self._unloaded()):
            required = next((spec.name for spec in specs if spec.required), None)
            self._fault(required or "", missing, required=required is not None)
            return []
        servers = [self.of(spec) for spec in specs]
        async with asyncio.TaskGroup() as group:
            for server, spec in zip(servers, specs, strict=True):
                group.create_task(self._use(server, spec, permit))
        for server in servers:
            if server.connection is None and server.spec.required:
                raise ServerFailed(_sentence(server.spec.name, server.why, required=True))
        return [(one.spec, one.connection) for one in servers if one.connection is not None]

    def of(self, spec: ServerSpec) -> Server:
        """What is known of a configured server."""
        return self._servers.setdefault((spec.place, spec.name), Server(spec))

    async def forget(self, spec: ServerSpec) -> None:
        """End a server, and have the next job that needs it start it anew."""
        server = self.of(spec)
        async with server.lock:
            await _end(server)
            server.state, server.why = "idle", ""
            self._told = {text for text in self._told if f"“{spec.name}”" not in text}

    async def _use(self, server: Server, spec: ServerSpec, permit: Permit) -> None:
        async with server.lock:
            if spec != server.spec:
                await _end(server)
                server.spec, server.state, server.why = spec, "idle", ""
            if server.connection is not None or server.state in {"refused", "failed"}:
                return
            try:
                await self._start(server, await _agreed(server, permit))
            except ServerFailed as failed:
                server.why = str(failed)
                if server.state != "refused":
                    server.state = "failed"
                if server.why != _NOT_ALLOWED:
                    self._fault(spec.name, server.why)

    async def _start(self, server: Server, spec: ServerSpec) -> None:
        ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        server.state = "starting"
        holding = self._spawn(self._hold(server, spec, ready), name=f"MCP server {spec.name}")
        server.holding = holding
        try:
            async with asyncio.timeout(spec.startup_timeout):
                await ready
        except TimeoutError:
            raise ServerFailed(
                f"it was not ready within {spec.startup_timeout:g} s (startup_timeout_sec)"
            ) from None
        finally:
            if server.connection is None:
                server.state = "idle"
                await _end(server)

    async def _hold(self, server: Server, spec: ServerSpec, ready: asyncio.Future[None]) -> None:
        """Keep the connection open until the server goes, or this is cancelled."""
        why = "it broke off for a reason that the log of codex-lsp has"
        try:
            async with self._connector.open(spec) as connection:
                if not ready.done():  # it is cancelled when nobody waits any longer
                    server.connection, server.state, server.why = connection, "ready", ""
                    ready.set_result(None)
                    why = await connection.ended()
        except ServerFailed as failed:
            why = str(failed)
        finally:
            if server.holding is asyncio.current_task():
                server.connection, server.holding = None, None
                if server.state == "ready":
                    server.state, server.why = "idle", why
            if not ready.done():
                ready.set_exception(ServerFailed(why))

    async def _unloaded(self) -> str:
        try:
            await self._connector.load()
        except ServerFailed as failed:
            return str(failed)
        return ""

    def _fault(self, name: str, why: str, *, required: bool = False) -> None:
        """Say once what is wrong; raises where nothing goes on without it."""
        text = _sentence(name, why, required=required)
        if required:
            raise ServerFailed(text)
        if text not in self._told:
            self._told.add(text)
            self._trouble(text)


def _sentence(name: str, why: str, *, required: bool) -> str:
    if not name:
        return why
    why = cut(visible(why), _SHOWN)
    if required:
        return f"The MCP server “{name}” is required, and there is none: {why}."
    return f"The MCP server “{name}” is left out: {why}. codex.mcp.reconnect tries it again."


async def _end(server: Server) -> None:
    if (holding := server.holding) is not None:
        holding.cancel()
        await asyncio.wait([holding], timeout=_PATIENCE)
    server.connection, server.holding = None, None


async def _agreed(server: Server, permit: Permit) -> ServerSpec:
    """The server exactly as the person agreed to it; raises `ServerFailed` where they did not."""
    spec = server.spec
    action = await asyncio.to_thread(consent, spec)
    decision = await permit(action)
    if isinstance(decision, Denied):
        server.state = "refused"
        raise ServerFailed(decision.reason or _NOT_ALLOWED)
    if not covers(decision, await asyncio.to_thread(consent, spec)):
        raise ServerFailed("it has changed since you were asked; ask for it again")
    return replace(spec, argv=action.argv)


def consent(spec: ServerSpec) -> UseServer:
    """What the person has to agree to; reads files. Raises `ServerFailed` without a program."""
    if not spec.argv:
        return UseServer(spec.name, (), spec.url, sets=spec.sets, passes=spec.passes)
    cwd = spec.cwd or Path.cwd()
    program = _program(spec.argv[0], cwd, spec.environment.get("PATH"))
    argv = (program, *spec.argv[1:])
    files = tuple(_digests(argv, cwd, spec.roots))
    return UseServer(spec.name, argv, "", str(cwd), spec.sets, spec.passes, files)


def _program(command: str, cwd: Path, path: str | None) -> str:
    named = str(cwd / command) if "/" in command or "\\" in command else command
    found = shutil.which(named, path=path)
    if found is None:
        raise ServerFailed(f"there is no program {command} to start it with")
    return str(cwd / found)


def _digests(
    argv: tuple[str, ...], cwd: Path, roots: tuple[Path, ...]
) -> Iterable[tuple[str, str]]:
    """The files of the workspace that the words of a command name: the agent could change them."""
    for word in argv:
        with suppress(OSError, ValueError):
            file = (cwd / word).resolve()
            if file.is_file() and any(file.is_relative_to(root.resolve()) for root in roots):
                with file.open("rb") as opened:
                    yield str(file), file_digest(opened, "sha256").hexdigest()
