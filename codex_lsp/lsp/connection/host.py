"""Runs one session on an event loop: messages in order, from the inbox to the protocol, to the end.

Imported after `initialize` has been answered: this is where asyncio, pygls and the handlers are
loaded.
"""

from __future__ import annotations

import asyncio
import gc
import logging
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from functools import partial
from importlib import import_module
from queue import Empty
from typing import Any

from codex_lsp.lsp.connection.ending import Ending
from codex_lsp.lsp.connection.faults import describe, guarded
from codex_lsp.lsp.connection.gate import STOP_WORK
from codex_lsp.lsp.connection.server import Server, call_in_loop
from codex_lsp.lsp.connection.transport import Inbox, Outbox
from codex_lsp.lsp.registry import Registry

log = logging.getLogger(__name__)

Compose = Callable[[Server], AbstractAsyncContextManager[object]]
"""Builds what the server works with, before its first message, and takes it down at the end."""


def run(
    params: dict[str, Any],
    inbox: Inbox,
    outbox: Outbox,
    ending: Ending,
    registry: Registry,
    compose: Compose,
) -> None:
    """Serve the client that sent `params` with `initialize`, until the inbox says it is over."""
    logging.getLogger("pygls").setLevel(logging.WARNING)  # at INFO it logs whole messages
    with guarded("the session") as outcome:
        asyncio.run(_session(params, inbox, outbox, ending, registry, compose))
    if outcome.failed:
        ending.begin("of a bug; see above", failed=True)


def register(server: Server, registry: Registry) -> None:
    """Make the handlers of `registry` pygls features and commands of `server`.

    Those of commands are imported when they are first called, or warmed up: much hangs on them, and
    the first menu waits for what is imported here. A first call imports on the loop, since what the
    client sends after it must not overtake it: its lines are those of the text before.
    """
    for method, name in registry.features.items():
        options = server.protocol.structure_options(method, registry.options.get(method))
        server.feature(method, options)(partial(load(name), server))
    for command, name in registry.commands.items():
        server.command(command)(partial(_run, server, name))


def load(name: str) -> Callable[..., Any]:
    """The handler that a line of the registry names."""
    module, _, function = name.partition(":")
    found: Callable[..., Any] = getattr(import_module(module), function)
    return found


async def _session(
    params: dict[str, Any],
    inbox: Inbox,
    outbox: Outbox,
    ending: Ending,
    registry: Registry,
    compose: Compose,
) -> None:
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(_log_unhandled)
    async with asyncio.TaskGroup() as tasks:
        server = Server(params, outbox, tasks)
        register(server, registry)
        gc.freeze()  # what was imported stays: collections need not look at it again
        async with compose(server):
            try:
                await _pump(inbox, server)
            finally:
                await server.finish(ending.extend)


async def _pump(inbox: Inbox, server: Server) -> None:
    loop = asyncio.get_running_loop()
    arrived = asyncio.Event()
    inbox.attach(lambda: call_in_loop(loop, arrived.set))
    while True:
        try:
            message: Any = inbox.take_now()
        except Empty:
            await arrived.wait()
            arrived.clear()
            continue
        if message is None:
            return
        with guarded("dispatch"):
            if message is STOP_WORK:
                server.stop_work()
            else:
                server.protocol.receive(message)
        await asyncio.sleep(0)  # a handler's first step sees the text as it was at its request


def _run(server: Server, name: str, arguments: object) -> object:
    return load(name)(server, arguments)


def _log_unhandled(_: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    error = context.get("exception")
    detail = describe(error) if isinstance(error, BaseException) else ""
    log.error("asyncio: %s %s", context.get("message"), detail)
