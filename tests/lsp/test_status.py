"""What a status line is told: busy, kind and message, when they change."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from codex_lsp.agent.events import Overloaded, RateLimits, RateWindow, Usage
from codex_lsp.agent.steps import Spent
from codex_lsp.agent.usage import Meter
from codex_lsp.auth.source import AuthEvent
from codex_lsp.auth.source import Status as SignIn
from codex_lsp.lsp.capabilities import resolve_client
from codex_lsp.lsp.person.account import Account
from codex_lsp.lsp.person.status import Status
from codex_lsp.lsp.tasks import Task, Tasks


class Wire:
    """Notes what the status was."""

    def __init__(self) -> None:
        self.status: list[Any] = []
        self.sent: list[str] = []

    async def ask(self, method: str, params: object, *, timeout: float) -> object:  # noqa: ASYNC109  as the seam has it
        return None

    def notify(self, method: str, params: object) -> None:
        self.sent.append(method)
        if method == "codex/status":
            self.status.append(params)


def spawn(work: Coroutine[Any, Any, object], *, name: str) -> asyncio.Task[Any]:
    return asyncio.create_task(work, name=name)


async def fails(_task: Task) -> str:
    raise Overloaded("The service is busy.")


async def test_tasks_and_questions_are_told_and_nothing_twice() -> None:
    wire, go = Wire(), asyncio.Event()
    tasks = Tasks(wire, spawn, shows_progress=False)
    status = Status(wire, tasks, shown=True)

    async def waits(_task: Task) -> str:
        with status.needs_person("answer me"):
            await go.wait()
        return "Done."

    first = tasks.start("Codex: one", waits)
    second = tasks.start("Codex: two", fails)
    assert second.handle is not None
    await second.handle
    go.set()
    assert first.handle is not None
    await first.handle
    third = tasks.start("Codex: three", fails)
    assert third.handle is not None
    await third.handle
    seen = [(one["busy"], one["kind"], one["message"]) for one in wire.status]
    assert seen == [
        (True, "Normal", "one"),
        (True, "Normal", "2 tasks running"),
        (True, "Warning", "answer me"),
        (True, "Normal", "one"),
        (False, "Error", "The service is busy."),
        (True, "Normal", "three"),
        (False, "Error", "The service is busy."),
    ]


async def test_a_client_that_does_not_know_it_is_not_told() -> None:
    wire = Wire()
    tasks = Tasks(wire, spawn, shows_progress=False)
    Status(wire, tasks, shown=False)
    handle = tasks.start("Codex: one", fails).handle
    assert handle is not None
    await handle
    assert wire.status == []


@pytest.mark.parametrize(
    ("params", "shown"),
    [
        ({"clientInfo": {"name": "Neovim"}}, True),
        ({"clientInfo": {"name": "emacs"}}, False),
        ({"capabilities": {"experimental": {"codexStatus": True}}}, True),
        ({}, False),
    ],
)
def test_who_is_told(params: dict[str, object], *, shown: bool) -> None:
    assert resolve_client(params).shows_status is shown


async def test_usage_is_told_with_the_status_once_there_is_some() -> None:
    wire, meter = Wire(), Meter()
    tasks = Tasks(wire, spawn, shows_progress=False)
    status = Status(wire, tasks, shown=True, meter=meter)
    assert "usage" not in status.describe()
    meter.note(Spent(Usage(10, 4, 5, 1, 15)))
    meter.note(RateLimits(RateWindow(50.0, 300, None), None))
    assert status.describe()["usage"] == {
        "inputTokens": 10,
        "cachedInputTokens": 4,
        "outputTokens": 5,
        "reasoningOutputTokens": 1,
        "totalTokens": 15,
        "limits": [{"usedPercent": 50.0, "windowMinutes": 300, "resetsAt": None}],
        "message": "This window asked 1 time: 10 tokens in (4 of them cached), 5 out. "
        "50 % of the limit for 5 hours is used.",
    }


@pytest.mark.parametrize("known", [True, False])
async def test_a_new_sign_in_is_told_to_clients_that_know_the_message(known: bool) -> None:
    wire = Wire()
    client = resolve_client({"capabilities": {"experimental": {"codexStatus": known}}})
    account = Account(wire, client, Tasks(wire, spawn, shows_progress=False), None)
    account.note(AuthEvent("signedIn", SignIn("apiKey", "file")))
    assert wire.sent == (["codex/account/updated"] if known else [])
