"""A window in memory: a real server with its workbench, and a client that a test speaks for.

Nothing is answered unless the test answers it, as with an editor whose person is away.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Any

from codex_lsp.config.layers import Sources, load
from codex_lsp.lsp.adapters import Adapters
from codex_lsp.lsp.registry import REGISTRY, Registry
from codex_lsp.lsp.workbench import Workbench
from tests.doubles.hosted import Hosted, Json, hosted

DEADLINE = 60.0  # seconds; generous, as tests share a slow machine


class Window:
    """What the client of one window sees and says."""

    def __init__(self, one: Hosted, bench: Workbench) -> None:
        self.bench = bench
        self.said: list[Json] = []
        """All that the server sent, in order."""
        self.diagnostics: dict[str, list[Json]] = {}
        self.asked: list[Json] = []
        """Requests of the server that are not answered yet."""
        self.shown: list[str] = []
        """Documents that the server had opened."""
        self.wire = one
        self._ids = count(1)
        self._replies: dict[int, Json] = {}

    def open(self, path: Path, text: str = "x = 1\n") -> str:
        """Open a document; returns its URI."""
        uri = path.as_uri()
        document = {"uri": uri, "languageId": "python", "version": 1, "text": text}
        self.tell("textDocument/didOpen", {"textDocument": document})
        return uri

    def tell(self, method: str, params: Json) -> None:
        """Send a notification."""
        self.wire.receive({"method": method, "params": params})

    async def ask(self, method: str, params: Json) -> Any:
        """Send a request; its result, or its error's message."""
        number = next(self._ids)
        self.wire.receive({"id": number, "method": method, "params": params})
        await self.until(lambda: number in self._replies)
        reply = self._replies[number]
        return reply["error"]["message"] if "error" in reply else reply["result"]

    async def execute(self, command: str, *arguments: object) -> Any:
        """Run a command; its answer."""
        params = {"command": command, "arguments": list(arguments)}
        return await self.ask("workspace/executeCommand", params)

    async def actions(self, uri: str, line: int = 0, *, automatic: bool = False) -> list[Json]:
        """The code actions of a line."""
        at = {"line": line, "character": 0}
        context: Json = {"diagnostics": [], "triggerKind": 2 if automatic else 1}
        params = {
            "textDocument": {"uri": uri},
            "range": {"start": at, "end": at},
            "context": context,
        }
        return await self.ask("textDocument/codeAction", params) or []

    async def run(self, action: Json) -> Any:
        """Choose a code action."""
        command = action["command"]
        return await self.execute(command["command"], *command["arguments"])

    def answer(self, request: Json, result: object) -> None:
        """Answer a request of the server."""
        self.wire.receive({"id": request["id"], "result": result})

    def refuse(self, request: Json) -> None:
        """Answer that there is no such request."""
        error = {"code": -32601, "message": "MethodNotFound"}
        self.wire.receive({"id": request["id"], "error": error})

    async def question(self) -> Json:
        """The message with buttons that waits for an answer."""

        def found() -> list[Json]:
            return [one for one in self.asked if one["method"] == "window/showMessageRequest"]

        await self.until(found)
        return found()[-1]

    async def ended(self, task_id: str) -> str:
        """Wait for the end of a task; what it said at last."""

        def task() -> Json:
            return next(t for t in self.bench.tasks.describe() if t["taskId"] == task_id)

        await self.until(lambda: task()["state"] != "running")
        return str(task()["message"])

    async def until(self, state: Callable[[], object]) -> None:
        """Wait until `state` holds."""
        async with asyncio.timeout(DEADLINE):
            while True:
                self.pump()
                if state():
                    return
                await asyncio.sleep(0.001)

    def pump(self) -> None:
        """Take what the server sent."""
        for message in self.wire.sent():
            self.said.append(message)
            if "method" not in message:
                self._replies[message["id"]] = message
            elif message["method"] == "window/workDoneProgress/create":
                self.wire.receive({"id": message["id"], "result": None})
            elif message["method"] == "window/showDocument":
                self.shown.append(message["params"]["uri"])
                self.answer(message, {"success": True})
            elif "id" in message:
                self.asked.append(message)
            elif message["method"] == "textDocument/publishDiagnostics":
                self.diagnostics[message["params"]["uri"]] = message["params"]["diagnostics"]

    def progress(self, task_id: str) -> list[str]:
        """What the progress of a task said."""
        values = [
            message["params"]["value"]
            for message in self.said
            if message.get("method") == "$/progress" and message["params"]["token"] == task_id
        ]
        return [value["message"] for value in values if value.get("message")]


@asynccontextmanager
async def window(
    folder: Path, adapters: Adapters, commands: dict[str, str] | None = None
) -> AsyncIterator[Window]:
    """A window on the workspace `folder`; `commands` go beyond those that are shipped."""
    registry = Registry(
        REGISTRY.features, REGISTRY.options, {**REGISTRY.commands, **(commands or {})}
    )
    capabilities = {
        "window": {"workDoneProgress": True, "showDocument": {"support": True}},
        "workspace": {"applyEdit": True},
    }
    async with hosted(registry, rootUri=folder.as_uri(), capabilities=capabilities) as one:
        one.server.bench = Workbench(one.server, one.server.initialize_params, adapters)
        yield Window(one, one.server.bench)


class _NoModel:
    """For windows in which nothing is asked."""

    async def warm_up(self) -> None:
        """Nothing to make ready."""

    def stream(self, request: object) -> Any:
        raise AssertionError("no model was to be asked")


def no_model(_: str | None) -> Any:
    """A model that nobody may ask."""
    return _NoModel()


def configured(folder: Path) -> Adapters:
    """What a window without a model has, whose CODEX_HOME is `codex` in `folder`."""
    home = folder / "codex"
    return Adapters(
        no_model,
        folder / "state",
        home=home,
        configuration=lambda project: load(Sources(home), project),
    )
