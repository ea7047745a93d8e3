"""A server that is there already, by streamable HTTP: certificates and proxies are those of the
rest, and an answer has a size.
"""

from __future__ import annotations

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


@asynccontextmanager
async def http_link(spec: ServerSpec) -> AsyncIterator[Link]:
    """Reach the server; raises `ServerFailed` where the certificates cannot be used."""
    try:
        trusted = tls_context()
    except BadCertificates as error:
        raise ServerFailed(str(error)) from error
    client = httpx2.AsyncClient(
        headers=dict(spec.headers),
        timeout=httpx2.Timeout(_CONNECT, read=spec.tool_timeout),
        verify=trusted,
        event_hooks={"response": [_bounded]},
    )
    async with client, streamable_http_client(spec.url, http_client=client) as (read, write):
        yield Link(read, write)


async def _bounded(response: httpx2.Response) -> None:
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
