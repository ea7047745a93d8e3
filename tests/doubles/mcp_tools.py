"""An MCP server with the SDK's own server side: over stdio as a process (`python mcp_tools.py`), or
over streamable HTTP on a free loopback port (`serving`).
"""

from __future__ import annotations

import asyncio
import base64
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from mcp.server.mcpserver import Image, MCPServer
from mcp_types import ToolAnnotations

PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


def built() -> MCPServer:
    """The server."""
    server = MCPServer("tools")

    @server.tool()
    def shout(text: str) -> str:
        """Say it loudly."""
        return text.upper()

    @server.tool(annotations=ToolAnnotations(read_only_hint=True))
    def variable(name: str) -> str:
        """A variable of this process."""
        return os.environ.get(name, "(unset)")

    @server.tool()
    def count(most: int) -> dict[str, int]:
        """Structured."""
        return {"most": most}

    @server.tool()
    def picture() -> Image:
        """A picture."""
        return Image(data=PIXEL, format="png")

    @server.tool()
    def fail() -> str:
        """Goes wrong."""
        raise ValueError("no such thing")

    @server.resource("notes://today")
    def today() -> str:
        """What is to be done."""
        return "water the plants"

    @server.resource("notes://{day}")
    def day(day: str) -> str:
        """What was to be done."""
        return f"nothing on {day}"

    return server


@asynccontextmanager
async def serving(at: socket.socket | None = None) -> AsyncIterator[str]:
    """Its address, while it is served; on the listening socket `at`, which stays open."""
    import uvicorn

    with socket.create_server(("127.0.0.1", 0)) if at is None else at.dup() as listener:
        config = uvicorn.Config(
            built().streamable_http_app(), log_level="critical", lifespan="on", ws="none"
        )
        server = uvicorn.Server(config)
        task = asyncio.ensure_future(server._serve(sockets=[listener]))
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}/mcp"
        finally:
            server.should_exit = server.force_exit = True
            await task


if __name__ == "__main__":
    built().run("stdio")
