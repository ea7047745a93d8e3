"""The authority double is held to what the real Codex CLI sent and got, and to its own promises."""

from __future__ import annotations

import contextlib
import json
import urllib.parse
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.doubles.authority import (
    OUTCOMES,
    Authority,
    ReusePolicy,
    authority_process,
    serving,
)
from tests.doubles.minted import ALICE, BOB, CAROL, claims_of

CAPTURES = Path(__file__).parents[1] / "golden" / "captures"


def capture(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((CAPTURES / f"{name}.json").read_text())
    return loaded


async def post_as_captured(
    url: str, request: dict[str, Any], **replaced: str
) -> tuple[int, dict[str, Any]]:
    """Send a captured request with its redacted values filled in."""
    body = request["body"] | replaced
    headers = {k: v for k, v in request["headers"] if k in {"content-type", "originator"}}
    is_form = headers.get("content-type") == "application/x-www-form-urlencoded"
    async with browser() as client:
        reply = await client.post(
            url + request["path"],
            headers=headers,
            content=urllib.parse.urlencode(body) if is_form else json.dumps(body),
        )
    return reply.status_code, reply.json()


def browser() -> httpx.AsyncClient:
    """A client without the cost of loading the certificates of the world."""
    return httpx.AsyncClient(trust_env=False, verify=False)


def refresh_body(token: str) -> dict[str, str]:
    return {"client_id": "x", "grant_type": "refresh_token", "refresh_token": token}


async def refresh(url: str, token: str) -> httpx.Response:
    async with browser() as client:
        return await client.post(f"{url}/oauth/token", json=refresh_body(token))


async def test_a_captured_refresh_is_answered_in_the_captured_shape() -> None:
    seen = capture("refresh")
    authority = Authority()
    issued = authority.sign_in()
    async with serving(authority) as url:
        status, reply = await post_as_captured(
            url, seen["requests"][0], refresh_token=issued.refresh_token
        )
    assert status == 200
    assert sorted(reply) == sorted(seen["response_shape"])
    access, identity = claims_of(reply["access_token"]), claims_of(reply["id_token"])
    assert access.keys() == seen["fake_access_token_claims"].keys()
    assert identity.keys() == seen["fake_id_token_claims"].keys()
    for name in ("https://api.openai.com/auth", "https://api.openai.com/profile"):
        assert access[name] == seen["fake_access_token_claims"][name]
    assert issued.auth_json().keys() == seen["auth_json_before"].keys()
    assert issued.auth_json()["tokens"].keys() == seen["auth_json_before"]["tokens"].keys()
    assert authority.refreshes[0].origin == "codex_exec"
    assert authority.refreshes[0].reason == "proactive_expiry"


async def test_a_captured_refusal_names_the_captured_code() -> None:
    said = capture("refresh-refused")["authority_says"]
    authority = Authority()
    authority.script("invalidated_401")
    async with serving(authority) as url:
        reply = await refresh(url, authority.sign_in().refresh_token)
    assert f"{reply.json()['error']['code']} ({reply.status_code})" == said


async def test_a_captured_browser_sign_in_goes_through() -> None:
    seen = capture("login-browser")
    authorize, exchange, api_key = seen["requests"]
    authority = Authority()
    async with serving(authority) as url, browser() as person:
        reply = await person.get(url + authorize["path"], params=authorize["query"])
        assert reply.status_code == seen["browser_chain"][0]["status"]
        back = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(reply.headers["location"]).query))
        assert back.keys() == {"code", "scope", "state"}
        assert back["state"] == authorize["query"]["state"]
        status, tokens = await post_as_captured(url, exchange, code=back["code"])
        assert status == 200
        status, key = await post_as_captured(url, api_key, subject_token=tokens["id_token"])
        assert status == 200
        assert key["access_token"].startswith("sk-")
        again, _ = await post_as_captured(url, exchange, code=back["code"])
        assert again == 400  # a code works once


async def test_a_code_is_worth_nothing_without_its_verifier() -> None:
    authorize, exchange, _ = capture("login-browser")["requests"]
    async with serving(Authority()) as url, browser() as person:
        reply = await person.get(url + authorize["path"], params=authorize["query"])
        code = httpx.URL(reply.headers["location"]).params["code"]
        status, _ = await post_as_captured(url, exchange, code=code, code_verifier="guessed")
    assert status == 400


async def test_a_captured_device_sign_in_goes_through() -> None:
    seen = capture("login-device-code")
    usercode, *polls, exchange = seen["requests"]
    authority = Authority()
    authority.person = BOB
    authority.device_answers = ["pending", "pending_404", "pending"]
    async with serving(authority) as url:
        status, device = await post_as_captured(url, usercode)
        assert status == 200
        assert device["interval"].isdigit()  # a string of seconds
        statuses = []
        for poll in polls:
            status, grant = await post_as_captured(
                url,
                poll,
                device_auth_id=device["device_auth_id"],
                user_code=device["user_code"],
            )
            statuses.append(status)
        assert statuses == [403, 404, 403, 200]
        status, tokens = await post_as_captured(
            url,
            exchange,
            code=grant["authorization_code"],
            code_verifier=grant["code_verifier"],
            redirect_uri=f"{url}/deviceauth/callback",
        )
    assert status == 200
    assert claims_of(tokens["id_token"])["email"] == BOB.email


async def test_a_captured_logout_ends_the_family() -> None:
    seen = capture("logout")["requests"][0]
    authority = Authority()
    issued = authority.sign_in()
    async with serving(authority) as url:
        status, _ = await post_as_captured(url, seen, token=issued.refresh_token)
        assert status == 200
        reply = await refresh(url, issued.refresh_token)
    assert reply.json()["error"]["code"] == "refresh_token_invalidated"
    assert authority.revoked == [issued.refresh_token]
    assert not authority.accepts(issued.access_token)


@pytest.mark.parametrize(
    ("policy", "second", "successor_lives"),
    [("refuse", 401, True), ("revoke", 401, False), ("forgive", 200, True)],
)
async def test_reuse_policy(policy: ReusePolicy, second: int, successor_lives: bool) -> None:
    authority = Authority(reuse=policy)
    first = authority.sign_in().refresh_token
    async with serving(authority) as url:
        fresh = (await refresh(url, first)).json()["refresh_token"]
        assert (await refresh(url, first)).status_code == second
    assert authority.is_live(fresh) is successor_lives
    assert authority.stats()["reuses"] == 1
    assert [request.token for request in authority.refreshes] == [first, first]


@pytest.mark.parametrize("name", sorted(OUTCOMES))
async def test_an_outcome_commits_exactly_when_it_says_so(name: str) -> None:
    authority = Authority()
    token = authority.sign_in().refresh_token
    authority.script(name)
    breaks = OUTCOMES[name].kind in {"reset", "stall", "truncated"}
    async with serving(authority) as url, browser() as client:
        timeout = httpx.Timeout(5, read=0.3 if OUTCOMES[name].kind == "stall" else 5)
        with pytest.raises(httpx.TransportError) if breaks else contextlib.nullcontext():
            reply = await client.post(
                f"{url}/oauth/token", json=refresh_body(token), timeout=timeout
            )
            assert reply.status_code == (OUTCOMES[name].status if name != "redirect" else 307)
        assert authority.is_live(token) is not OUTCOMES[name].commits
        assert len(authority.refreshes) == 1


async def test_the_clock_expires_access_tokens() -> None:
    authority = Authority(lifetime=600)
    issued = authority.sign_in(CAROL)
    assert authority.accepts(issued.access_token)
    authority.clock_offset = 601
    assert not authority.accepts(issued.access_token)
    assert claims_of(issued.access_token)["exp"] < authority.now()


def test_real_processes_can_share_one() -> None:
    with authority_process(reuse="revoke") as authority:
        issued = authority.sign_in("alice")
        assert issued.person == ALICE
        first = httpx.post(
            f"{authority.url}/oauth/token",
            json=refresh_body(issued.refresh_token),
            headers={"originator": "someone"},
            trust_env=False,
            verify=False,
        )
        assert authority.is_live(first.json()["refresh_token"])
        assert authority.stats()["rotations"] == 1
        assert authority.stats()["log"][0][1:] == ["someone", "rotated"]
