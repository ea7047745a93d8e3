"""A tiny editor for the demo: one document, one language server over stdio, standard library only.

It does what a real editor does with a fix, and shows all of it. Positions are utf-32, so they are
indices into Python strings. It is no test double: it knows only what the demo needs.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from typing import IO, Any

_ANSWER, _FIX = 60.0, 900.0  # seconds: for an answer of the server, and for a model on a slow box
_CAPABILITIES = {
    "general": {"positionEncodings": ["utf-32"]},
    "workspace": {"applyEdit": True, "workspaceEdit": {"documentChanges": True}},
    "window": {"workDoneProgress": True, "showMessage": {}},
    "textDocument": {
        "codeAction": {
            "codeActionLiteralSupport": {"codeActionKind": {"valueSet": ["quickfix"]}},
            "isPreferredSupport": True,
        }
    },
    "experimental": {"codexCheck": True},
}


class ServerFailed(Exception):
    """The server ended, or answered with an error."""


class Editor:
    """The open document `text`, and what the server may ask of whoever shows it."""

    def __init__(
        self,
        server: asyncio.subprocess.Process,
        path: Path,
        check: Callable[[str], Awaitable[str | None]],
        show: Callable[[str], None],
    ) -> None:
        assert server.stdin is not None  # noqa: S101 - a pipe, as asked for
        assert server.stdout is not None  # noqa: S101 - a pipe, as asked for
        self._to, self._from = server.stdin, server.stdout
        self._check, self._show = check, show
        self._path, self._uri = path, path.as_uri()
        self._ids = count(1)
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._ended: dict[str, asyncio.Future[str]] = {}
        self._answers: set[asyncio.Task[None]] = set()
        self._version = 1
        self.text = path.read_text(encoding="utf-8")

    async def open(self) -> None:
        """Shake hands, and open the document."""
        params = {
            "processId": os.getpid(),
            "clientInfo": {"name": "codex-lsp demo"},
            "rootUri": self._path.parent.as_uri(),
            "capabilities": _CAPABILITIES,
        }
        await self.request("initialize", params)
        self._notify("initialized", {})
        document = {"languageId": "python", "version": 1, "text": self.text}
        self._notify("textDocument/didOpen", {"textDocument": {"uri": self._uri, **document}})

    async def fixes(self, line: int, message: str) -> list[dict[str, Any]]:
        """The quick fixes that the server offers for a problem at `line`, counted from 0."""
        width = len(self.text.split("\n")[line])
        place = {"start": {"line": line, "character": 0}, "end": {"line": line, "character": width}}
        problem = {"range": place, "severity": 1, "source": "check", "message": message}
        context = {"diagnostics": [problem], "only": ["quickfix"], "triggerKind": 1}
        params = {"textDocument": {"uri": self._uri}, "range": place, "context": context}
        found = await self.request("textDocument/codeAction", params)
        return [action for action in found or [] if isinstance(action, dict)]

    async def run(self, action: Mapping[str, Any]) -> str:
        """Run the command of a code action; the sentence that its progress ends with."""
        command = action["command"]
        params = {"command": command["command"], "arguments": command.get("arguments", [])}
        task = await self.request("workspace/executeCommand", params)
        async with asyncio.timeout(_FIX):
            return await self._end_of(task["taskId"])

    def save(self) -> None:
        """Write the document to disk, as the person does when content."""
        self._path.write_text(self.text, encoding="utf-8")
        self._notify("textDocument/didSave", {"textDocument": {"uri": self._uri}})

    async def close(self) -> None:
        """Say goodbye."""
        await self.request("shutdown", None)
        self._notify("exit", None)

    async def request(self, method: str, params: object) -> Any:
        """The server's result; raises `ServerFailed`."""
        number = next(self._ids)
        self._waiting[number] = asyncio.get_running_loop().create_future()
        self._send({"id": number, "method": method, "params": params})
        async with asyncio.timeout(_ANSWER):
            return await self._waiting[number]

    async def listen(self) -> None:
        """Take what the server sends until it ends."""
        try:
            while (message := await self._read()) is not None:
                self._take(message)
        except asyncio.IncompleteReadError:
            pass  # it ended in the middle of a message
        finally:
            for waiting in (*self._waiting.values(), *self._ended.values()):
                if not waiting.done():
                    waiting.set_exception(ServerFailed("The server ended early."))
                    waiting.exception()  # not everybody waits any more

    async def _read(self) -> dict[str, Any] | None:
        length = 0
        while (line := (await self._from.readline()).strip()) or not length:
            if not line:
                return None
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        message: dict[str, Any] = json.loads(await self._from.readexactly(length))
        return message

    def _take(self, message: dict[str, Any]) -> None:
        method, number = message.get("method"), message.get("id")
        if method is None:
            self._settle(self._waiting.pop(message["id"]), message)
        elif number is not None:
            answer = asyncio.ensure_future(self._reply(number, method, message["params"]))
            self._answers.add(answer)
            answer.add_done_callback(self._answers.discard)
        elif method == "$/progress":
            self._progress(message["params"])
        elif method == "window/showMessage":
            self._show(message["params"]["message"])

    @staticmethod
    def _settle(waiting: asyncio.Future[Any], message: Mapping[str, Any]) -> None:
        if waiting.done():
            return
        if (error := message.get("error")) is not None:
            waiting.set_exception(ServerFailed(error["message"]))
        else:
            waiting.set_result(message.get("result"))

    def _progress(self, params: Mapping[str, Any]) -> None:
        value = params["value"]
        words = [value.get("title"), value.get("message")]
        self._show(": ".join(word for word in words if word))
        if value["kind"] == "end":
            ended = self._end_of(params["token"])
            if not ended.done():
                ended.set_result(value.get("message") or "")

    def _end_of(self, task: str) -> asyncio.Future[str]:
        return self._ended.setdefault(task, asyncio.get_running_loop().create_future())

    async def _reply(self, number: int, method: str, params: Any) -> None:
        match method:
            case "workspace/applyEdit":
                result: object = self._apply(params["edit"])
            case "window/showMessageRequest":
                result = self._decide(params)
            case "codex/check":
                result = {"problem": await self._check(params["text"])}
            case "workspace/configuration":
                result = [None for _ in params["items"]]
            case "window/workDoneProgress/create" | "client/registerCapability":
                result = None
            case _:
                error = {"code": -32601, "message": f"the demo does not know {method}"}
                return self._send({"id": number, "error": error})
        return self._send({"id": number, "result": result})

    def _decide(self, params: Mapping[str, Any]) -> object:
        """Yes to a change of the demo's own file; nothing else is agreed to."""
        actions = params.get("actions") or []
        agreed = next((action for action in actions if action["title"] == "Change it"), None)
        self._show(f"asked: {params['message'].splitlines()[0]}")
        self._show(f"answered: {agreed['title'] if agreed else 'not now'}")
        return agreed

    def _apply(self, edit: Mapping[str, Any]) -> dict[str, object]:
        """One undo step, if it is for this document as it is now."""
        for change in edit.get("documentChanges", []):
            document = change.get("textDocument")
            if document != {"uri": self._uri, "version": self._version}:
                return {"applied": False, "failureReason": "it is not for this text"}
            self.text = _edited(self.text, change["edits"])
            self._version += 1
            changed = {"uri": self._uri, "version": self._version}
            self._notify(
                "textDocument/didChange",
                {"textDocument": changed, "contentChanges": [{"text": self.text}]},
            )
        return {"applied": True}

    def _notify(self, method: str, params: object) -> None:
        self._send({"method": method, "params": params})

    def _send(self, message: dict[str, object]) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self._to.write(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))


def _edited(text: str, edits: Sequence[Mapping[str, Any]]) -> str:
    """`text` with all `edits` made; none overlaps another."""
    starts = [0]
    for line in text.split("\n"):
        starts.append(starts[-1] + len(line) + 1)

    def offset(position: Mapping[str, int]) -> int:
        return min(starts[position["line"]] + position["character"], len(text))

    for edit in sorted(edits, key=lambda one: offset(one["range"]["start"]), reverse=True):
        start, end = (offset(edit["range"][side]) for side in ("start", "end"))
        text = text[:start] + edit["newText"] + text[end:]
    return text


@asynccontextmanager
async def open_editor(
    path: Path,
    options: Sequence[str],
    *,
    environ: Mapping[str, str],
    log: IO[bytes],
    check: Callable[[str], Awaitable[str | None]],
    show: Callable[[str], None],
) -> AsyncIterator[Editor]:
    """An editor that shows `path`, with `codex-lsp serve` as its server; raises `ServerFailed`."""
    server = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", "codex_lsp", "serve", "--stdio", *options),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=log,
        env=environ,
        limit=2**24,
    )
    editor = Editor(server, path, check, show)
    listening = asyncio.ensure_future(editor.listen())
    try:
        await editor.open()
        yield editor
        await editor.close()
        async with asyncio.timeout(_ANSWER):
            await server.wait()
    finally:
        listening.cancel()
        if server.returncode is None:
            server.kill()
        await server.wait()
