"""One HTTP request and its whole answer, for the room that exchanges tokens.

It never repeats a request and never follows a redirect: whoever sends a one-use token decides.
"""

from __future__ import annotations

import asyncio
import json as json_
from collections.abc import Mapping
from dataclasses import dataclass

from codex_lsp.net.failures import OutcomeUnknown


@dataclass(frozen=True, slots=True)
class Reply:
    """Any answer, whatever its status. Names in `headers` are lower-case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> object:
        """The body as JSON; raises `ValueError` when it is none."""
        return json_.loads(self.body)


async def post(
    url: str,
    *,
    json: Mapping[str, object] | None = None,
    form: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
    timeout: float,  # noqa: ASYNC109 - the deadline decides between NotSent and OutcomeUnknown
) -> Reply:
    """POST once, within `timeout` seconds; raises `NotSent` or `OutcomeUnknown`.

    A third of the time is for connecting, so that a host that cannot be reached is told from one
    that is slow to answer.
    """
    import httpx  # noqa: PLC0415 - 0.1 s of import that start-up must not pay

    from codex_lsp.net import transport  # noqa: PLC0415 - as above

    limits = httpx.Timeout(timeout, connect=timeout / 3, pool=timeout / 3)
    try:
        async with (
            asyncio.timeout(timeout),
            transport.open_client(url, timeout=limits) as client,
        ):
            answer = await client.post(url, json=json, data=form, headers=headers)
    except TimeoutError as error:
        raise OutcomeUnknown(
            f"{httpx.URL(url).host} did not answer within {timeout:g} s. Try again.",
            detail="deadline over the whole exchange",
        ) from error
    except transport.HTTPX_ERRORS as error:
        raise transport.failure(error, url) from error
    if answer.status_code == httpx.codes.PROXY_AUTHENTICATION_REQUIRED:
        raise transport.proxy_refusal("407", "HTTP 407")
    return Reply(answer.status_code, dict(answer.headers), answer.content)
