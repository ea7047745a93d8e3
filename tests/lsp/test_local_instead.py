"""Without a sign-in, a model server that runs on this machine is offered, once."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from codex_lsp.agent.events import NotSignedIn
from codex_lsp.cli.credentials import open_accounts
from codex_lsp.config.codex_toml import CodexToml
from codex_lsp.lsp.adapters import Adapters, LocalModel
from codex_lsp.lsp.handlers.account import account_read
from codex_lsp.lsp.registry import REGISTRY
from codex_lsp.lsp.workbench import Workbench
from codex_lsp.lsp.workplace import workplace
from tests.doubles.hosted import hosted

FOUND = (
    LocalModel("Ollama", "http://127.0.0.1:1/v1", "first"),
    LocalModel("Ollama", "http://127.0.0.1:1/v1", "second"),
    LocalModel("LM Studio", "http://127.0.0.1:2/v1", "third"),
)


async def test_a_local_server_is_offered_and_used_from_then_on(tmp_path: Path) -> None:
    opened: list[Any] = []

    async def find() -> Sequence[LocalModel]:
        return FOUND

    def open_local(model: LocalModel) -> Any:
        opened.append(model)
        return model

    async with hosted(REGISTRY) as one:
        adapters = Adapters(
            lambda name: name,  # type: ignore[arg-type,return-value]
            tmp_path,
            find_local=find,
            open_local=open_local,
        )
        bench = Workbench(one.server, one.server.initialize_params, adapters)
        one.server.bench = bench
        error = NotSignedIn("You are not signed in.")
        asking = asyncio.ensure_future(bench.account.ask_to_sign_in(error))
        for _ in range(5):
            await asyncio.sleep(0)
        (question,) = one.sent()
        titles = [action["title"] for action in question["params"]["actions"]]
        assert titles == ["Use Ollama", "Use LM Studio"]
        one.receive({"id": question["id"], "result": {"title": "Use Ollama"}})
        await asking
        (told,) = one.sent()
        assert told["params"]["message"] == (
            "Codex asks first (Ollama, on this machine) from now on."
        )
        model: object = (await workplace(bench, tmp_path / "a.py")).model
        assert model is FOUND[0]
        assert opened == [FOUND[0]]
        await bench.account.ask_to_sign_in(error)
        (again,) = one.sent()
        assert again["method"] == "window/showMessage"


async def test_who_uses_a_local_server_is_told_that_it_takes_no_sign_in(tmp_path: Path) -> None:
    async with hosted(REGISTRY) as one:
        params = {"capabilities": {"experimental": {"codexStatus": True}}}
        accounts = open_accounts(CodexToml(), str(tmp_path / "auth.json"))
        adapters = Adapters(
            lambda name: name,  # type: ignore[arg-type,return-value]
            tmp_path,
            accounts=accounts,
        )
        one.server.bench = Workbench(one.server, params, adapters)
        assert (await account_read(one.server, {}))["message"] == "Signed out."
        one.server.bench.choice.use_model(FOUND[0])
        told: list[str] = []
        async with asyncio.timeout(30):
            while "codex/account/updated" not in told:
                await asyncio.sleep(0)
                told += [message["method"] for message in one.sent()]
        assert await account_read(one.server, {}) == {
            "account": None,
            "requiresOpenaiAuth": False,
            "message": "No sign-in is needed for Ollama.",
        }
