"""A command for tests: a task that wants to do something, and says what became of it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from codex_lsp.agent.consent.actions import Action, Allowed, RunCommand, TouchProtected, covers
from codex_lsp.agent.context.lines import LineRange
from codex_lsp.agent.requests import Place
from codex_lsp.lsp.connection.server import Server
from codex_lsp.lsp.editing.buffers import to_path
from codex_lsp.lsp.person.permits import permit_for
from codex_lsp.lsp.tasks import Task

COMMANDS = {"test.want": "tests.lsp.wanting:want"}


def want(server: Server, arguments: Sequence[Any] | None) -> dict[str, object]:
    """`{argv, uri, line}` or `{path, preview, uri, line}`, the rest as `RunCommand` has it."""
    assert arguments
    given = arguments[0]
    path = to_path(given["uri"])
    assert path is not None
    place = Place(path, LineRange(given.get("line", 0), given.get("line", 0) + 1), "python")
    action: Action
    if "preview" in given:
        action = TouchProtected(Path(given["path"]), given["preview"])
    else:
        action = RunCommand(
            tuple(given["argv"]),
            path.parent,
            confinement=given.get("confinement", ""),
            network=given.get("network", False),
            reason=given.get("reason", ""),
        )

    async def work(task: Task) -> str:
        decision = await permit_for(server.bench, task, place)(action)
        if isinstance(decision, Allowed):
            assert covers(decision, action)
            return f"allowed {decision.scope.value}"
        return json.dumps(["denied", decision.reason])

    return {"taskId": server.bench.tasks.start("Codex: test", work).id}
