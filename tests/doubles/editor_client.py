"""Connects a fake editor to a real server process, through pytest-lsp's client.

The client types what the server sends (a malformed message fails the test) and checks it
against the declared capabilities; what is done about a message is the editor's business.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

from lsprotocol import types
from pygls.protocol import JsonRPCResponseMessage, default_converter
from pytest_lsp import ClientServerConfig, LanguageClient
from pytest_lsp.checks import check_params_against_client_capabilities
from pytest_lsp.protocol import LanguageClientProtocol

from tests.doubles.editor import Editor, Failure, Result, editor
from tests.doubles.editor_text import Document

DEADLINE = 60.0  # seconds; generous, as tests share a slow machine


class _Protocol(LanguageClientProtocol):
    """Hands every message to the editor, in the order of arrival."""

    _server: EditorClient

    def get_message_type(self, method: str) -> Any:  # type: ignore[override]  # there it is cached
        # Captured parameters go out word for word, keys that lsprotocol does not know included.
        return None if method == "initialize" else super().get_message_type(method)

    def structure_message(self, data: dict[str, Any]) -> Any:
        # Answers stay plain: lsprotocol takes a code action with a command for a Command.
        if "result" in data and "method" not in data:
            return JsonRPCResponseMessage(**data)
        return super().structure_message(data)

    def _handle_request(self, msg_id: str | int, method_name: str, params: Any) -> None:
        check_params_against_client_capabilities(self._server.capabilities, method_name, params)
        reply = partial(self._reply, msg_id)
        self._server.editor.asked(method_name, self._plain(params), reply)
        self._server.something_came()

    def _handle_notification(self, method_name: str, params: Any) -> None:
        self._server.editor.notified(method_name, self._plain(params))
        self._server.something_came()

    def _reply(self, msg_id: str | int, outcome: Result | Failure) -> None:
        answer: dict[str, Any] = {"jsonrpc": "2.0", "id": msg_id}
        match outcome:
            case Result(value):
                answer["result"] = value
            case Failure(code, message):
                answer["error"] = {"code": code, "message": message}
        self._send_data(answer)

    def _plain(self, params: Any) -> Any:
        return self._converter.unstructure(params)


class EditorClient(LanguageClient):
    """A running server with a fake editor before it."""

    editor: Editor

    def __init__(self) -> None:
        super().__init__(protocol_cls=_Protocol, converter_factory=default_converter)
        self._came = asyncio.Event()
        self.server_capabilities: dict[str, Any] = {}

    @property
    def knows_tags(self) -> bool:
        """Whether the editor declared that an action may be marked as made by a model."""
        actions = self.editor.profile.initialize["capabilities"]["textDocument"]["codeAction"]
        return "tagSupport" in actions

    def something_came(self) -> None:
        """Wake who waits for a state."""
        self._came.set()

    async def begin(self) -> None:
        """Open the session with what the real editor sent, but for process and workspace."""
        profile, root = self.editor.profile, self.editor.workspace
        params = profile.initialize | {
            "processId": os.getpid(),
            "rootPath": str(root),
            "rootUri": root.as_uri(),
        }
        if "workspaceFolders" in params:
            params["workspaceFolders"] = [{"uri": root.as_uri(), "name": root.name}]
        converter = self.protocol._converter
        self.capabilities = converter.structure(params["capabilities"], types.ClientCapabilities)
        answer = await self.ask("initialize", params)
        self.server_capabilities = answer["capabilities"]
        chosen = self.server_capabilities.get("positionEncoding", "utf-16")
        assert chosen in profile.encodings
        self.editor.encoding = chosen
        self.editor.whole_texts = self.server_capabilities["textDocumentSync"]["change"] == 1
        self.protocol.notify("initialized", types.InitializedParams())
        self.protocol.notify(
            "workspace/didChangeConfiguration", types.DidChangeConfigurationParams(settings={})
        )

    async def ask(self, method: str, params: Any) -> Any:
        """The plain answer to a request, sent after all that was typed so far."""
        self.editor.flush()
        send: Any = self.protocol.send_request_async
        async with asyncio.timeout(DEADLINE):
            return await send(method, params)

    async def code_actions(
        self, document: Document, start: int, end: int | None = None, only: Sequence[str] = ()
    ) -> list[types.CodeAction]:
        """The menu over a stretch of the document, asked for by the person."""
        stop = start if end is None else end
        span = {"start": document.position(start), "end": document.position(stop)}
        context: dict[str, Any] = {"diagnostics": self.editor.diagnostics_at(document, span)}
        if self.editor.profile.trigger_kind is not None:
            context["triggerKind"] = self.editor.profile.trigger_kind
        if only:
            context["only"] = list(only)
        params = {"textDocument": {"uri": document.uri}, "range": span, "context": context}
        converter = self.protocol._converter
        answer = await self.ask(
            "textDocument/codeAction", converter.structure(params, types.CodeActionParams)
        )
        return [converter.structure(action, types.CodeAction) for action in answer or []]

    async def run(self, action: types.CodeAction) -> Any:
        """Choose an action of the menu; returns the answer to its command."""
        assert action.disabled is None
        assert action.command is not None, f"{action.title!r} does nothing"
        return await self.execute(action.command.command, *(action.command.arguments or []))

    async def execute(self, command: str, *arguments: Any) -> Any:
        """Run a command; in Emacs nothing else goes on until it is answered."""
        self.editor.commands_running += self.editor.profile.command_blocks
        try:
            return await self.ask(
                "workspace/executeCommand", types.ExecuteCommandParams(command, list(arguments))
            )
        finally:
            self.editor.commands_running -= self.editor.profile.command_blocks

    async def until(self, state: Callable[[], object], what: str) -> None:
        """Wait until `state` holds after some message of the server."""
        try:
            async with asyncio.timeout(DEADLINE):
                while not state():
                    self._came.clear()
                    await self._came.wait()
        except TimeoutError:
            raise AssertionError(
                f"never came: {what}; progress {self.editor.progress}, "
                f"messages {self.editor.messages}, edits {self.editor.edits}"
            ) from None

    async def task_ended(self) -> None:
        """Wait until some task has begun and every task has ended."""
        await self.until(
            lambda: any(self.editor.progress.values()) and not self.editor.unended(),
            "the end of the task",
        )


@asynccontextmanager
async def editing(
    name: str, workspace: Path, command: Sequence[str], env: Mapping[str, str], **traits: Any
) -> AsyncIterator[EditorClient]:
    """The editor `name` on a server started by `command`; at the end nothing may be amiss."""
    config = ClientServerConfig(
        server_command=list(command), client_factory=EditorClient, server_env=dict(env)
    )
    client = await config.start()
    assert isinstance(client, EditorClient)
    loop = asyncio.get_running_loop()
    client.editor = editor(name, workspace, _sender(client), loop.call_later, **traits)
    try:
        await client.begin()
        yield client
        await client.shutdown_session()
    finally:
        if client._server and client._server.returncode is None:
            client._server.kill()
        stop: Any = client.stop
        await stop()
    assert client.error is None
    assert client.editor.faults == []
    assert client.editor.unended() == []


def _sender(client: EditorClient) -> Callable[[str, dict[str, Any]], None]:
    def send(method: str, params: dict[str, Any]) -> None:
        client.protocol._send_data({"jsonrpc": "2.0", "method": method, "params": params})

    return send
