"""Every way a refresh request can end, met early and after a 401: its class, and no resending."""

from __future__ import annotations

import asyncio

import pytest

from codex_lsp.auth.errors import (
    AccountSwitched,
    AuthError,
    Expired,
    Offline,
    Refused,
    Reused,
    Revoked,
    UnknownOutcome,
)
from codex_lsp.auth.tokens import Bearer
from tests.auth import world
from tests.auth.authority import EPOCH, Authority
from tests.auth.scene import Scene

UNSENT = ("DNS", "refused", "connect timeout", "TLS verify", "proxy refused", "pool timeout")
CUT = ("reset during send", "write timeout")
LOST = ("reset after send", "read timeout", "reply after 31 s", "reply after 120 s")
ANSWERS: dict[str, type[AuthError] | None] = {
    "torn 200": UnknownOutcome,
    "empty 200": UnknownOutcome,
    "html 200": UnknownOutcome,
    "no tokens 200": UnknownOutcome,
    "no refresh token": None,
    "other account": AccountSwitched,
    "invalid_grant": Refused,
    "expired": Expired,
    "reused": Reused,
    "revoked": Revoked,
    "401": Refused,
    "403": Refused,
    "407": Offline,
    "408": UnknownOutcome,
    "429": Offline,
    "500": UnknownOutcome,
    "504": UnknownOutcome,
    "302": UnknownOutcome,
}
CASES: list[tuple[str, str, type[AuthError] | None]] = [
    *((name, "not sent", Offline) for name in UNSENT),
    *((name, "lost before", UnknownOutcome) for name in CUT),
    *((name, "lost", UnknownOutcome) for name in LOST),
    *((name, name, error) for name, error in ANSWERS.items()),
]


@pytest.fixture(autouse=True)
def more_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    elsewhere = Authority()
    elsewhere.serial = 1000
    alice, bob = (elsewhere.sign_in(name, now=EPOCH) for name in ("alice", "bob"))
    kept = world.reply_to(alice).body.replace(b"refresh_token", b"unknown_field")
    more = {
        "no refresh token": world.Reply(200, {}, kept),
        "other account": world.reply_to(bob),
        "reused": world.reply_to("refresh_token_reused"),
        "407": world.Reply(407, {}, b""),
        "408": world.Reply(408, {}, b""),
        "504": world.Reply(504, {}, b"<html>gateway timeout</html>"),
    }
    for name, reply in more.items():
        monkeypatch.setitem(world.CANNED, name, reply)


@pytest.mark.parametrize("trigger", ["proactive", "401"])
@pytest.mark.parametrize(
    ("outcome", "error"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
def test_an_outcome_has_its_class_and_the_token_is_not_resent(
    outcome: str, error: type[AuthError] | None, trigger: str
) -> None:
    scene = Scene(left=-5.0 if trigger == "proactive" else 7200.0, outcomes=(outcome,))
    rejected = scene.bearer(scene.alice)

    async def ask() -> Bearer:
        if trigger == "proactive":
            return await scene.source.current()
        return await scene.source.replace(rejected)

    async def main() -> None:
        if error is None:
            assert await ask() != rejected
            return
        with pytest.raises(error) as first:
            await ask()
        with pytest.raises(error) as second:
            await ask()
        assert first.value.generation == second.value.generation == scene_generation(scene)
        assert str(first.value).count(".") >= 1

    scene.run(main())
    assert scene.network.outcomes == []
    assert len(scene.network.sent) <= 1


def scene_generation(scene: Scene) -> str:
    from codex_lsp.auth.tokens import Secret

    return Secret(scene.alice.refresh).digest()


@pytest.mark.parametrize("outcome", ["lost", "reused", "403", "500", "not sent", "429"])
def test_a_token_that_is_still_good_is_used_whatever_happens_to_its_refresh(outcome: str) -> None:
    scene = Scene(left=200.0, outcomes=(outcome,) * 4)

    async def main() -> None:
        for _ in range(3):
            assert (await scene.source.current()).token.reveal() == scene.alice.access
            await asyncio.sleep(20.0)  # for a winner of a race to show up
        assert scene.source.last_error is not None

    scene.run(main())
    assert len(scene.network.sent) <= 1 or outcome == "429"
