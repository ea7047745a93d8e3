"""Puts the bearer on requests, and asks once for another when it is not accepted.

Keeps no token of its own. The address goes with the bearer, because OpenAI takes an API key and a
ChatGPT sign-in at different places, and a token must not reach the other one.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass

import httpx

from codex_lsp.agent.events import Misconfigured, NotSignedIn, Unreachable
from codex_lsp.auth.errors import AuthError, Busy, Offline, Refused, StoreUnusable
from codex_lsp.auth.tokens import Bearer, Secret, TokenSource
from codex_lsp.responses.retry import Final, Passing, Trouble


class BearerAuth(httpx.Auth):
    """Authorises one request; lets `AuthError` through."""

    def __init__(self, source: TokenSource, address: Callable[[Bearer], str]) -> None:
        self._source = source
        self._address = address

    async def async_auth_flow(
        self, request: httpx.Request
    ) -> AsyncGenerator[httpx.Request, httpx.Response]:
        """See `httpx.Auth`."""
        bearer = await self._source.current()
        response = yield self._stamped(request, bearer)
        if response.status_code == httpx.codes.UNAUTHORIZED:
            yield self._stamped(request, await self._source.replace(bearer))

    def _stamped(self, request: httpx.Request, bearer: Bearer) -> httpx.Request:
        request.url = httpx.URL(self._address(bearer))
        request.headers["Host"] = request.url.netloc.decode("ascii")
        request.headers["Authorization"] = f"Bearer {bearer.token.reveal()}"
        for name, value in (
            ("ChatGPT-Account-ID", bearer.account_id),
            ("X-OpenAI-Fedramp", "true" if bearer.fedramp else None),
        ):
            request.headers.pop(name, None)
            if value is not None:
                request.headers[name] = value
        return request


def no_bearer(error: AuthError) -> Trouble:
    """What it means for a request that there is no bearer for it."""
    text, detail = str(error), f"{type(error).__name__}: {error.detail}"
    match error:
        case Offline() | Busy():
            return Passing("no fresh credentials yet", Unreachable(text, detail=detail))
        case StoreUnusable():
            return Final(Misconfigured(text, detail=detail))
        case _:
            return Final(NotSignedIn(text, detail=detail))


@dataclass(frozen=True, slots=True)
class FixedKey:
    """A `TokenSource` of one key; `origin` says to the person where it stands."""

    key: Secret
    origin: str

    async def current(self) -> Bearer:
        """The key."""
        return Bearer("api_key", self.key)

    async def replace(self, rejected: Bearer) -> Bearer:  # noqa: ARG002 - all are the same key
        """There is no other; raises `AuthError`."""
        raise Refused(f"The key in {self.origin} is not accepted. Correct it there.")
