"""Each defence of the model's side, broken on purpose: the tests named here must notice.

A test that passes with the defence gone would prove nothing.
"""

from __future__ import annotations

import inspect
import logging
import ssl
from collections.abc import AsyncGenerator, Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from codex_lsp.agent.events import Misconfigured, Restarted
from codex_lsp.net import transport
from codex_lsp.net.failures import NetFailure
from codex_lsp.responses import body, client, refusals, sse
from codex_lsp.responses.answer import Answer
from codex_lsp.responses.bearer import BearerAuth
from codex_lsp.responses.client import ResponsesModel
from codex_lsp.responses.receive import events_of
from codex_lsp.responses.sse import EventSplitter, ServerEvent
from tests.doubles.model_script import Refusal
from tests.net import test_post
from tests.responses import test_cuts, test_providers, test_refusals, test_sse, test_stream

Patch = pytest.MonkeyPatch
Noticed = Callable[..., Awaitable[None] | None]
COMPLETED = ServerEvent("", b'{"type": "response.completed", "response": {"id": "r"}}')


def done_at_the_end_of_the_body(patch: Patch) -> None:
    async def mutant(response: httpx.Response, idle: float) -> AsyncGenerator[ServerEvent]:
        async for event in events_of(response, idle):
            yield event
        yield COMPLETED

    patch.setattr(client, "events_of", mutant)


def a_torn_last_event_counts(patch: Patch) -> None:
    async def mutant(response: httpx.Response, idle: float) -> AsyncGenerator[ServerEvent]:
        splitter = EventSplitter()
        async for chunk in response.aiter_bytes():
            for event in splitter.feed(chunk):
                yield event
        for event in splitter.feed(b"\n\n"):
            yield event

    patch.setattr(client, "events_of", mutant)


def any_byte_is_a_sign_of_life(patch: Patch) -> None:
    async def mutant(response: httpx.Response, idle: float) -> AsyncGenerator[ServerEvent]:
        splitter = EventSplitter()
        async for chunk in response.aiter_bytes():  # with httpx's own timeout, it would be
            for event in splitter.feed(chunk):
                yield event

    patch.setattr(client, "events_of", mutant)


def asks_again_after_a_call(patch: Patch) -> None:
    patch.setattr(client, "may_go_on", lambda trouble, answer: trouble)


def hands_out_a_call_twice(patch: Patch) -> None:
    patch.setattr(Answer, "_is_new", lambda self, done: True)


def does_not_announce_a_retry(patch: Patch) -> None:
    stream = ResponsesModel.stream

    async def mutant(self: ResponsesModel, request: Any) -> AsyncGenerator[Any]:
        async for event in stream(self, request):
            if not isinstance(event, Restarted):
                yield event

    patch.setattr(ResponsesModel, "stream", mutant)


def never_gives_up(patch: Patch) -> None:
    patch.setattr(client, "wait_before", lambda attempt, passing, rhythm: 0.5)


def ignores_retry_after(patch: Patch) -> None:
    patch.setattr(refusals, "retry_after", lambda header, now: None)


def follows_redirects(patch: Patch) -> None:
    made = httpx.AsyncClient

    def mutant(**settings: Any) -> httpx.AsyncClient:
        return made(**settings | {"follow_redirects": True})

    patch.setattr(httpx, "AsyncClient", mutant)


def believes_any_certificate(patch: Patch) -> None:
    def mutant() -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context

    patch.setattr(transport, "tls_context", mutant)


def shows_loopback_to_the_proxy(patch: Patch) -> None:
    patch.setattr(transport, "_DIRECT", {})
    patch.setattr(transport, "_is_here", lambda host: False)


def lends_the_sign_in_to_anyone(patch: Patch) -> None:
    made = ResponsesModel.__init__

    def mutant(self: ResponsesModel, provider: Any, source: Any, *rest: Any, **more: Any) -> None:
        made(self, provider, source, *rest, **more)
        self._source = source

    patch.setattr(ResponsesModel, "__init__", mutant)


def leaves_the_account_on_the_next_bearer(patch: Patch) -> None:
    stamped = BearerAuth._stamped

    def mutant(self: BearerAuth, request: httpx.Request, bearer: Any) -> httpx.Request:
        account = request.headers.get("ChatGPT-Account-ID")
        stamped(self, request, bearer)
        if account is not None:
            request.headers["ChatGPT-Account-ID"] = account
        return request

    patch.setattr(BearerAuth, "_stamped", mutant)


def asks_again_with_the_rejected_bearer(patch: Patch) -> None:
    async def mutant(self: BearerAuth, request: httpx.Request) -> AsyncGenerator[Any, Any]:
        bearer = await self._source.current()
        response = yield self._stamped(request, bearer)
        if response.status_code == 401:
            yield self._stamped(request, bearer)

    patch.setattr(BearerAuth, "async_auth_flow", mutant)


def replays_reasoning_without_its_ciphertext(patch: Patch) -> None:
    item = body.item_json

    def mutant(given: Any) -> dict[str, Any]:
        return {key: value for key, value in item(given).items() if key != "encrypted_content"}

    patch.setattr(body, "item_json", mutant)


def splits_where_text_has_lines(patch: Patch) -> None:
    class Mutant(EventSplitter):
        def feed(self, chunk: bytes) -> list[ServerEvent]:
            return super().feed("\n".join([*chunk.decode().splitlines(), ""]).encode())

    patch.setattr(test_sse, "EventSplitter", Mutant)


def forgets_a_cr_at_the_end_of_a_chunk(patch: Patch) -> None:
    class Mutant(EventSplitter):
        def feed(self, chunk: bytes) -> list[ServerEvent]:
            self._after_cr = False
            return super().feed(chunk)

    patch.setattr(test_sse, "EventSplitter", Mutant)


def holds_any_amount(patch: Patch) -> None:
    patch.setattr(sse.EventSplitter, "_hold", lambda self, piece: self._line.append(piece))


def lets_httpx_talk(patch: Patch) -> None:
    for name in ("httpx", "httpcore.http11"):
        patch.setattr(logging.getLogger(name), "isEnabledFor", lambda level: True)


REDIRECT = Refusal(307, "", {"location": "/v2/responses"})
IN_3_S = Refusal(429, "", {"retry-after": "3"})
MUTANTS: list[tuple[Callable[[Patch], None], Noticed, dict[str, Any]]] = [
    (done_at_the_end_of_the_body, test_cuts.test_cut_at_every_byte,
     {"events": test_cuts._PROSE, "cut": "clean"}),
    (a_torn_last_event_counts, test_cuts.test_cut_at_every_byte,
     {"events": test_cuts._PROSE, "cut": "clean"}),
    (any_byte_is_a_sign_of_life,
     test_stream.test_silence_counts_as_broken_even_when_comments_keep_coming, {}),
    (asks_again_after_a_call, test_cuts.test_cut_at_every_byte,
     {"events": test_cuts._PATCH, "cut": "reset"}),
    (hands_out_a_call_twice, test_stream.test_a_tool_call_that_comes_twice_is_handed_out_once, {}),
    (does_not_announce_a_retry, test_cuts.test_cut_at_every_byte,
     {"events": test_cuts._PROSE, "cut": "reset"}),
    (never_gives_up, test_stream.test_five_tries_with_growing_waits_are_the_end, {}),
    (ignores_retry_after, test_refusals.test_trouble_that_passes_is_waited_out,
     {"step": IN_3_S, "wait": 3.0}),
    (follows_redirects, test_refusals.test_a_refusal_that_asking_again_cannot_mend,
     {"refusal": REDIRECT, "kind": Misconfigured, "words": "elsewhere"}),
    (believes_any_certificate,
     test_post.test_an_unknown_authority_was_not_sent_and_the_remedy_is_named, {"tmp_path": None}),
    (shows_loopback_to_the_proxy, test_post.test_loopback_is_reached_without_the_proxy,
     {"proxy": "http://127.0.0.1:9", "monkeypatch": None}),
    (lends_the_sign_in_to_anyone,
     test_providers.test_a_provider_without_a_key_gets_no_credentials_at_all, {}),
    (leaves_the_account_on_the_next_bearer,
     test_refusals.test_a_token_replaced_by_a_key_goes_to_the_keys_address_without_the_account, {}),
    (asks_again_with_the_rejected_bearer, test_refusals.test_a_rejected_token_is_replaced_once, {}),
    (replays_reasoning_without_its_ciphertext,
     test_stream.test_what_the_model_sent_goes_back_verbatim_with_outputs_of_its_own_kind, {}),
    (splits_where_text_has_lines, test_sse.test_lines_end_at_cr_and_lf_and_nowhere_else,
     {"data": b"data: " + test_sse.NO_ENDS + b"\n\n", "expected": [test_sse.NO_ENDS]}),
    (forgets_a_cr_at_the_end_of_a_chunk, test_sse.test_lines_end_at_cr_and_lf_and_nowhere_else,
     {"data": b"data: a\r\ndata: b\r\n\r\n", "expected": [b"a\nb"]}),
    (holds_any_amount, test_sse.test_memory_is_bounded, {"endless": b"x" * 64}),
    (lets_httpx_talk, test_refusals.test_no_bearer_and_no_address_is_logged_even_when_all_is,
     {"caplog": None}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("mutate", "noticed", "given"), MUTANTS, ids=[m[0].__name__ for m in MUTANTS]
)
async def test_the_tests_notice(
    mutate: Callable[[Patch], None],
    noticed: Noticed,
    given: dict[str, Any],
    monkeypatch: Patch,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    fixtures = {"monkeypatch": monkeypatch, "tmp_path": tmp_path, "caplog": caplog}
    given = {name: fixtures.get(name, value) for name, value in given.items()}
    mutate(monkeypatch)

    async def notice() -> None:
        if inspect.isawaitable(running := noticed(**given)):
            await running

    with pytest.raises((AssertionError, pytest.fail.Exception, NetFailure)):
        await notice()
