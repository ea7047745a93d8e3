"""Asks a model over HTTP and streams its answer: the agent's `Model` port.

Sends, and asks again. What comes is read in `receive`, judged in `answer`, and given a meaning in
`wire` and `refusals`; how long to wait is in `retry`.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any

import httpx

from codex_lsp.agent.conversation import Compaction, ModelRequest, Reasoning
from codex_lsp.agent.events import Completed, ModelEvent, NotSignedIn, Restarted
from codex_lsp.auth.tokens import AuthError, TokenSource
from codex_lsp.net.failures import NetFailure
from codex_lsp.net.transport import HTTPX_ERRORS, failure, open_client, proxy_refusal
from codex_lsp.responses import refusals
from codex_lsp.responses.answer import Answer, may_go_on
from codex_lsp.responses.bearer import BearerAuth, no_bearer
from codex_lsp.responses.body import Style, body
from codex_lsp.responses.limits import rate_limits_of
from codex_lsp.responses.providers import Provider
from codex_lsp.responses.receive import ended_early, events_of, finish, of_failure, read_refusal
from codex_lsp.responses.retry import Broken, Final, Rhythm, wait_before

_ROUTES_KEPT = 64
_TIMES = httpx.Timeout(connect=15.0, write=60.0, pool=15.0, read=None)  # reads: see `receive`


@dataclass(frozen=True, slots=True)
class Identity:
    """As whom we ask: see `config.endpoints`."""

    originator: str
    user_agent: str


def connect(provider: Provider) -> httpx.AsyncClient:
    """A client for `provider`; blocks for 0.1 s when certificates are read first."""
    return open_client(provider.base, provider.chatgpt_base, timeout=_TIMES)


class ResponsesModel:
    """A `Model`. `source` is the person's sign-in, used where the provider takes it.

    One connection is kept alive between requests; streams may run side by side. Whoever stops
    early closes the iterator (`contextlib.aclosing`), which hangs up. `aclose` at the end.
    """

    def __init__(
        self,
        provider: Provider,
        source: TokenSource | None,
        identity: Identity,
        *,
        style: Style | None = None,
        rhythm: Rhythm | None = None,
        connect: Callable[[Provider], httpx.AsyncClient] = connect,
        source_for: Callable[[ModelRequest], TokenSource] | None = None,
    ) -> None:
        self._provider = provider
        # The person's sign-in is OpenAI's; a provider that does not ask for it must not see it.
        self._source = provider.key or (source if provider.signs_in else None)
        self._source_for = source_for if provider.signs_in else None
        self._identity = identity
        self._style = style or Style()
        self._rhythm = rhythm or Rhythm()
        self._connect = connect
        self._opening = asyncio.Lock()
        self._client: httpx.AsyncClient | None = None
        self._routing: dict[str, str] = {}  # by turn, what the service wants sent back in it

    async def warm_up(self) -> None:
        """Read certificates before they are needed. Sends nothing. Raises no error: asking will."""
        try:
            await self._opened()
        except Broken:
            return

    async def aclose(self) -> None:
        """Close the kept connections."""
        if self._client is not None:
            await self._client.aclose()

    async def stream(self, request: ModelRequest) -> AsyncGenerator[ModelEvent]:
        """See `agent.ports.Model`."""
        attempt = 1
        while True:
            answer = Answer(request)
            try:
                async with aclosing(self._attempt(answer)) as events:
                    async for event in events:
                        yield event
            except Broken as broken:
                passing = may_go_on(broken.trouble, answer)
                attempt += 1
                wait = wait_before(attempt, passing, self._rhythm)
                if wait is None:
                    raise passing.error from broken.__cause__
            else:
                return
            yield Restarted(attempt, wait, passing.reason)
            await self._rhythm.sleep(wait)

    async def _attempt(self, answer: Answer) -> AsyncGenerator[ModelEvent]:
        response = await self._ask(answer.request)
        try:
            limits = rate_limits_of(response.headers)
            if limits is not None:
                yield limits
            async with aclosing(events_of(response, self._provider.idle)) as events:
                async for event in events:
                    for said in answer.read(event):
                        if isinstance(said, Completed):
                            await finish(events)
                        yield said
                    if answer.whole:
                        return
        finally:
            await response.aclose()
        raise Broken(ended_early("the answer ended early"))

    async def _ask(self, request: ModelRequest) -> httpx.Response:
        """The head of an answer that is a stream; raises `Broken` for any other."""
        response = await self._send(request)
        host = response.url.netloc.decode("ascii")
        is_stream = not response.headers.get("content-type", "").startswith(
            ("text/html", "application/json")
        )
        if response.status_code == httpx.codes.OK and is_stream:
            state = response.headers.get("x-codex-turn-state")
            if state is not None:
                self._route(request.turn_id, state)
            return response
        refusal = await read_refusal(response, self._provider.idle)
        if refusal.status == httpx.codes.OK:
            raise Broken(refusals.no_stream(refusal, host))
        if refusal.status == httpx.codes.PROXY_AUTHENTICATION_REQUIRED:
            raise Broken(of_failure(proxy_refusal("407", refusal.detail)))
        bare = _without_reasoning(request)
        if refusal.code == refusals.ENCRYPTED and bare != request:
            # Ciphertext of another account or model; without it the conversation goes on.
            return await self._ask(bare)
        raise Broken(refusals.of_answer(refusal, host, self._rhythm.now()))

    def _route(self, turn: str, state: str) -> None:
        """Turns run side by side, each with its own; those that are long over are forgotten."""
        self._routing.pop(turn, None)
        self._routing[turn] = state
        for old in [*self._routing][:-_ROUTES_KEPT]:
            del self._routing[old]

    async def _send(self, request: ModelRequest) -> httpx.Response:
        provider = self._provider
        source = self._source
        if source is None and self._source_for is not None:
            source = self._source_for(request)
        if provider.signs_in and source is None:
            raise Broken(Final(NotSignedIn("You are not signed in. Run: codex-lsp login")))
        client = await self._opened()
        url = provider.address()
        asking: httpx.Request | None = None
        auth = None if source is None else BearerAuth(source, provider.address)
        try:
            content = _encoded(body(request, provider.model, provider.dialect, self._style))
            asking = client.build_request("POST", url, content=content, headers=self._head(request))
            async with asyncio.timeout(provider.idle):
                return await client.send(asking, auth=auth, stream=True)
        except AuthError as error:
            raise Broken(no_bearer(error)) from error
        except TimeoutError as error:
            raise Broken(ended_early("no answer came")) from error
        except HTTPX_ERRORS as error:
            asked = url if asking is None else str(asking.url)
            raise Broken(of_failure(failure(error, asked))) from error

    def _head(self, request: ModelRequest) -> dict[str, str]:
        head = {
            "Accept": "text/event-stream",
            "Accept-Encoding": "identity",  # a compressed stream comes in lumps
            "Content-Type": "application/json",
            "User-Agent": self._identity.user_agent,
        }
        if self._provider.dialect.openai:
            head["originator"] = self._identity.originator
            for name in ("session-id", "thread-id", "x-client-request-id"):
                head[name] = request.conversation_id
            if state := self._routing.get(request.turn_id):
                head["x-codex-turn-state"] = state
        return {**head, **self._provider.headers}

    async def _opened(self) -> httpx.AsyncClient:
        async with self._opening:
            if self._client is None:
                try:
                    self._client = await asyncio.to_thread(self._connect, self._provider)
                except NetFailure as error:
                    raise Broken(of_failure(error)) from error
            return self._client


def _without_reasoning(request: ModelRequest) -> ModelRequest:
    kept = tuple(item for item in request.items if not isinstance(item, Reasoning | Compaction))
    return replace(request, items=kept)


def _encoded(document: Mapping[str, Any]) -> bytes:
    try:
        return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
    except UnicodeEncodeError:  # half a surrogate pair, from an editor or replayed to the model
        return json.dumps(document, separators=(",", ":")).encode()
