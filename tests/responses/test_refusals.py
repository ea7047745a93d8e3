"""Every kind of refusal and network trouble: what it does, and what a person is told (TR3, TR4)."""

from __future__ import annotations

import asyncio
import logging
import socket
from datetime import timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest

from codex_lsp.agent.events import (
    ContextTooLong,
    Misconfigured,
    ModelError,
    NotSignedIn,
    Overloaded,
    RequestRefused,
    Restarted,
    StreamBroken,
    TextDelta,
    Unreachable,
    UsageLimitReached,
)
from codex_lsp.auth.errors import AuthError, Busy, Expired, Offline, StoreUnusable
from codex_lsp.auth.tokens import Bearer
from codex_lsp.responses.client import ResponsesModel
from codex_lsp.responses.refusals import Refusal as Answer
from codex_lsp.responses.retry import Passing, Rhythm, asked_wait, retry_after, wait_before
from tests.doubles.loopback import canned, certificate_authority, listen
from tests.doubles.model_script import Refusal, Silence, Turn, says
from tests.doubles.model_service import ModelService
from tests.responses.asking import (
    IDENTITY,
    NOW,
    REQUEST,
    Time,
    Tokens,
    api_key,
    ask,
    chatgpt,
    provider_at,
    room,
)


def error(code: str, message: str = "", **more: Any) -> dict[str, Any]:
    return {"error": {"code": code, "message": message, **more}}


LIMIT = {"error": {"type": "usage_limit_reached", "resets_at": int(NOW.timestamp()) + 7500}}
PORTAL = "<html>Welcome to the hotel</html>"
HTML = {"content-type": "text/html; charset=utf-8"}
IN_3_S = {"retry-after": "3"}
IN_AN_HOUR = {"retry-after": "3600"}

FINAL: list[tuple[Refusal, type[ModelError], str]] = [
    (Refusal(400, error("invalid_request_error", "No such tool")), RequestRefused, "No such tool"),
    (Refusal(400, error("context_length_exceeded")), ContextTooLong, "new conversation"),
    (Refusal(400, error("invalid_prompt", "bad")), RequestRefused, "bad"),
    (Refusal(400, {"detail": "Instructions are not valid"}), RequestRefused, "Instructions are"),
    (Refusal(400, "<html>"), RequestRefused, "HTTP 400"),
    (Refusal(402, error("insufficient_quota")), UsageLimitReached, "credit"),
    (Refusal(403, "<html>Cloudflare</html>", {"cf-ray": "1"}), Unreachable, "VPN"),
    (Refusal(403, error("forbidden", "Country")), NotSignedIn, "Country"),
    (Refusal(404, error("model_not_found", "The model `x`")), Misconfigured, "The model `x`"),
    (Refusal(404, ""), Misconfigured, "base URL"),
    (Refusal(405, ""), RequestRefused, "HTTP 405"),
    (Refusal(413, ""), ContextTooLong, "smaller"),
    (Refusal(422, {"detail": [{"loc": ["x"]}]}), RequestRefused, "HTTP 422"),
    (Refusal(426, ""), RequestRefused, "HTTP 426"),
    (Refusal(429, LIMIT), UsageLimitReached, "in 2 h 5 min"),
    (Refusal(429, error("usage_limit_reached", resets_in_seconds=90)), UsageLimitReached, "2 min"),
    (Refusal(429, error("usage_limit_reached", resets_at=1e300)), UsageLimitReached, "later"),
    (
        Refusal(429, error("usage_limit_reached", resets_at=253402300799)),
        UsageLimitReached,
        "later",
    ),
    (Refusal(429, LIMIT, IN_3_S), UsageLimitReached, "in 2 h 5 min"),
    (Refusal(429, error("usage_not_included")), UsageLimitReached, "plan does not include"),
    (Refusal(429, error("insufficient_quota")), UsageLimitReached, "credit"),
    (Refusal(429, ""), Overloaded, "too many requests"),
    (Refusal(429, "", IN_AN_HOUR), Overloaded, "in 1 h"),
    (Refusal(429, "", {"retry-after": "9" * 400}), Overloaded, "too many requests"),
    (Refusal(429, "", {"retry-after": "soon"}), Overloaded, "too many requests"),
    (Refusal(503, error("server_is_overloaded")), Overloaded, "overloaded"),
    (Refusal(503, error("slow_down")), Overloaded, "overloaded"),
    (Refusal(503, "", IN_AN_HOUR), Overloaded, "in 1 h"),
    (Refusal(301, "", {"location": "http://127.0.0.1:9/"}), Misconfigured, "points elsewhere"),
    (Refusal(302, PORTAL, HTML | {"location": "http://127.0.0.1:9/"}), Misconfigured, "elsewhere"),
    (Refusal(307, "", {"location": "/v2/responses"}), Misconfigured, "points elsewhere"),
    (Refusal(200, PORTAL, HTML), Unreachable, "sign-in page"),
    (Refusal(200, {"id": "resp"}), Misconfigured, "Responses API"),
    (Refusal(407, ""), Unreachable, "proxy"),
]


@pytest.mark.parametrize(("refusal", "kind", "words"), FINAL)
async def test_a_refusal_that_asking_again_cannot_mend(
    refusal: Refusal, kind: type[ModelError], words: str
) -> None:
    async with room([refusal]) as here:
        asked = await ask(here.model)
    assert type(asked.error) is kind
    assert words in str(asked.error)
    assert asked.events == []
    assert len(here.service.requests) == 1


PASSING: list[tuple[Refusal | Silence | Turn, float]] = [
    (Refusal(408, ""), 0.5),
    (Refusal(409, ""), 0.5),
    (Refusal(429, error("rate_limit_exceeded", "Please try again in 1.2s.")), 1.2),
    (Refusal(429, "", IN_3_S), 3.0),
    (Refusal(429, "", {"retry-after": format_datetime(NOW + timedelta(seconds=7))}), 7.0),
    (Refusal(429, "", {"retry-after": format_datetime(NOW - timedelta(days=9))}), 0.5),
    (Refusal(429, "", {"retry-after": "0"}), 0.5),
    (Refusal(500, error("server_error")), 0.5),
    (Refusal(500, "", IN_3_S), 3.0),
    (Refusal(502, "<html>Bad gateway</html>", HTML), 0.5),
    (Refusal(503, "", IN_3_S), 3.0),
    (Refusal(503, error("server_is_overloaded"), IN_3_S), 3.0),
    (Refusal(504, ""), 0.5),
    (Refusal(529, ""), 0.5),
    (Silence("reset"), 0.5),
    (Silence("eof"), 0.5),
    (Turn((), ending="failed", failure={"code": "server_error"}), 0.5),
    (
        Turn((), ending="failed", failure={
            "code": "rate_limit_exceeded", "message": "Please try again in 5 seconds."}),
        5.0,
    ),
    (Turn((), ending="incomplete", failure={"reason": "max_output_tokens"}), 0.5),
]  # fmt: skip


@pytest.mark.parametrize(("step", "wait"), PASSING)
async def test_trouble_that_passes_is_waited_out(
    step: Refusal | Silence | Turn, wait: float
) -> None:
    async with room([step, says("whole")]) as here:
        asked = await ask(here.model)
    assert asked.error is None
    assert here.time.slept == [event.wait for event in asked.of(Restarted)] == [wait]
    assert "".join(event.text for event in asked.of(TextDelta)) == "whole"


@pytest.mark.parametrize(
    ("failure", "kind"),
    [
        ({"code": "context_length_exceeded"}, ContextTooLong),
        ({"code": "insufficient_quota"}, UsageLimitReached),
        ({"code": "server_is_overloaded"}, Overloaded),
        ({"code": "cyber_policy", "message": "no"}, RequestRefused),
    ],
)
async def test_the_streams_own_refusals_are_final(
    failure: dict[str, str], kind: type[ModelError]
) -> None:
    async with room([Turn((), ending="failed", failure=failure)]) as here:
        assert type((await ask(here.model)).error) is kind


async def test_a_filtered_answer_is_a_refusal() -> None:
    step = Turn((), ending="incomplete", failure={"reason": "content_filter"})
    async with room([step]) as here:
        assert isinstance((await ask(here.model)).error, RequestRefused)


async def test_trouble_that_does_not_pass_ends_in_its_own_words() -> None:
    async with room([Refusal(503, "")] * 5) as here:
        asked = await ask(here.model)
    assert isinstance(asked.error, Overloaded)
    assert len(asked.of(Restarted)) == 4


async def test_the_reset_time_is_told_as_a_time() -> None:
    async with room([Refusal(429, LIMIT)]) as here:
        asked = await ask(here.model)
    assert isinstance(asked.error, UsageLimitReached)
    assert asked.error.resets_at == NOW + timedelta(seconds=7500)


def test_what_is_logged_of_a_refusal_does_not_repeat_its_body() -> None:
    answer = Answer(
        400, {"x-request-id": "req_1"}, b'{"error": {"code": "c", "message": "def f()"}}'
    )
    assert answer.detail == "HTTP 400, c, x-request-id req_1"


async def test_a_rejected_token_is_replaced_once() -> None:
    tokens = [chatgpt("old.a.b"), chatgpt("new.a.b")]
    async with room([Refusal(401, ""), says("x")], bearers=tokens) as here:
        asked = await ask(here.model)
    assert asked.error is None
    assert not asked.of(Restarted)
    sent = [request.headers["authorization"] for request in here.service.requests]
    assert sent == ["Bearer old.a.b", "Bearer new.a.b"]


async def test_a_token_replaced_by_a_key_goes_to_the_keys_address_without_the_account() -> None:
    async with room([Refusal(401, ""), says("x")], bearers=[chatgpt(), api_key()]) as here:
        assert (await ask(here.model)).error is None
    paths = [request.path for request in here.service.requests]
    assert paths == ["/backend-api/codex/responses", "/v1/responses"]
    assert "chatgpt-account-id" not in here.service.requests[1].headers


async def test_a_token_rejected_twice_is_the_end() -> None:
    tokens = [chatgpt("old.a.b"), chatgpt("new.a.b"), chatgpt("third.a.b")]
    async with room(
        [Refusal(401, ""), Refusal(401, error("x", "Bad key"))], bearers=tokens
    ) as here:
        asked = await ask(here.model)
    assert isinstance(asked.error, NotSignedIn)
    assert "Bad key" in str(asked.error)


async def test_without_a_token_nothing_is_sent() -> None:
    async with room([]) as here:
        here.tokens.bearers.clear()
        asked = await ask(here.model)
    assert isinstance(asked.error, NotSignedIn)
    assert "codex-lsp login" in str(asked.error)


async def test_without_a_sign_in_nothing_is_sent_to_a_provider_that_wants_one() -> None:
    async with ModelService([]) as service:
        model = ResponsesModel(provider_at(service), None, IDENTITY)
        assert isinstance((await ask(model)).error, NotSignedIn)


@pytest.mark.parametrize(
    ("missing", "kind"),
    [
        (Offline(), Unreachable),
        (Busy(), Unreachable),
        (StoreUnusable("the disk is full"), Misconfigured),
        (Expired(), NotSignedIn),
    ],
)
async def test_why_there_is_no_bearer_is_passed_on(
    missing: AuthError, kind: type[ModelError], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(self: Tokens) -> Bearer:
        raise missing

    async with room([]) as here:
        monkeypatch.setattr(Tokens, "current", fail)
        asked = await ask(here.model)
    assert type(asked.error) is kind
    assert str(asked.error) == str(missing)
    assert len(asked.of(Restarted)) == (4 if kind is Unreachable else 0)


async def test_no_bearer_and_no_address_is_logged_even_when_all_is(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    async with room([says("x")], query={"key": "do-not-log"}) as here:
        assert (await ask(here.model)).error is None
    assert "sk-made-up" not in caplog.text
    assert "do-not-log" not in caplog.text


async def ask_at(base: str, **more: Any) -> ModelError | None:
    provider = provider_at(ModelService([]), base=base, chatgpt_base=base)
    time = Time()
    model = ResponsesModel(provider, Tokens([api_key()]), IDENTITY, rhythm=time.rhythm(**more))
    try:
        return (await ask(model)).error
    finally:
        await model.aclose()


async def test_a_server_of_ones_own_that_is_not_running_is_told_at_once() -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        place = f"127.0.0.1:{held.getsockname()[1]}"
        told = await ask_at(f"http://{place}/v1", tries=99)
    assert isinstance(told, Unreachable)
    assert f"Nothing answers at {place}" in str(told)


async def test_a_name_that_is_not_found_is_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    lookups = 0

    def fail(*args: object, **kwargs: object) -> None:
        nonlocal lookups
        lookups += 1
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    told = await ask_at("http://model.invalid/v1")
    assert isinstance(told, Unreachable)
    assert "model.invalid could not be found" in str(told)
    assert lookups == 5


async def test_a_proxy_that_wants_a_password_is_told_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    refusal = b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n"
    async with listen(canned(refusal)) as port:
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{port}")
        told = await ask_at("https://model.invalid/v1")
    assert isinstance(told, Unreachable)
    assert "HTTPS_PROXY" in str(told)


async def test_inspected_traffic_is_told_with_its_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pem, tls = certificate_authority(tmp_path)
    async with ModelService([says("x")], tls=tls) as service:
        told = await ask_at(service.base_url)
        monkeypatch.setenv("CODEX_CA_CERTIFICATE", str(pem))
        assert await ask_at(service.base_url) is None
    assert isinstance(told, Unreachable)
    assert "CODEX_CA_CERTIFICATE" in str(told)


async def test_an_unusable_certificate_file_is_a_setting_to_mend(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CODEX_CA_CERTIFICATE", str(tmp_path / "none.pem"))
    told = await ask_at("https://127.0.0.1:9/v1")
    assert isinstance(told, Misconfigured)
    assert "none.pem" in str(told)


@pytest.mark.parametrize("base", ["model.example/v1", "ftp://127.0.0.1/v1", ""])
async def test_a_base_url_that_is_none_is_told_at_once(base: str) -> None:
    assert isinstance(await ask_at(base, tries=99), Unreachable)


async def test_a_server_that_never_answers_is_given_up() -> None:
    async with room([Silence("stall")], idle=0.1, tries=1) as here:
        asked = await ask(here.model)
    assert isinstance(asked.error, StreamBroken)
    assert "no answer came" in str(asked.error)


async def test_a_dead_kept_connection_is_replaced() -> None:
    served = 0

    async def once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request, and hang up on the next one as if it had been idle too long."""
        nonlocal served
        head = await reader.readuntil(b"\r\n\r\n")
        await reader.readexactly(int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0]))
        served += 1
        text = b'data: {"type": "response.completed", "response": {"id": "r"}}\n\n'
        size = f"Content-Length: {len(text)}\r\n".encode()
        writer.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n" + size + b"\r\n" + text
        )
        await writer.drain()
        await reader.readuntil(b"\r\n\r\n")

    async with listen(once) as port:
        base = f"http://127.0.0.1:{port}/v1"
        provider = provider_at(ModelService([]), base=base)
        rhythm = Time().rhythm()
        model = ResponsesModel(provider, Tokens([api_key()]), IDENTITY, rhythm=rhythm)
        first, second = await ask(model), await ask(model, REQUEST)
        await model.aclose()
    assert (first.error, second.error) == (None, None)
    assert served == 2


@pytest.mark.parametrize(
    ("message", "seconds"),
    [
        ("Please try again in 11.05s.", 11.05),
        ("try again in 300ms", 0.3),
        ("Try again in 5 seconds", 5.0),
        ("try again in 2 minutes", 120.0),
        ("try again in 1m", 60.0),
        ("try again in 3 moons", None),
        ("try again later", None),
    ],
)
def test_waits_are_read_from_words(message: str, seconds: float | None) -> None:
    assert asked_wait(message) == seconds


@pytest.mark.parametrize(
    ("header", "seconds"),
    [(None, None), ("7", 7.0), (" 1.5 ", 1.5), ("-3", None), ("", None), ("nan", None), ("٣", None),
     ("Sun, 22 Nov 2026 12:00:09 GMT", 9.0), ("Sun, 22 Nov 2026 12:00:09", 9.0),
     ("Fri, 31 Dec 9999 23:59:59 GMT", None), ("9" * 400, None), ("2592001", None)],
)  # fmt: skip
def test_retry_after_is_seconds_or_a_date(header: str | None, seconds: float | None) -> None:
    assert retry_after(header, NOW) == seconds


def test_waits_grow_are_spread_and_have_an_end() -> None:
    trouble = Passing("x", StreamBroken("x"))
    for drawn, factor in ((0.0, 0.9), (0.5, 1.0), (1.0, 1.1)):
        rhythm = Rhythm(tries=9, random=lambda drawn=drawn: drawn)  # type: ignore[misc]
        waits = [wait_before(attempt, trouble, rhythm) for attempt in range(2, 11)]
        expected = [0.5, 1, 2, 4, 8, 8, 8, 8]
        assert waits[:-1] == pytest.approx([wait * factor for wait in expected])
        assert waits[-1] is None


@pytest.mark.parametrize(("after", "wait"), [(0.1, 0.5), (30.0, 30.0), (60.0, 60.0), (61.0, None)])
def test_what_the_service_asks_for_is_never_undercut(after: float, wait: float | None) -> None:
    trouble = Passing("x", StreamBroken("x"), after)
    assert wait_before(2, trouble, Rhythm(random=lambda: 0.5)) == wait
