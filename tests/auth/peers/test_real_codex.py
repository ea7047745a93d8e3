"""Beside the real, unmodified Codex CLI: one file, both read and write it, neither harms the other.

What Codex's own processes do to each other is counted and printed, not judged.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.auth.peers.real_codex import Place, app_servers, place, run_codex
from tests.auth.peers.windows import ROOT, Windows
from tests.doubles.minted import ALICE, BOB
from tests.e2e.tools import require

EXPIRIES = round(20 * float(os.environ.get("CODEX_LSP_CAMPAIGN", "1")))
pytestmark = [pytest.mark.codex, pytest.mark.timeout(300 + 10 * EXPIRIES)]
LIFETIME = 3600.0
CODEX_EARLY = 300.0  # seconds before expiry at which Codex refreshes


async def ask(windows: Windows, command: str) -> list[str]:
    """All windows at once, while this loop goes on serving."""
    return await asyncio.to_thread(windows.ask, command)


async def run_ours(where: Place, *words: str, stdin: str = "") -> tuple[int, str]:
    """One command of `codex-lsp`: its exit code and all that it printed."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "codex_lsp",
        *words,
        env=where.environ
        | {"PYTHONPATH": str(ROOT), "CODEX_APP_SERVER_LOGIN_ISSUER": where.authority_url},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    out, _ = await process.communicate(stdin.encode())
    assert process.returncode is not None
    return process.returncode, out.decode()


def put_sign_in(where: Place, *, ends_in: float = LIFETIME) -> None:
    """A sign-in of Alice whose access token has that many seconds left of its hour."""
    where.authority.clock_offset = ends_in - LIFETIME
    record = where.authority.sign_in().auth_json(last_refresh="2026-11-22T12:00:00Z")
    where.file.write_text(json.dumps(record, indent=2))
    where.authority.clock_offset = 0.0


def sent_by_codex(where: Place) -> Counter[str]:
    return Counter(r.token for r in where.authority.refreshes if r.origin.startswith("codex_"))


def sent_by_us(where: Place) -> Counter[str]:
    return Counter(r.token for r in where.authority.refreshes if not r.origin.startswith("codex_"))


async def test_four_windows_and_four_app_servers_live_through_twenty_expiries(
    tmp_path: Path,
) -> None:
    codex = require("codex")
    failed: Counter[str] = Counter()
    async with place(tmp_path) as where:
        put_sign_in(where)
        async with app_servers(codex, where, 4) as servers:
            with Windows(where.home, 4, where.authority_url) as windows:
                assert {await server.turn() for server in servers} == {"completed"}
                await ask(windows, "current")
                for number in range(EXPIRIES):
                    where.authority.delay = 0.1 * (number % 2)
                    where.authority.expire_access()
                    turns = asyncio.gather(*(server.turn() for server in servers))
                    ours, theirs = await asyncio.gather(ask(windows, "reject"), turns)
                    assert set(ours) <= where.authority.accepted(), f"expiry {number}: {ours}"
                    assert where.authority.is_live(where.tokens["refresh_token"])
                    failed.update(said for said in theirs if said != "completed")
                    await ask(windows, "drain")
        collisions = sent_by_us(where).keys() & sent_by_codex(where).keys()
        assert max(sent_by_us(where).values(), default=1) == 1, "we spent a token twice"
        print(
            f"{EXPIRIES} expiries: {sent_by_us(where).total()} refreshes by us, "
            f"{sent_by_codex(where).total()} by Codex, {len(collisions)} collisions, "
            f"{failed.total()} turns of Codex failed {dict(failed)}"
        )


async def test_idle_windows_keep_the_tokens_fresh_for_codex(tmp_path: Path) -> None:
    """A Codex with nobody of ours around refreshes itself: else this would show nothing."""
    codex = require("codex")
    (tmp_path / "alone").mkdir()
    (tmp_path / "together").mkdir()
    async with place(tmp_path / "alone") as alone, place(tmp_path / "together") as together:
        ends = time.time() + CODEX_EARLY + 25
        for where in (alone, together):
            put_sign_in(where, ends_in=CODEX_EARLY + 25)
        async with (
            app_servers(codex, alone, 1) as lonely,
            app_servers(codex, together, 2) as servers,
        ):
            for server in (*lonely, *servers):
                assert await server.turn() == "completed"
            assert sent_by_codex(alone) == sent_by_codex(together) == Counter()
            with Windows(together.home, 2, together.authority_url) as windows:
                await ask(windows, "watch")
                async with asyncio.timeout(30):
                    while not together.authority.refreshes:  # noqa: ASYNC110 - it tells nobody
                        await asyncio.sleep(0.1)
                await asyncio.sleep(max(0.0, ends - CODEX_EARLY + 1 - time.time()))
                for server in (*lonely, *servers):
                    assert await server.turn() == "completed"
        assert sent_by_codex(alone).total() >= 1
        assert sent_by_codex(together).total() == 0
        assert sent_by_us(together).total() == 1


async def test_each_reads_what_the_other_writes(tmp_path: Path) -> None:
    codex = require("codex")
    async with place(tmp_path) as where:
        with Windows(where.home, 1, where.authority_url) as windows:
            # Codex signs in, and writes keys that we do not know.
            code, said = await device_sign_in(codex, where)
            assert code == 0, said
            unknown = set(where.tokens) - {"id_token", "access_token", "refresh_token"}
            assert {"login_owner_id", "account_id"} <= unknown
            assert await ask(windows, "who") == [f"chatgpt {ALICE.email}"]
            before = where.tokens
            # We refresh; what we do not know is still there, and Codex reads it.
            await ask(windows, "current")
            where.authority.expire_access()
            assert set(await ask(windows, "reject")) == where.authority.accepted()
            after = where.tokens
            assert after["refresh_token"] != before["refresh_token"]
            assert {k: after[k] for k in unknown} == {k: before[k] for k in unknown}
            async with app_servers(codex, where, 1) as (server,):
                assert await server.signed_in_as() == ALICE.email
                assert await server.turn() == "completed"
                # Codex refreshes, and we read that.
                where.authority.expire_access()
                assert await server.turn() == "completed"
            assert sent_by_codex(where).total() == 1
            assert set(await ask(windows, "current")) == where.authority.accepted()
            # An API key, either way round.
            code, said = await run_codex(codex, where, "login", "--with-api-key", stdin="sk-1")
            assert code == 0, said
            assert await ask(windows, "who") == ["apiKey None"]
            code, said = await run_ours(where, "login", "--with-api-key", stdin="sk-2")
            assert code == 0, said
            assert "API key" in (await run_codex(codex, where, "login", "status"))[1]


async def test_signing_in_switching_and_signing_out_is_seen_by_the_other(tmp_path: Path) -> None:
    codex = require("codex")
    async with place(tmp_path) as where:
        with Windows(where.home, 2, where.authority_url) as windows:
            assert await ask(windows, "current") == ["!signedOut"] * 2
            # We sign in; Codex is signed in.
            assert (await run_ours(where, "login", "--device-auth"))[0] == 0
            code, said = await run_codex(codex, where, "login", "status")
            assert (code, "ChatGPT" in said) == (0, True), said
            assert set(await ask(windows, "current")) == where.authority.accepted()
            async with app_servers(codex, where, 1) as (server,):
                assert await server.turn() == "completed"
                # We switch; a running Codex does not go on with the wrong account's tokens.
                where.authority.person = BOB
                assert (await run_ours(where, "login", "--device-auth"))[0] == 0
                where.authority.expire_access()
                bob = where.file.read_bytes()
                assert await ask(windows, "reject") == ["!accountSwitched"] * 2
                assert "another account" in await server.turn()
                assert where.file.read_bytes() == bob
                assert where.authority.refreshes == []
            assert await ask(windows, "who") == [f"chatgpt {BOB.email}"] * 2
            # We sign out; so is Codex.
            assert (await run_ours(where, "logout"))[0] == 0
            assert (await run_codex(codex, where, "login", "status"))[0] != 0
            # Codex signs in and out; so are we.
            assert (await device_sign_in(codex, where))[0] == 0
            assert await ask(windows, "who") == [f"chatgpt {BOB.email}"] * 2
            assert (await run_codex(codex, where, "logout"))[0] == 0
            assert await ask(windows, "current") == ["!signedOut"] * 2


async def device_sign_in(codex: Path, where: Place) -> tuple[int, str]:
    """`codex login` where nobody needs a browser."""
    issuer = where.authority_url
    return await run_codex(codex, where, "login", "--device-auth", "--experimental_issuer", issuer)
