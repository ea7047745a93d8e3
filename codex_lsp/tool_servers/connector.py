"""The `Connector` of a session. The SDK takes seconds to import, so that is done in a thread, and
only when the first server is wanted.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import import_module

from codex_lsp.agent.servers import Connection, NotInstalled, ServerSpec

HOW_TO_INSTALL = (
    "MCP servers are configured, but what speaks with them is not installed. "
    "Install codex-lsp with its extra: pipx install 'codex-lsp[mcp]'"
)


class SdkConnector:
    """See the module."""

    async def load(self) -> None:
        """Import the SDK; raises `NotInstalled`."""
        try:
            await asyncio.to_thread(import_module, "codex_lsp.tool_servers.session")
        except ImportError as error:
            raise NotInstalled(HOW_TO_INSTALL) from error

    @asynccontextmanager
    async def open(self, spec: ServerSpec) -> AsyncIterator[Connection]:
        """See `agent.servers.Connector`."""
        await self.load()
        from codex_lsp.tool_servers.session import connected  # noqa: PLC0415 - see the module

        async with connected(spec) as connection:
            yield connection
