"""Signing in from the editor, seen by every window, whatever the editor can show."""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.doubles.authority import RemoteAuthority, authority_process
from tests.doubles.editor_client import EditorClient, editing
from tests.doubles.minted import ALICE
from tests.doubles.model_rules import Rule, mends
from tests.doubles.model_script import Gate, Patch, Reasoning, Turn
from tests.doubles.model_service import ModelService
from tests.e2e.test_commands import session
from tests.e2e.tools import REPO

BROKEN = "def twice(n):\n    retrun n * 2\n"
RULE = Rule("twice.py", "    retrun n * 2", "    return n * 2")


class World:
    """One home, one authority, one model service, any number of windows."""

    def __init__(self, folder: Path, authority: RemoteAuthority, service: ModelService) -> None:
        self.folder = folder
        self.authority = authority
        self.service = service
        self.home = folder / "home"
        self.home.mkdir()
        (self.home / "config.toml").write_text(f'openai_base_url = "{service.base_url}"\n')
        self._windows = AsyncExitStack()

    async def window(self, name: str, **traits: Any) -> EditorClient:
        work = self.folder / f"work-{name}"
        work.mkdir(exist_ok=True)
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("CODEX_", "OPENAI_"))}
        env = kept | {
            "CODEX_HOME": str(self.home),
            "CODEX_APP_SERVER_LOGIN_ISSUER": self.authority.url,
            "CODEX_REFRESH_TOKEN_URL_OVERRIDE": f"{self.authority.url}/oauth/token",
            "XDG_STATE_HOME": str(self.folder / "state"),
            "PYTHONPATH": str(REPO),
        }
        command = [sys.executable, "-m", "codex_lsp", "serve"]
        return await self._windows.enter_async_context(editing(name, work, command, env, **traits))

    async def aclose(self) -> None:
        await self._windows.aclose()

    async def fix(self, client: EditorClient) -> None:
        """Ask for the fix and wait for the end of the task."""
        path = client.editor.workspace / "twice.py"
        document = client.editor.open(path, BROKEN)
        actions = await client.code_actions(document, BROKEN.index("retrun"))
        fix = next(action for action in actions if action.title.startswith("Codex: fix"))
        token = (await client.run(fix))["taskId"]
        await client.until(
            lambda: (client.editor.progress.get(token) or [{}])[-1].get("kind") == "end",
            "the end of the fix",
        )


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with ModelService(mends([RULE])) as service:
        with authority_process() as authority:
            world = World(tmp_path, authority, service)
            try:
                yield world
            finally:
                await world.aclose()


def said(client: EditorClient, part: str) -> list[dict[str, Any]]:
    return [message for message in client.editor.messages if part in message["message"]]


async def test_whoever_is_not_signed_in_is_asked_once_and_the_other_window_knows(
    world: World,
) -> None:
    world.authority.set(device_answers=["pending"])
    chosen: list[str] = []

    def choose(message: str, titles: Sequence[str]) -> str | None:
        chosen.append(message)
        return "Sign in with a code" if "Sign in with a code" in titles else None

    first = await world.window("helix-25.07")
    second = await world.window("emacs-eglot")
    first.editor.choose = choose
    await world.fix(first)
    await first.until(lambda: said(first, f"Signed in as {ALICE.email}"), "the sign-in")
    assert len([message for message in chosen if "/codex/device" in message]) == 1
    await world.fix(second)
    assert len(world.service.requests) == 1
    authorization = world.service.requests[0].headers["authorization"]
    assert authorization.startswith("Bearer ")
    assert not said(second, "Sign in")
    await first.execute("codex.auth.logout")
    await second.until(lambda: said(second, "Signed out"), "the news of the sign-out")
    assert not (world.home / "auth.json").exists()


async def test_an_editor_without_questions_is_told_what_to_do(world: World) -> None:
    world.authority.set(device_answers=["pending"])
    client = await world.window("helix-25.01")
    await world.fix(client)
    await client.until(lambda: said(client, "codex.auth.login"), "what to do")
    await world.fix(client)
    assert len(said(client, "codex.auth.login")) == 1
    await client.execute("codex.auth.loginDevice")
    await client.until(lambda: said(client, "/codex/device"), "the code")
    await client.until(lambda: said(client, f"Signed in as {ALICE.email}"), "the sign-in")
    await world.fix(client)
    assert len(world.service.requests) == 1


async def test_a_thin_client_signs_in_by_request(world: World) -> None:
    client = await world.window("vscode-1.139.1-languageclient-11")
    read = await client.ask("codex/account/read", {})
    assert read == {"account": None, "requiresOpenaiAuth": True, "message": "Signed out."}
    started = await client.ask("codex/account/login/start", {"type": "chatgptDeviceCode"})
    assert started["type"] == "chatgptDeviceCode"
    assert started["verificationUrl"].endswith("/codex/device")
    await client.until(lambda: not client.editor.unended(), "the end of the sign-in")
    read = await client.ask("codex/account/read", {})
    assert read["account"] == {"type": "chatgpt", "email": ALICE.email, "planType": "pro"}
    assert await client.ask("codex/account/logout", {}) == {}
    key = {"type": "apiKey", "apiKey": "sk-proj-canary"}
    assert await client.ask("codex/account/login/start", key) == {"type": "apiKey"}
    status = await client.execute("codex.auth.status")
    assert status["account"] == {"type": "apiKey"}
    cancelled = await client.ask("codex/account/login/cancel", {"loginId": "no-such"})
    assert cancelled == {"status": "notFound"}


async def test_a_turn_that_was_begun_before_a_sign_out_changes_nothing_after_it(
    tmp_path: Path,
) -> None:
    waiting = Turn((Reasoning("Hm."), Gate("written"), Patch(RULE.patch())))
    async with ModelService([waiting]) as service:
        with authority_process() as authority:
            world = World(tmp_path, authority, service)
            try:
                await _signed_out_meanwhile(world)
            finally:
                await world.aclose()


async def _signed_out_meanwhile(world: World) -> None:
    client = await world.window("helix-25.07")
    key = {"type": "apiKey", "apiKey": "sk-proj-canary"}
    await client.ask("codex/account/login/start", key)
    document = client.editor.open(client.editor.workspace / "twice.py", BROKEN)
    token = (await client.execute("codex.fix", {"path": "twice.py", "line": 2}))["taskId"]
    seen = client.editor.progress

    def says(word: str) -> bool:
        return word in str((seen.get(token) or [{}])[-1].get("message"))

    await client.until(lambda: says("thinking"), "the first of the answer")
    await client.ask("codex/account/logout", {})
    await client.until(lambda: says("Cancelled."), "the turn's end")
    await world.service.release("written")
    await client.execute("codex.auth.status")
    assert document.text == BROKEN
    assert not client.editor.edits


async def test_who_asks_a_provider_that_takes_no_sign_in_is_not_called_signed_out(
    tmp_path: Path,
) -> None:
    async with session(tmp_path, [], name="vscode-1.139.1-languageclient-11") as s:
        told = {
            "account": None,
            "requiresOpenaiAuth": False,
            "message": "No sign-in is needed for double.",
        }
        assert await s.client.ask("codex/account/read", {}) == told
        assert await s.client.execute("codex.auth.status") == {**told, "error": None}
