"""A task leaves the client time to take the answer that named it."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from codex_lsp.lsp.tasks import Task, Tasks


class Wire:
    """Notes what is sent, and agrees to everything."""

    def __init__(self) -> None:
        self.sent: list[str] = []

    async def ask(self, method: str, params: object, *, timeout: float) -> object:  # noqa: ASYNC109  as the seam has it
        self.sent.append(method)
        return None

    def notify(self, method: str, params: object) -> None:
        self.sent.append(method)


def spawn(work: Coroutine[Any, Any, object], *, name: str) -> asyncio.Task[Any]:
    return asyncio.create_task(work, name=name)


async def at_once(task: Task) -> str:
    task.progress.report("working")
    return "Done."


async def test_nothing_of_a_task_is_sent_during_the_pause_that_lsp_mode_needs() -> None:
    wire = Wire()
    task = Tasks(wire, spawn, shows_progress=True, pause=3600).start("Codex: fix", at_once)
    assert task.handle is not None

    for _ in range(10):
        await asyncio.sleep(0)
    assert wire.sent == []

    task.handle.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task.handle
    assert (task.state, wire.sent) == ("cancelled", [])
