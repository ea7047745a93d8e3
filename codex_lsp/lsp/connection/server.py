"""The server object that handlers get: documents, asking and telling the client, owning tasks.

A pygls `LanguageServer`, so everything of pygls that only sends works too. What waits for the
client goes through `ask`.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Coroutine
from typing import TYPE_CHECKING, Any, cast

from pygls.lsp.server import LanguageServer
from pygls.protocol import default_converter

from codex_lsp import __version__
from codex_lsp.lsp.capabilities import resolve_client
from codex_lsp.lsp.connection.client import ClientError
from codex_lsp.lsp.connection.ending import DEADLINE
from codex_lsp.lsp.connection.faults import guarded
from codex_lsp.lsp.connection.jsonrpc import METHOD_NOT_FOUND
from codex_lsp.lsp.connection.protocol import Protocol
from codex_lsp.lsp.connection.transport import ROOM, Outbox
from codex_lsp.lsp.editing.documents import Documents
from codex_lsp.lsp.editing.positions import Encoding
from codex_lsp.lsp.person.legible import noticed, on_screen
from codex_lsp.lsp.server_capabilities import WHOLE_TEXTS, choose_encoding, sync_kind

if TYPE_CHECKING:
    from codex_lsp.lsp.workbench import Workbench

HOOKS_DEADLINE = 10.0
"""Seconds that exit hooks may take, together."""

ExitHook = Callable[[], Awaitable[object]]


class Server(LanguageServer):
    """One session with one client. Runs on the event loop only."""

    protocol: Protocol
    bench: Workbench
    """What the handlers work with; set before the first message."""

    def __init__(self, params: dict[str, Any], outbox: Outbox, tasks: asyncio.TaskGroup) -> None:
        self.initialize_params = params
        """What the client sent with `initialize`, untyped and unchecked."""
        self.outbox = outbox
        self.tasks = tasks
        """Owns everything that `spawn` starts. What is put into it directly must not raise."""
        self.quirks = resolve_client(params).quirks
        self.encoding = cast("Encoding", choose_encoding(params))
        whole_texts = sync_kind(params) == WHOLE_TEXTS
        self.documents = Documents(self.encoding, unordered=whole_texts)
        self._spawned: set[asyncio.Task[None]] = set()
        self._exit_hooks: list[ExitHook] = []
        self._room = asyncio.Event()
        loop = asyncio.get_running_loop()
        outbox.room = lambda: call_in_loop(loop, self._room.set)
        super().__init__(
            "codex-lsp",
            __version__,
            protocol_cls=Protocol,
            converter_factory=default_converter,
        )

    async def ask(
        self,
        method: str,
        params: Any = None,
        *,
        timeout: float = 30,  # noqa: ASYNC109  this is the one place that awaits the client
    ) -> Any:
        """The client's answer to a request, as plain JSON. Raises a `client.ClientFailure`.

        When the caller is cancelled the client still acts; its answer is dropped.
        """
        if (
            method == "window/showMessageRequest"
            and len(params.get("actions", ())) > self.quirks.answers
        ):
            raise ClientError(METHOD_NOT_FOUND, "Not every answer would come from this client.")
        return await self.protocol.questions.ask(method, on_screen(method, params), timeout)

    def notify(self, method: str, params: Any = None) -> None:
        """Queue a notification; never blocks. See `Protocol.notify` for what may be dropped."""
        self.protocol.notify(method, noticed(method, params, self.quirks.faintest))

    async def room(self) -> None:
        """Wait until the client has read most of what was sent. For whoever streams to it."""
        while self.outbox.backlog >= ROOM:
            self._room.clear()
            if self.outbox.backlog >= ROOM:
                await self._room.wait()

    def plain(self, value: Any) -> Any:
        """An lsprotocol value as plain JSON."""
        return self.protocol.plain(value)

    def spawn(self, work: Coroutine[Any, Any, object], *, name: str) -> asyncio.Task[None]:
        """Run `work` as a task of the session. A failure is logged and ends nothing else."""

        async def run() -> None:
            with guarded(name):
                await work

        def done(task: asyncio.Task[None]) -> None:
            work.close()  # it may have been cancelled before its first step
            self._spawned.discard(task)

        task = self.tasks.create_task(run(), name=name)
        self._spawned.add(task)
        task.add_done_callback(done)
        return task

    def on_exit(self, hook: ExitHook) -> None:
        """Await `hook()` before the process ends, however it ends, up to a deadline.

        For what must not be cut off (a token exchange). It must return at once if there is nothing
        to finish: the editor may be waiting.
        """
        self._exit_hooks.append(hook)

    def stop_work(self) -> None:
        """Cancel all requests being served and all spawned tasks."""
        for task in [*self._spawned, *self.protocol.running()]:
            task.cancel()

    async def finish(self, extend: Callable[[float], None]) -> None:
        """Stop work and run the exit hooks; `extend(seconds)` moves the deadline for them."""
        self.stop_work()
        self.protocol.questions.end()
        if not self._exit_hooks:
            return
        extend(HOOKS_DEADLINE)
        async with asyncio.TaskGroup() as hooks:
            for hook in self._exit_hooks:
                hooks.create_task(_run_hook(hook), name="exit hook")
        extend(DEADLINE)


def call_in_loop(loop: asyncio.AbstractEventLoop, call: Callable[[], object]) -> None:
    """Run `call` on `loop`, from any thread; not at all if the loop has been closed."""
    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(call)


async def _run_hook(hook: ExitHook) -> None:
    with guarded("an exit hook"):
        await hook()
