"""A small HTTP/1.1 server on 127.0.0.1 for test doubles; it can also abuse the connection.

One request a connection; no framework, no chunked requests, nothing but loopback.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import ssl
import struct
import urllib.parse
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from tests.doubles.loopback import listen


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request, its body parsed whichever way it was encoded."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: dict[str, Any]
    content_type: str

    @property
    def origin(self) -> str:
        return self.headers.get("originator") or self.headers.get("user-agent", "")


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP answer; `kind` other than "ok" is how the connection is then abused."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    kind: str = "ok"


Handler = Callable[[Request], Awaitable[Answer]]


@contextlib.asynccontextmanager
async def serving(handle: Handler, tls: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    """Serves `handle` on a free port of 127.0.0.1 in this loop; gives the URL."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _talk(handle, reader, writer)

    async with listen(talk, tls=tls) as port:
        yield f"{'https' if tls else 'http'}://127.0.0.1:{port}"


async def _talk(
    handle: Handler, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    answer = await handle(await _read_request(reader))
    if answer.kind == "stall":
        await reader.read()  # until the client gives up
        return
    if answer.kind == "reset":
        sock = writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()
        return
    writer.write(_wire(answer))
    await writer.drain()


async def _read_request(reader: asyncio.StreamReader) -> Request:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head.split("\r\n")
    method, target, _ = first.split(" ", 2)
    headers = {k.strip().lower(): v.strip() for k, _, v in (x.partition(":") for x in lines) if k}
    raw = await reader.readexactly(int(headers.get("content-length", "0")))
    url = urllib.parse.urlsplit(target)
    content_type = headers.get("content-type", "").partition(";")[0]
    body: dict[str, Any] = {}
    if "content-encoding" in headers:
        pass  # compressed: nobody here looks into those
    elif content_type == "application/json" and raw:
        body = json.loads(raw)
    elif content_type == "application/x-www-form-urlencoded":
        body = dict(urllib.parse.parse_qsl(raw.decode(), keep_blank_values=True))
    query = dict(urllib.parse.parse_qsl(url.query, keep_blank_values=True))
    return Request(method, url.path, query, headers, body, content_type)


def _wire(answer: Answer) -> bytes:
    kind = {"html": "text/html", "sse": "text/event-stream"}.get(answer.kind, "application/json")
    length = len(answer.body) + (64 if answer.kind == "truncated" else 0)
    lines = [
        f"HTTP/1.1 {answer.status} {'OK' if answer.status == 200 else 'Other'}",
        f"Content-Type: {kind}",
        f"Content-Length: {length}",
        "Connection: close",
        *(f"{name}: {value}" for name, value in answer.headers.items()),
    ]
    return "\r\n".join((*lines, "", "")).encode() + answer.body
