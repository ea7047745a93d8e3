"""A `Post` of a few lines for loopback: the real one costs 0.1 s of certificates per process."""

from __future__ import annotations

import asyncio
import json as json_
from collections.abc import Mapping
from urllib.parse import urlsplit

from codex_lsp.net.client import Reply
from codex_lsp.net.failures import NotSent, OutcomeUnknown


async def post(
    url: str,
    *,
    json: Mapping[str, object] | None = None,
    form: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
    timeout: float,  # noqa: ASYNC109 - the port's name for it
) -> Reply:
    parts = urlsplit(url)
    try:
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    except OSError as error:
        raise NotSent("Nobody listens. Try again.") from error
    body = json_.dumps(json).encode()
    head = (
        f"POST {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\nConnection: close\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    try:
        async with asyncio.timeout(timeout):
            writer.write(head.encode() + body)
            await writer.drain()
            answer = await reader.read()
    except OSError as error:  # a timeout is one
        raise OutcomeUnknown("The connection broke. Try again.") from error
    finally:
        writer.close()
    top, _, content = answer.partition(b"\r\n\r\n")
    if not top:
        raise OutcomeUnknown("There was no answer. Try again.")
    return Reply(int(top.split()[1]), {}, content)
