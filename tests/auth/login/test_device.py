"""Signing in with a device code, with a clock of the test's own."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from codex_lsp.auth.login import device
from codex_lsp.auth.login.device import DeviceCode
from codex_lsp.auth.login.failures import (
    Cancelled,
    DeadlinePassed,
    Denied,
    NotAllowed,
    SignInFailed,
)
from codex_lsp.auth.login.grant import Desk, SignedIn
from codex_lsp.auth.ports import Post, Reply
from codex_lsp.net.failures import NotSent, OutcomeUnknown
from tests.auth.login.person import Kept, desk_at
from tests.doubles.authority import Authority
from tests.doubles.minted import ALICE, BOB

CAPTURED = Path(__file__).parents[2] / "golden" / "captures" / "login-device-code.json"


class Clock:
    """Time passes only in `sleep`."""

    def __init__(self) -> None:
        self.time = 1000.0
        self.slept: list[float] = []

    def now(self) -> float:
        return self.time

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.time += seconds
        await asyncio.sleep(0)


class Person:
    def __init__(self) -> None:
        self.seen: list[DeviceCode] = []

    async def __call__(self, code: DeviceCode) -> None:
        self.seen.append(code)


@dataclass(frozen=True, slots=True)
class Canned:
    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)


async def sign_in(
    desk: Desk,
    *,
    clock: Clock | None = None,
    kept: Kept | None = None,
    show: Callable[[DeviceCode], Awaitable[None]] | None = None,
) -> SignedIn:
    clock = clock or Clock()
    return await device.sign_in(
        desk,
        show_code=show or Person(),
        keep=kept or Kept(),
        sleep=clock.sleep,
        now=clock.now,
    )


def answering(*answers: str) -> Authority:
    authority = Authority()
    authority.device_answers = list(answers)
    return authority


def with_interval(desk: Desk, seconds: str) -> Desk:
    """The desk with another interval in the answer that carries the code."""

    async def post(url: str, **rest: Any) -> Reply:
        reply = await desk.post(url, **rest)
        if not url.endswith("usercode"):
            return reply
        body = json.loads(reply.body) | {"interval": seconds}
        return Canned(reply.status, json.dumps(body).encode())

    return replace(desk, post=post)


def always(status: int, body: bytes) -> Post:
    async def post(url: str, **rest: Any) -> Reply:
        return Canned(status, body)

    return post


async def test_a_code_is_shown_and_its_approval_kept(tmp_path: Path) -> None:
    authority, kept, person = answering(), Kept(), Person()
    async with desk_at(authority, tmp_path) as desk:
        signed_in = await sign_in(desk, kept=kept, show=person)
        assert person.seen[0].url == f"{desk.settings.issuer}/codex/device"
    assert person.seen[0].code == authority.requests[1].body["user_code"]
    assert person.seen[0].minutes == 15
    assert kept.logins == [signed_in]
    assert signed_in.account_id == ALICE.account_id


async def test_the_authority_is_asked_what_the_real_cli_asks(tmp_path: Path) -> None:
    captured = json.loads(CAPTURED.read_text())["requests"]
    authority = answering("pending", "pending", "pending")
    async with desk_at(authority, tmp_path) as desk:
        await sign_in(desk)
    assert [r.path for r in authority.requests] == [r["path"] for r in captured]
    for ours, theirs in zip(authority.requests, captured, strict=True):
        assert ours.body.keys() == theirs["body"].keys()
        assert ours.content_type == dict(theirs["headers"])["content-type"]
    assert authority.requests[-1].body["redirect_uri"].endswith("/deviceauth/callback")


@pytest.mark.parametrize("word", ["pending", "pending_404", "authorization_pending"])
async def test_not_yet_is_waited_out_at_the_interval(tmp_path: Path, word: str) -> None:
    clock = Clock()
    async with desk_at(answering(word, word, word), tmp_path) as desk:
        await sign_in(desk, clock=clock)
    assert clock.slept == [1.0, 1.0, 1.0]  # the interval that the authority names


async def test_slow_down_is_for_good(tmp_path: Path) -> None:
    clock = Clock()
    async with desk_at(answering("pending", "slow_down", "pending"), tmp_path) as desk:
        await sign_in(desk, clock=clock)
    assert clock.slept == [1.0, 6.0, 6.0]


@pytest.mark.parametrize(
    ("word", "failure"),
    [
        ("expired_token", DeadlinePassed),
        ("access_denied", Denied),
        ("authorization_declined", Denied),
        ("cancelled", Cancelled),
        ("surprise", SignInFailed),
    ],
)
async def test_a_final_word_ends_it(tmp_path: Path, word: str, failure: type[SignInFailed]) -> None:
    authority, kept = answering("pending", word), Kept()
    async with desk_at(authority, tmp_path) as desk:
        with pytest.raises(failure):
            await sign_in(desk, kept=kept)
    assert kept.logins == []
    assert len(authority.requests) == 3  # nothing is asked afterwards


async def test_it_gives_up_after_fifteen_minutes(tmp_path: Path) -> None:
    clock = Clock()
    authority = answering(*["pending"] * 100)
    async with desk_at(authority, tmp_path) as desk:
        with pytest.raises(DeadlinePassed, match="not used in time"):
            await sign_in(with_interval(desk, "60"), clock=clock)
    assert clock.time == 1000.0 + 900.0
    assert sum(r.path.endswith("/token") for r in authority.requests) == 15


@pytest.mark.parametrize(("said", "waited"), [("7", 7.0), ("0", 5.0), ("soon", 5.0)])
async def test_an_interval_that_makes_no_sense_is_five_seconds(
    tmp_path: Path, said: str, waited: float
) -> None:
    clock = Clock()
    async with desk_at(answering("pending"), tmp_path) as desk:
        await sign_in(with_interval(desk, said), clock=clock)
    assert clock.slept == [waited]


@pytest.mark.parametrize("failure", [NotSent("offline"), OutcomeUnknown("reset")])
async def test_a_poll_that_is_lost_is_asked_again(tmp_path: Path, failure: Exception) -> None:
    calls = itertools.count()
    async with desk_at(Authority(), tmp_path) as desk:

        async def flaky(url: str, **rest: Any) -> Reply:
            if url.endswith("deviceauth/token") and next(calls) == 0:
                raise failure
            return await desk.post(url, **rest)

        await sign_in(replace(desk, post=flaky))
    assert next(calls) == 2


@pytest.mark.parametrize(
    ("status", "body", "failure", "word"),
    [
        (404, b"", Denied, "switched off"),
        (500, b"<html>", SignInFailed, "HTTP 500"),
        (200, b"{}", SignInFailed, "no device code"),
        (200, b"[1]", SignInFailed, "no device code"),
    ],
)
async def test_without_a_code_there_is_nothing_to_show(
    tmp_path: Path, status: int, body: bytes, failure: type[SignInFailed], word: str
) -> None:
    person = Person()
    async with desk_at(Authority(), tmp_path) as desk:
        with pytest.raises(failure, match=word):
            await sign_in(replace(desk, post=always(status, body)), show=person)
    assert person.seen == []


async def test_the_wrong_workspace_is_refused(tmp_path: Path) -> None:
    authority, kept = Authority(), Kept()
    authority.person = BOB
    async with desk_at(
        authority, tmp_path, forced_workspaces=frozenset({ALICE.account_id})
    ) as desk:
        with pytest.raises(NotAllowed):
            await sign_in(desk, kept=kept)
    assert kept.logins == []


async def test_a_forced_api_key_stops_it_before_anything_is_asked(tmp_path: Path) -> None:
    authority = Authority()
    async with desk_at(authority, tmp_path, forced_method="api") as desk:
        with pytest.raises(NotAllowed):
            await sign_in(desk)
    assert authority.requests == []


async def test_cancelling_it_frees_the_lock(tmp_path: Path) -> None:
    polled = asyncio.Event()

    async def forever(seconds: float) -> None:
        polled.set()
        await asyncio.Event().wait()

    async with desk_at(answering("pending"), tmp_path) as desk:
        task = asyncio.create_task(
            device.sign_in(desk, show_code=Person(), keep=Kept(), sleep=forever)
        )
        await polled.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await sign_in(desk)
