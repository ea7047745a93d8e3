"""What callers of the source see: adoption, refresh, and every way it can end, on a machine in
memory that runs the real code."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable

import pytest

from codex_lsp.auth.errors import (
    AccountSwitched,
    Busy,
    Offline,
    Refused,
    Reused,
    SignedOut,
    UnknownOutcome,
)
from codex_lsp.auth.source import AuthEvent
from codex_lsp.auth.tokens import Bearer
from tests.auth import world
from tests.auth.authority import Login
from tests.auth.scene import Scene
from tests.auth.world import AUTH


def test_a_token_that_is_good_for_long_is_used_as_it_is() -> None:
    scene = Scene(left=3600.0)
    bearer = scene.run(scene.source.current())
    assert bearer.token.reveal() == scene.alice.access
    assert bearer.account_id == "alice"
    assert scene.refreshes() == 0


def test_an_expired_token_is_refreshed_once_and_everything_else_in_the_file_is_kept() -> None:
    scene = Scene()
    before = scene.on_disk()
    bearer = scene.run(scene.source.current())
    after = scene.on_disk()
    assert bearer.token.reveal() == after["tokens"]["access_token"] != scene.alice.access
    assert scene.machine.authority.is_live(after["tokens"]["refresh_token"])
    assert after["from_the_future"] == before["from_the_future"]
    assert after["tokens"]["unknown_to_us"] == "kept"
    assert after["last_refresh"] > before["last_refresh"]
    assert scene.refreshes() == 1
    assert scene.machine.disk.beside() == {".journal"}


@pytest.mark.parametrize("left", [700.0, 240.0])
def test_a_token_that_ends_soon_is_used_while_the_next_one_is_fetched(left: float) -> None:
    scene = Scene(left=left)
    scene.source._early = 720.0

    async def main() -> None:
        assert (await scene.source.current()).token.reveal() == scene.alice.access
        await scene.source.drain()
        assert (await scene.source.current()).token.reveal() != scene.alice.access

    scene.run(main())
    assert scene.refreshes() == 1


def test_windows_that_meet_an_expired_token_together_refresh_it_once() -> None:
    scene = Scene()
    windows = [scene.window() for _ in range(8)]

    async def main() -> list[Bearer]:
        return await asyncio.gather(*(window.current() for window in windows))

    bearers = scene.run(main())
    assert {bearer.token.reveal() for bearer in bearers} == {
        scene.on_disk()["tokens"]["access_token"]
    }
    assert scene.refreshes() == 1


def test_a_rejected_token_is_replaced_by_the_one_another_program_has_stored() -> None:
    scene = Scene(left=3600.0)

    async def main() -> None:
        old = await scene.source.current()
        newer = scene.machine.authority.refresh(
            scene.alice.refresh, "codex", now=scene.machine.now()
        )
        assert isinstance(newer, Login)
        scene.machine.disk.put(AUTH, newer.record(at=scene.machine.now()))
        assert (await scene.source.replace(old)).token.reveal() == newer.access

    scene.run(main())
    assert scene.refreshes() == 1


def test_a_rejected_token_that_is_still_on_disk_is_refreshed() -> None:
    scene = Scene(left=3600.0)

    async def main() -> None:
        old = await scene.source.current()
        new = await asyncio.gather(scene.source.replace(old), scene.source.replace(old))
        assert new[0] == new[1] != old

    scene.run(main())
    assert scene.refreshes() == 1


@pytest.mark.parametrize("left", [3600.0, -5.0])
def test_another_account_on_disk_ends_a_replacement_without_a_request(left: float) -> None:
    scene = Scene(left=left)
    rejected = scene.bearer(scene.alice)
    scene.sign_in("bob")
    with pytest.raises(AccountSwitched, match="another account"):
        scene.run(scene.source.replace(rejected))
    assert scene.refreshes() == 0
    assert scene.on_disk()["tokens"]["account_id"] == "bob"


def test_a_sign_out_ends_a_replacement_without_a_request() -> None:
    scene = Scene()
    rejected = scene.bearer(scene.alice)
    scene.machine.disk.names.clear()
    with pytest.raises(SignedOut, match="Sign in"):
        scene.run(scene.source.replace(rejected))
    assert scene.refreshes() == 0


def test_a_request_that_was_not_sent_is_tried_again_after_a_while() -> None:
    scene = Scene(outcomes=("not sent", "not sent"))

    async def main() -> None:
        for _ in range(2):
            with pytest.raises(Offline):
                await scene.source.current()
            await asyncio.sleep(61.0)
        assert (await scene.source.current()).token.reveal() != scene.alice.access

    scene.run(main())
    assert scene.refreshes() == 1


def test_a_valid_token_is_used_while_refreshing_fails() -> None:
    scene = Scene(left=30.0, outcomes=("lost",))

    async def main() -> None:
        assert (await scene.source.current()).token.reveal() == scene.alice.access
        assert isinstance(scene.source.last_error, UnknownOutcome)

    scene.run(main())


def test_an_unknown_outcome_heals_when_the_file_changes() -> None:
    scene = Scene(outcomes=("lost",))

    async def main() -> None:
        with pytest.raises(UnknownOutcome):
            await scene.source.current()
        again = scene.sign_in("alice")
        assert (await scene.source.current()).token.reveal() == again.access

    scene.run(main())


def test_an_unknown_outcome_can_be_tried_anyway_by_hand() -> None:
    scene = Scene(outcomes=("lost before",))

    async def main() -> None:
        with pytest.raises(UnknownOutcome):
            await scene.source.current()
        assert (await scene.source.retry()).token.reveal() != scene.alice.access

    scene.run(main())
    assert len(scene.network.sent) == 2


def test_the_loser_of_a_race_waits_for_the_winner_to_save() -> None:
    scene = Scene()

    async def main() -> None:
        winner = scene.machine.authority.refresh(
            scene.alice.refresh, "codex", now=scene.machine.now()
        )
        assert isinstance(winner, Login)

        async def save() -> None:
            await asyncio.sleep(2.0)
            scene.machine.disk.put(AUTH, winner.record(at=scene.machine.now()))

        saving = asyncio.ensure_future(save())
        assert (await scene.source.current()).token.reveal() == winner.access
        await saving

    scene.run(main())


def test_a_reuse_that_nobody_won_is_one_message() -> None:
    scene = Scene()
    scene.machine.authority.refresh(scene.alice.refresh, "codex", now=scene.machine.now())
    with pytest.raises(Reused, match="Sign in again"):
        scene.run(scene.source.current())


def test_an_answer_without_a_refresh_token_keeps_the_old_one_usable() -> None:
    scene = Scene()
    login = scene.machine.authority.sign_in("alice", now=scene.machine.now())
    body = json.dumps({"access_token": login.access}).encode()

    async def main() -> None:
        world.CANNED["kept"] = world.Reply(200, {}, body)
        scene.outcomes.append("kept")
        try:
            assert (await scene.source.current()).token.reveal() == login.access
            tokens = scene.on_disk()["tokens"]
            assert tokens["refresh_token"] == scene.alice.refresh
            new = await scene.source.replace(await scene.source.current())
            assert new.token.reveal() not in (login.access, scene.alice.access)
        finally:
            del world.CANNED["kept"]

    scene.run(main())


def test_an_answer_for_another_account_is_never_stored() -> None:
    scene = Scene()
    bob = scene.machine.authority.sign_in("bob", now=scene.machine.now())
    world.CANNED["bob"] = world.reply_to(bob)
    scene.outcomes.append("bob")
    try:
        with pytest.raises(AccountSwitched, match="answered for another account"):
            scene.run(scene.source.current())
    finally:
        del world.CANNED["bob"]
    assert scene.on_disk()["tokens"]["refresh_token"] == scene.alice.refresh


def test_an_empty_file_is_busy_and_not_a_sign_out() -> None:
    scene = Scene()
    scene.machine.disk.put(AUTH, b"")
    with pytest.raises(Busy, match="half written"):
        scene.run(scene.source.current())
    assert scene.loop.now >= 1.0


def test_a_caller_that_is_cancelled_leaves_the_refresh_running() -> None:
    scene = Scene()

    async def main() -> None:
        caller = asyncio.ensure_future(scene.source.current())
        sent = asyncio.Event()
        scene.network.on_send = lambda _token: sent.set()
        await sent.wait()
        caller.cancel()
        with pytest.raises(asyncio.CancelledError):
            await caller
        await scene.source.drain()

    scene.run(main())
    assert scene.machine.authority.is_live(scene.on_disk()["tokens"]["refresh_token"])


def test_a_spent_token_that_a_backup_brought_back_is_not_sent_but_replaced() -> None:
    scene = Scene()
    backup = scene.machine.disk.get(AUTH)
    assert backup is not None

    async def main() -> None:
        good = await scene.source.current()
        scene.machine.disk.put(AUTH, backup)
        assert await scene.source.current() == good

    scene.run(main())
    assert scene.refreshes() == 1
    assert scene.machine.authority.is_live(scene.on_disk()["tokens"]["refresh_token"])


def test_a_spent_token_that_returns_to_a_window_without_its_successor_is_not_sent() -> None:
    scene = Scene()
    backup = scene.machine.disk.get(AUTH)
    assert backup is not None

    async def main() -> None:
        await scene.source.current()
        scene.machine.disk.put(AUTH, backup)
        with pytest.raises(Reused):
            await scene.window().current()

    scene.run(main())
    assert scene.refreshes() == 1


@pytest.mark.parametrize("ahead", [-600.0, 600.0, 86_400.0, -86_400.0, 20 * 86_400.0])
def test_a_clock_that_is_wrong_does_not_cause_a_refresh_for_each_request(ahead: float) -> None:
    scene = Scene(left=3600.0)
    scene.machine.clock_ahead = ahead

    async def main() -> None:
        bearer = await scene.source.current()
        if ahead < 0:
            bearer = await scene.source.replace(bearer)
        for _ in range(5):
            bearer = await scene.source.current()
            await scene.source.drain()
        assert bearer.token.reveal() == scene.on_disk()["tokens"]["access_token"]

    scene.run(main())
    assert scene.refreshes() <= 1


def test_a_pinned_source_keeps_its_account_or_ends() -> None:
    scene = Scene(left=3600.0)

    async def main() -> None:
        turn = scene.source.pinned()
        alice = await turn.current()
        bob = scene.sign_in("bob")
        assert await turn.current() == alice
        assert (await scene.source.current()).token.reveal() == bob.access
        with pytest.raises(AccountSwitched):
            await turn.replace(alice)
        await asyncio.sleep(3700.0)
        with pytest.raises(AccountSwitched):
            await turn.current()

    scene.run(main())


def test_what_others_do_is_told_within_two_seconds() -> None:
    scene = Scene(left=3600.0)
    told: list[AuthEvent] = []

    async def after(act: Callable[[], object]) -> list[str]:
        told.clear()
        act()
        await asyncio.sleep(2.0)
        return [event.kind for event in told]

    async def main() -> None:
        watching = asyncio.ensure_future(scene.source.watch(told.append))
        await asyncio.sleep(1.0)
        assert await after(lambda: scene.sign_in("bob")) == ["switched"]
        assert told[0].status.email == "bob@example.invalid"
        assert await after(lambda: scene.sign_in("bob")) == ["refreshed"]
        assert await after(lambda: scene.machine.disk.names.pop(str(AUTH))) == ["signedOut"]
        assert await after(lambda: scene.machine.disk.put(AUTH, b"")) == []
        assert await after(lambda: scene.sign_in("alice")) == ["signedIn"]
        watching.cancel()

    scene.run(main())


def test_idle_windows_refresh_once_in_good_time() -> None:
    scene = Scene(left=3600.0)
    windows = [scene.window() for _ in range(4)]

    async def main() -> None:
        watching = [asyncio.ensure_future(w.watch(lambda _event: None)) for w in windows]
        await asyncio.sleep(3600.0 - 600.0)
        for task in watching:
            task.cancel()

    scene.run(main())
    assert scene.refreshes() == 1
    assert scene.machine.authority.is_live(scene.on_disk()["tokens"]["refresh_token"])


def test_an_api_key_is_used_and_never_refreshed() -> None:
    scene = Scene()
    scene.machine.disk.put(AUTH, b'{"auth_mode": "apikey", "OPENAI_API_KEY": "sk-test-1"}')

    async def main() -> None:
        bearer = await scene.source.current()
        assert (bearer.kind, bearer.token.reveal(), bearer.account_id) == (
            "api_key",
            "sk-test-1",
            None,
        )
        with pytest.raises(Refused, match="API key"):
            await scene.source.replace(bearer)

    scene.run(main())


def test_signing_out_and_in_is_seen_by_every_window() -> None:
    scene = Scene(left=3600.0)
    other = scene.window()

    async def main() -> None:
        assert await scene.source.sign_out() is not None
        with pytest.raises(SignedOut):
            await other.current()
        login = scene.machine.authority.sign_in("bob", now=scene.machine.now())
        await other.sign_in(login.record(at=scene.machine.now()))
        assert (await scene.source.current()).token.reveal() == login.access
        status = await scene.source.status()
        assert (status.kind, status.email, status.plan) == ("chatgpt", "bob@example.invalid", "pro")

    scene.run(main())
