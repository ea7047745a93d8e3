"""A real `Server` on the test's own event loop, with the bytes that it writes kept.

For volume and for handlers' tests: all of the wire but the process, the pipes and the gate.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from codex_lsp.lsp.connection import host
from codex_lsp.lsp.connection.frames import Framer
from codex_lsp.lsp.connection.server import Server
from codex_lsp.lsp.connection.transport import Outbox
from codex_lsp.lsp.registry import Registry

Json = dict[str, Any]


class Hosted:
    """`server`, as its client sees it: `receive` what the client says, `sent()` what it is told."""

    def __init__(self, params: Json, tasks: asyncio.TaskGroup) -> None:
        self._framer = Framer()
        self._sent: list[Any] = []
        self._broken = False
        self.outbox = Outbox(self._write, lambda _: None)
        self.server = Server(params, self.outbox, tasks)

    def receive(self, *messages: Json) -> None:
        for message in messages:
            self.server.protocol.receive({"jsonrpc": "2.0"} | message)

    def sent(self) -> list[Any]:
        """Everything written since the last call."""
        assert self.outbox.flush(60)
        taken, self._sent = self._sent, []
        return taken

    def close(self) -> None:
        """End the writer's thread."""
        self.outbox.flush(60)
        self._broken = True
        self.outbox.put(b"{}")

    def _write(self, data: bytes) -> None:
        if self._broken:
            raise OSError
        self._sent += map(json.loads, self._framer.feed(data))


@asynccontextmanager
async def hosted(registry: Registry, **params: Any) -> AsyncIterator[Hosted]:
    """A server with the handlers of `registry`, initialized with `params`."""
    async with asyncio.TaskGroup() as tasks:
        one = Hosted({"processId": None, "capabilities": {}} | params, tasks)
        host.register(one.server, registry)
        try:
            yield one
        finally:
            await one.server.finish(lambda _: None)
            one.close()
