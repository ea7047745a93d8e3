"""Reads what the service sends, while it shows signs of life, and names what goes wrong."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator

import httpx

from codex_lsp.agent.events import Misconfigured, ModelError, StreamBroken, Unreachable
from codex_lsp.net.failures import BadCertificates, NetFailure, NotSent
from codex_lsp.net.transport import HTTPX_ERRORS, failure
from codex_lsp.responses.refusals import Refusal
from codex_lsp.responses.retry import Broken, Final, Passing, Trouble
from codex_lsp.responses.sse import EventSplitter, EventTooLarge, ServerEvent

_LINGER = 0.05  # seconds for the end of a body that is whole already
_LARGEST_REFUSAL = 2**16


async def events_of(response: httpx.Response, idle: float) -> AsyncGenerator[ServerEvent]:
    """The events of a body. Only a whole event counts as a sign of life, not a comment."""
    splitter = EventSplitter()
    clock = asyncio.get_running_loop()
    chunks = response.aiter_bytes()
    deadline = clock.time() + idle
    while True:
        try:
            async with asyncio.timeout_at(deadline):
                chunk = await anext(chunks, None)
            events = splitter.feed(chunk or b"")
        except TimeoutError as error:
            raise Broken(ended_early(f"nothing came for {idle:g} s")) from error
        except EventTooLarge as error:
            raise Broken(Final(_broken_stream(str(error)))) from error
        except HTTPX_ERRORS as error:
            raise Broken(of_failure(failure(error, str(response.url)))) from error
        for event in events:
            yield event
        if chunk is None:
            return
        if events:
            deadline = clock.time() + idle


async def finish(events: AsyncIterator[ServerEvent]) -> None:
    """Read a body to its end, so that the connection can be used again; nothing if it lingers."""
    try:
        async with asyncio.timeout(_LINGER):
            async for _ in events:
                pass
    except (TimeoutError, Broken):
        return


async def read_refusal(response: httpx.Response, idle: float) -> Refusal:
    """An answer that is no stream, cut at 64 KiB; closes it."""
    text = b""
    try:
        async with asyncio.timeout(idle):
            async for chunk in response.aiter_bytes():
                text += chunk
                if len(text) > _LARGEST_REFUSAL:
                    break
    except (TimeoutError, httpx.HTTPError):
        pass  # the status says enough
    finally:
        await response.aclose()
    return Refusal(response.status_code, dict(response.headers), text)


def of_failure(error: NetFailure) -> Trouble:
    """What a failure of the network means."""
    said: ModelError
    match error:
        case BadCertificates():
            return Final(Misconfigured(str(error), detail=error.detail))
        case NotSent():
            said = Unreachable(str(error), detail=error.detail)
            return Final(said) if error.lasting else Passing("no connection", said)
        case _:
            said = StreamBroken(str(error), detail=error.detail)
            return Passing("the connection broke", said)


def ended_early(reason: str) -> Passing:
    """The trouble with an answer that is not whole, for `reason`."""
    return Passing(reason, _broken_stream(reason))


def _broken_stream(reason: str) -> StreamBroken:
    return StreamBroken(
        f"The model's answer could not be received whole ({reason}). Try again.", detail=reason
    )
