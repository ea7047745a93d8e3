"""Signing in with a browser: against a real authority on loopback, through real sockets."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import socket
from pathlib import Path

import pytest

from codex_lsp.auth.login import browser
from codex_lsp.auth.login.failures import (
    AlreadyUnderWay,
    Cancelled,
    DeadlinePassed,
    Denied,
    NotAllowed,
    PortsTaken,
    SignInFailed,
)
from codex_lsp.auth.login.grant import SignedIn
from codex_lsp.auth.login.turnstile import only_sign_in
from codex_lsp.auth.record import ChatGpt, read_record
from tests.auth.login.person import BrowserFlow, Kept, browser_flow, desk_at, get, on_ports
from tests.doubles.authority import Authority
from tests.doubles.minted import ALICE, BOB

CAPTURED = Path(__file__).parents[2] / "golden" / "captures" / "login-browser.json"


async def finish(flow: BrowserFlow) -> SignedIn:
    page = await get(await flow.approve())
    assert page.status_code == 200
    assert "You are signed in" in page.text
    return await flow.task


async def test_a_sign_in_is_kept_and_then_the_browser_says_so(tmp_path: Path) -> None:
    authority = Authority()
    async with desk_at(authority, tmp_path) as desk, browser_flow(desk) as flow:
        signed_in = await finish(flow)
        assert flow.kept.logins == [signed_in]
    assert authority.is_live(signed_in.refresh_token.reveal())
    record = read_record(signed_in.document(now=1.0)).record
    assert isinstance(record, ChatGpt)
    assert (record.identity.account, record.identity.user) == (ALICE.account_id, ALICE.user_id)
    assert not record.mixed


async def test_the_authority_is_asked_what_the_real_cli_asks(tmp_path: Path) -> None:
    captured = json.loads(CAPTURED.read_text())
    authority = Authority()
    async with desk_at(authority, tmp_path) as desk, browser_flow(desk) as flow:
        await finish(flow)
        ours, theirs = flow.query, captured["authorize_query"]
    assert ours.keys() == theirs.keys()
    same = ours.keys() - {"redirect_uri", "code_challenge", "state", "originator"}
    assert {k: ours[k] for k in same} == {k: theirs[k] for k in same}
    assert ours["redirect_uri"] == f"http://127.0.0.1:{flow.port}/auth/callback"
    exchange = authority.requests[1]
    assert exchange.body.keys() == captured["requests"][1]["body"].keys()
    assert exchange.content_type == "application/x-www-form-urlencoded"


async def test_the_challenge_is_the_hash_of_a_verifier_that_only_the_exchange_tells(
    tmp_path: Path,
) -> None:
    authority = Authority()
    async with desk_at(authority, tmp_path) as desk, browser_flow(desk) as flow:
        await finish(flow)
    verifier = authority.requests[1].body["code_verifier"]
    digest = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest())
    assert digest.rstrip(b"=").decode() == flow.query["code_challenge"]
    assert len(verifier) >= 43  # RFC 7636
    assert verifier not in flow.url


async def test_no_two_sign_ins_share_a_state_or_a_challenge(tmp_path: Path) -> None:
    seen: set[str] = set()
    async with desk_at(Authority(), tmp_path) as desk:
        for _ in range(3):
            async with browser_flow(desk) as flow:
                seen |= {flow.state, flow.query["code_challenge"]}
    assert len(seen) == 6


@pytest.mark.parametrize("state", ["", "guessed", "SWAPPED CASE"])
async def test_without_our_state_nothing_happens(tmp_path: Path, state: str) -> None:
    authority = Authority()
    async with desk_at(authority, tmp_path) as desk, browser_flow(desk) as flow:
        wrong = flow.state.swapcase() if state == "SWAPPED CASE" else state
        assert (await flow.come_back(code="stolen", state=wrong)).status_code == 400
        assert (await flow.come_back(error="access_denied", state=wrong)).status_code == 400
        assert not flow.task.done()
        assert authority.requests == []  # no code of a stranger is redeemed
        await finish(flow)  # and the person can still come back
        assert len(flow.kept.logins) == 1


async def test_the_authority_may_append_its_entry_point_to_the_state(tmp_path: Path) -> None:
    async with desk_at(Authority(), tmp_path) as desk, browser_flow(desk) as flow:
        url = await flow.approve()
        marked = f"{flow.state}.onboarding_entrypoint=life_sciences"
        assert (await get(url.replace(flow.state, marked))).status_code == 200
        await flow.task


async def test_a_code_is_taken_once(tmp_path: Path) -> None:
    entered, leave = asyncio.Event(), asyncio.Event()

    class SlowKept(Kept):
        async def __call__(self, signed_in: SignedIn) -> None:
            entered.set()
            await leave.wait()

    authority = Authority()
    async with desk_at(authority, tmp_path) as desk, browser_flow(desk, kept=SlowKept()) as flow:
        url = await flow.approve()
        first = asyncio.create_task(get(url))
        await entered.wait()
        assert (await get(url)).status_code == 400
        leave.set()
        assert "You are signed in" in (await first).text
        await flow.task
    assert [r.path for r in authority.requests].count("/oauth/token") == 1


async def test_a_store_that_fails_is_not_called_a_sign_in(tmp_path: Path) -> None:
    class FullDisk(Kept):
        async def __call__(self, signed_in: SignedIn) -> None:
            raise OSError("no space")

    async with desk_at(Authority(), tmp_path) as desk, browser_flow(desk, kept=FullDisk()) as flow:
        page = await get(await flow.approve())
        assert "did not go through" in page.text
        with pytest.raises(OSError, match="no space"):
            await flow.task


async def test_pages_are_constant_and_repeat_nothing_of_the_request(tmp_path: Path) -> None:
    pages: set[str] = set()
    async with desk_at(Authority(), tmp_path) as desk:
        for _ in range(2):
            async with browser_flow(desk) as flow:
                hostile = "<script>alert(1)</script>"
                wrong = await flow.come_back(code=hostile, state=hostile, error=hostile)
                assert "script" not in wrong.text
                page = await get(await flow.approve())
                signed_in = await flow.task
                assert "location" not in page.headers
                assert signed_in.id_token.reveal() not in page.text + str(page.url)
                assert page.headers["cache-control"] == "no-store"
                assert page.headers["referrer-policy"] == "no-referrer"
                assert "default-src 'none'" in page.headers["content-security-policy"]
                pages |= {page.text}
    assert len(pages) == 1


@pytest.mark.parametrize(
    ("error", "description", "word"),
    [
        ("access_denied", "", "declined"),
        ("access_denied", "missing_codex_entitlement", "plan"),
        ("server_error", "<b>broken</b>", "server_error"),
    ],
)
async def test_a_no_from_the_authority_ends_it(
    tmp_path: Path, error: str, description: str, word: str
) -> None:
    async with desk_at(Authority(), tmp_path) as desk, browser_flow(desk) as flow:
        page = await flow.come_back(state=flow.state, error=error, error_description=description)
        assert "did not go through" in page.text
        with pytest.raises(Denied, match=word):
            await flow.task
        assert flow.kept.logins == []


async def test_the_authority_itself_can_send_the_no(tmp_path: Path) -> None:
    authority = Authority()
    authority.denies = "access_denied"
    async with desk_at(authority, tmp_path) as desk, browser_flow(desk) as flow:
        await get(await flow.approve())
        with pytest.raises(Denied):
            await flow.task


async def test_coming_back_without_a_code_ends_it(tmp_path: Path) -> None:
    async with desk_at(Authority(), tmp_path) as desk, browser_flow(desk) as flow:
        assert (await flow.come_back(state=flow.state)).status_code == 400
        with pytest.raises(SignInFailed, match="without a code"):
            await flow.task


async def test_a_code_that_the_authority_does_not_know_ends_it(tmp_path: Path) -> None:
    async with desk_at(Authority(), tmp_path) as desk, browser_flow(desk) as flow:
        page = await flow.come_back(state=flow.state, code="ac_replayed")
        assert "did not go through" in page.text
        with pytest.raises(Denied, match=r"Bad code\."):
            await flow.task


async def test_an_unreachable_authority_is_named_as_that(tmp_path: Path) -> None:
    async with desk_at(Authority(), tmp_path) as desk:
        pass  # its server is gone now
    async with browser_flow(desk) as flow:
        await flow.come_back(state=flow.state, code="ac_good")
        with pytest.raises(SignInFailed, match="did not get through"):
            await flow.task


async def test_other_paths_methods_and_hosts_change_nothing(tmp_path: Path) -> None:
    async with desk_at(Authority(), tmp_path) as desk, browser_flow(desk) as flow:
        base = f"http://127.0.0.1:{flow.port}"
        assert (await get(f"{base}/")).status_code == 404
        assert (await get(f"{base}/success?id_token=x")).status_code == 404
        rebound = f"{base}/auth/callback?state={flow.state}&code=x"
        assert (await get(rebound, Host="evil.example:1455")).status_code == 400
        assert (await get(f"{base}/cancel", Host="evil.example")).status_code == 400
        page = {"Sec-Fetch-Site": "cross-site"}  # what a browser adds for any web page
        assert (await get(f"{base}/cancel", **page)).status_code == 404
        reader, writer = await asyncio.open_connection("127.0.0.1", flow.port)
        writer.write(b"POST /auth/callback HTTP/1.1\r\n\r\n")
        assert (await reader.read()).startswith(b"HTTP/1.1 400")
        writer.close()
        assert not flow.task.done()
        await finish(flow)


@pytest.mark.parametrize("noise", [b"\x16\x03\x01\x02\x00", b"GET " + b"x" * 40_000, b""])
async def test_noise_on_the_port_does_not_end_it(tmp_path: Path, noise: bytes) -> None:
    async with desk_at(Authority(), tmp_path) as desk, browser_flow(desk) as flow:
        _, writer = await asyncio.open_connection("127.0.0.1", flow.port)
        writer.write(noise)
        writer.close()
        await finish(flow)


async def test_both_loopback_families_are_answered(tmp_path: Path) -> None:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("no IPv6 here")
    async with desk_at(Authority(), tmp_path) as desk, browser_flow(desk) as flow:
        assert (await get(f"http://[::1]:{flow.port}/")).status_code == 404
        assert (await get(f"http://127.0.0.1:{flow.port}/")).status_code == 404
        url = await flow.approve()
        assert (await get(url.replace("127.0.0.1", "[::1]"))).status_code == 200
        await flow.task


async def test_the_second_port_serves_when_the_first_is_taken(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = other.getsockname()[1]
        async with (
            desk_at(Authority(), tmp_path) as desk,
            browser_flow(on_ports(desk, taken, 0)) as flow,
        ):
            assert flow.port != taken
            await finish(flow)


async def test_taken_ports_are_a_clear_word_and_name_the_other_way(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = other.getsockname()[1]
        async with desk_at(Authority(), tmp_path) as desk:
            with pytest.raises(PortsTaken, match=rf"{taken}.*--device-auth"):
                async with browser_flow(on_ports(desk, taken)):
                    pass


async def test_an_earlier_sign_in_on_the_port_is_asked_to_end(tmp_path: Path) -> None:
    """The Codex CLI in a home of its own, say: it knows the port, and not our lock."""
    async with (
        desk_at(Authority(), tmp_path / "one") as desk,
        desk_at(Authority(), tmp_path / "two") as other,
        browser_flow(desk) as first,
        browser_flow(on_ports(other, first.port)) as second,
    ):
        with pytest.raises(Cancelled, match="newer one"):
            await first.task
        assert second.port == first.port
        await finish(second)


async def test_two_windows_at_once_end_with_one_sign_in(tmp_path: Path) -> None:
    authority = Authority()
    async with (
        desk_at(authority, tmp_path) as desk,
        browser_flow(desk) as first,
        browser_flow(on_ports(desk, first.port)) as second,
    ):
        with pytest.raises(Cancelled):
            await first.task
        await finish(second)
        assert (len(first.kept.logins), len(second.kept.logins)) == (0, 1)
    assert [r.path for r in authority.requests].count("/oauth/token") == 1


async def test_a_window_that_does_not_let_go_is_named(tmp_path: Path) -> None:
    async def nobody_listens() -> None:
        pass

    lock = tmp_path / "login.lock"
    async with only_sign_in(lock, ask_to_end=nobody_listens):
        with pytest.raises(AlreadyUnderWay, match="another window"):
            async with only_sign_in(lock, ask_to_end=nobody_listens, patience=0.2):
                pass
    async with only_sign_in(lock, ask_to_end=nobody_listens, patience=0.2):
        pass  # it is free again


async def test_it_gives_up_after_its_deadline_and_frees_the_port(tmp_path: Path) -> None:
    async with desk_at(Authority(), tmp_path) as desk:
        async with browser_flow(desk, deadline=0.05) as flow:
            with pytest.raises(DeadlinePassed):
                await flow.task
        async with browser_flow(on_ports(desk, flow.port)) as again:
            await finish(again)


async def test_cancelling_it_frees_port_and_lock(tmp_path: Path) -> None:
    async with desk_at(Authority(), tmp_path) as desk:
        async with browser_flow(desk) as flow:
            flow.task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await flow.task
        async with browser_flow(on_ports(desk, flow.port)) as again:
            await finish(again)


async def test_the_one_who_shows_the_address_can_end_it(tmp_path: Path) -> None:
    async def declines(url: str) -> None:
        raise Cancelled("The person closed the question.")

    async with desk_at(Authority(), tmp_path) as desk:
        with pytest.raises(Cancelled, match="closed"):
            await browser.sign_in(desk, open_url=declines, keep=Kept())


async def test_a_question_still_open_ends_with_the_sign_in(tmp_path: Path) -> None:
    ended = asyncio.Event()
    shown: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def asks(url: str) -> None:
        shown.set_result(url)
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    async with desk_at(Authority(), tmp_path) as desk:
        task = asyncio.create_task(browser.sign_in(desk, open_url=asks, keep=Kept()))
        await get((await get(await shown)).headers["location"])
        await task
    assert ended.is_set()


async def test_a_forced_api_key_stops_it_before_anything_is_shown(tmp_path: Path) -> None:
    authority = Authority()
    async with desk_at(authority, tmp_path, forced_method="api") as desk:
        with pytest.raises(NotAllowed, match="forced_login_method"):
            async with browser_flow(desk):
                pass
    assert authority.requests == []


async def test_forced_workspaces_are_asked_for_and_checked(tmp_path: Path) -> None:
    authority = Authority()
    allowed = frozenset({ALICE.account_id, "another"})
    async with desk_at(authority, tmp_path, forced_workspaces=allowed) as desk:
        async with browser_flow(desk) as flow:
            assert flow.query["allowed_workspace_id"] == f"{ALICE.account_id},another"
            await finish(flow)
        authority.person = BOB
        async with browser_flow(desk) as flow:
            page = await get(await flow.approve())
            assert "did not go through" in page.text
            with pytest.raises(NotAllowed, match="workspace"):
                await flow.task
            assert flow.kept.logins == []
