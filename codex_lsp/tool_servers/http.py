"""A server that is there already, by streamable HTTP: certificates and proxies are those of the
rest, and an answer has a size.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

import httpx2
from mcp.client.streamable_http import streamable_http_client

from codex_lsp.agent.servers import ServerFailed, ServerSpec
from codex_lsp.net.certificates import tls_context
from codex_lsp.net.failures import BadCertificates
from codex_lsp.tool_servers.link import Link

MOST_BODY = 16 * 1024 * 1024  # bytes of an answer that is no event stream
_CONNECT = 15.0  # seconds
_FAREWELL = 1.0  # seconds
_NOT_FOUND, _SESSION = 404, "mcp-session-id"


@asynccontextmanager
async def http_link(spec: ServerSpec) -> AsyncIterator[Link]:
    """Reach the server; raises `ServerFailed` where the certificates cannot be used."""
    try:
        trusted = tls_context()
    except BadCertificates as error:
        raise ServerFailed(str(error)) from error
    ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    sessions: list[str] = []

    async def seen(response: httpx2.Response) -> None:
        _bound(response)
        if _SESSION in response.headers:
            sessions[:] = [response.headers[_SESSION]]
        # So says a server that has forgotten the session; the next job begins a new one.
        forgotten = response.status_code == _NOT_FOUND and _SESSION in response.request.headers
        if forgotten and not ended.done():
            ended.set_result("it ended the session")

    client = httpx2.AsyncClient(
        headers=dict(spec.headers),
        timeout=httpx2.Timeout(_CONNECT, read=spec.tool_timeout),
        verify=trusted,
        event_hooks={"response": [seen]},
    )
    streams = streamable_http_client(spec.url, http_client=client, terminate_on_close=False)
    async with client:
        try:
            async with streams as (read, write):
                yield Link(read, write, ended)
        finally:
            if sessions and not ended.done():
                # The SDK would wait for the answer as long as for any other.
                with contextlib.suppress(httpx2.HTTPError):
                    headers = {_SESSION: sessions[0]}
                    await client.delete(spec.url, headers=headers, timeout=_FAREWELL)


def _bound(response: httpx2.Response) -> None:
    if "text/event-stream" not in response.headers.get("content-type", ""):
        response.stream = _Bounded(cast("httpx2.AsyncByteStream", response.stream))


class _Bounded(httpx2.AsyncByteStream):
    """A body that is broken off where it is too large."""

    def __init__(self, body: httpx2.AsyncByteStream) -> None:
        self._body = body

    async def __aiter__(self) -> AsyncIterator[bytes]:
        left = MOST_BODY
        async for chunk in self._body:
            left -= len(chunk)
            if left < 0:
                raise httpx2.ReadError(f"the answer has more than {MOST_BODY >> 20} MiB")
            yield chunk

    async def aclose(self) -> None:
        await self._body.aclose()
