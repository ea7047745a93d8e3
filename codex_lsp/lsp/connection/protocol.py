"""Messages to handlers and back: pygls's registrations and types under a dispatch of our own.

pygls keeps the features, structures params into lsprotocol types and derives capabilities. Reading,
answering, cancelling and awaiting the client are ours, because pygls 2.1 answers some requests
never and lets cancelled commands run on. Lifecycle errors are answered before (`gate`).
"""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Callable, Coroutine, Mapping
from typing import TYPE_CHECKING, Any

import attrs
from lsprotocol import types
from pygls.lsp import get_method_options_type
from pygls.protocol import LanguageServerProtocol, lsp_method

from codex_lsp.lsp.connection import answers, jsonrpc
from codex_lsp.lsp.connection.client import Questions
from codex_lsp.lsp.connection.faults import Outcome, Refused, guarded
from codex_lsp.lsp.connection.jsonrpc import RequestId
from codex_lsp.lsp.person.legible import on_screen

if TYPE_CHECKING:
    from codex_lsp.lsp.connection.server import Server

log = logging.getLogger(__name__)

_MISFITS = (ExceptionGroup, ValueError, TypeError, LookupError, AttributeError, RecursionError)
"""What structuring raises for JSON that does not fit: cattrs groups most, but not all."""


_KEPT = frozenset(
    (
        "$/setTrace",
        "initialized",
        "textDocument/didSave",
    )
)
"""Where pygls's own handler runs, which then calls the registered one."""

_FIRST = 1_000_000
"""Number of our first question. kakoune-lsp gives each server of a buffer what the person answered
to one of them; others count from 0 or 1, so what was said to them is no answer to us.
"""


class Protocol(LanguageServerProtocol):
    """One session with one client. Runs on the event loop only.

    pygls never gets `initialize`: it has been answered, its params stay plain (typing what an
    editor sends takes 0.1 s at first), and pygls's own workspace is not used.
    """

    _server: Server

    def __init__(self, server: Server, converter: Any) -> None:
        super().__init__(server, converter)
        self.questions = Questions(self.send, first=_FIRST)
        self._running: dict[RequestId, asyncio.Task[Outcome]] = {}
        self._own: dict[str, Callable[[Any], Any]] = {
            "$/cancelRequest": self._cancel_request,
            "textDocument/didOpen": server.documents.did_open,
            "textDocument/didChange": server.documents.did_change,
            "textDocument/didClose": server.documents.did_close,
            "workspace/executeCommand": self._execute_command,
        }

    def receive(self, message: dict[str, Any]) -> None:
        """Deal with one well-formed message. Never raises."""
        method, request = message.get("method"), message.get("id")
        if not isinstance(method, str):
            self.questions.settle(message)
        elif isinstance(request, int | str):
            self._serve(request, method, message.get("params"))
        else:
            self._note(method, message.get("params"))

    def structure_options(self, method: str, options: Mapping[str, object] | None) -> Any:
        """Registration options as the lsprotocol type that `method` has for them."""
        if options is None:
            return None
        kind: Any = get_method_options_type(method)
        return self._converter.structure(options, kind)

    def running(self) -> list[asyncio.Task[Outcome]]:
        """The requests being served."""
        return list(self._running.values())

    def send(self, message: dict[str, Any]) -> None:
        """Queue `message`; lsprotocol values inside become plain JSON."""
        self._server.outbox.put(self._encode(message))

    def notify(self, method: str, params: Any = None) -> None:
        """Queue a notification. Of progress reports only the newest waits, of diagnostics too."""
        plain = on_screen(method, self._plain(params))
        body = self._encode({"jsonrpc": "2.0", "method": method, "params": plain})
        outbox = self._server.outbox
        match method, plain:
            case "$/progress", {"token": token, "value": {"kind": "report"}}:
                outbox.put(body, key=(method, token), spare=True)
            case "$/progress", {"token": token}:
                outbox.seal((method, token))
                outbox.put(body)
            case "textDocument/publishDiagnostics", {"uri": uri}:
                outbox.put(body, key=(method, uri))
            case "window/logMessage" | "$/logTrace" | "telemetry/event", _:
                outbox.put(body, spare=True)
            case _:
                outbox.put(body)

    def plain(self, value: Any) -> Any:
        """An lsprotocol value as plain JSON."""
        return self._converter.unstructure(value)

    def send_request(self, *_: Any, **__: Any) -> Any:
        """Not this way: it has no deadline."""
        raise NotImplementedError("Server.ask is the one place that awaits the client.")

    @lsp_method(types.TEXT_DOCUMENT_DID_SAVE)
    def lsp_text_document__did_save(self, params: types.DidSaveTextDocumentParams) -> Any:
        """Makes pygls offer didSave; a feature of that name is called."""
        if (handler := self.fm.features.get(types.TEXT_DOCUMENT_DID_SAVE)) is not None:
            yield handler, (params,), None

    def _serve(self, request: RequestId, method: str, params: Any) -> None:
        if request in self._running:
            text = "A request with this id is being served."
            self._send_error(request, jsonrpc.INVALID_REQUEST, text)
            return
        with guarded(method) as outcome:
            outcome.value = self._call(method, params)
        if inspect.iscoroutine(outcome.value):
            self._start(request, method, outcome.value)
        else:
            self._answer(request, method, outcome)

    def _start(self, request: RequestId, method: str, work: Coroutine[Any, Any, Any]) -> None:
        async def run() -> Outcome:
            with guarded(method) as outcome:
                outcome.value = await work
            return outcome

        def done(task: asyncio.Task[Outcome]) -> None:
            work.close()  # it may have been cancelled before its first step
            del self._running[request]
            if task.cancelled():
                self._send_error(request, jsonrpc.REQUEST_CANCELLED, "Cancelled.")
            else:
                self._answer(request, method, task.result())

        task = self._server.tasks.create_task(run(), name=method)
        self._running[request] = task
        task.add_done_callback(done)

    def _note(self, method: str, params: Any) -> None:
        if _is_request(method):
            log.warning("a request without an id was dropped: %s", method)
            return
        with guarded(method) as outcome:
            outcome.value = self._call(method, params)
        if outcome.failed and not method.startswith("$/"):
            log.warning("notification %.80r: %s", method, outcome.message)
        elif inspect.iscoroutine(outcome.value):
            self._server.spawn(outcome.value, name=method)

    def _call(self, method: str, params: Any) -> Any:
        """What the handler returns: a value or a coroutine. Raises `Refused`, or what it raises."""
        if (own := self._own.get(method)) is not None:
            if not isinstance(params, dict):
                raise Refused("These params are an object.")
            return own(params)
        if method in _KEPT:
            builtin = self.fm.builtin_features[method]
            calls = builtin(self._structure(method, params))
            return next((handler(*args) for handler, args, _ in calls), None)
        if (feature := self.fm.features.get(method)) is None:
            raise Refused("The server does not know this method.", jsonrpc.METHOD_NOT_FOUND)
        return feature(self._structure(method, params))

    def _structure(self, method: str, params: Any) -> Any:
        """`params` as the lsprotocol type of `method`, or as they are where LSP has no type."""
        params = {} if params is None else params
        kind: Any = types.METHOD_TO_TYPES.get(method, (None, None, None, None))[2]
        if not isinstance(params, dict):
            raise Refused("These params are an object.")
        if kind is None:
            return params
        try:
            return self._converter.structure(params, kind)
        except _MISFITS:
            raise Refused(f"These are no {kind.__name__}.") from None

    def _execute_command(self, params: dict[str, Any]) -> Any:
        command, arguments = params.get("command"), params.get("arguments")
        if not isinstance(command, str) or not isinstance(arguments, list | None):
            raise Refused("These are no ExecuteCommandParams.")
        if (handler := self.fm.commands.get(command)) is None:
            return None  # lsp-mode sends us the commands of other servers too
        return handler(arguments or [])

    def _cancel_request(self, params: dict[str, Any]) -> None:
        request = params.get("id")
        if isinstance(request, int | str) and (task := self._running.get(request)) is not None:
            task.cancel()

    def _answer(self, request: RequestId, method: str, outcome: Outcome) -> None:
        if method == "workspace/executeCommand" and self._server.quirks.hides_answers:
            self._show(outcome)
        if not outcome.failed:
            outcome = self._encode_result(request, method, outcome.value)
        if outcome.failed:
            self._send_error(request, outcome.code, outcome.message)
        else:
            self._server.outbox.put(outcome.value)

    def _show(self, outcome: Outcome) -> None:
        if (message := answers.shown(outcome)) is not None:
            self.notify("window/showMessage", message)

    def _encode_result(self, request: RequestId, method: str, value: object) -> Outcome:
        with guarded(f"encoding the result of {method}") as outcome:
            outcome.value = self._encode(jsonrpc.result(request, value))
        return outcome

    def _send_error(self, request: RequestId, code: int, message: str) -> None:
        self._server.outbox.put(jsonrpc.encode(jsonrpc.error(request, code, message)))

    def _encode(self, message: object) -> bytes:
        return jsonrpc.encode(message, self._plain)

    def _plain(self, value: Any) -> Any:
        if attrs.has(type(value)):
            return self._converter.unstructure(value)
        if isinstance(value, dict | None):
            return value
        raise TypeError(f"{type(value).__name__} is no JSON")


def _is_request(method: str) -> bool:
    known = types.METHOD_TO_TYPES.get(method)
    return known is not None and known[1] is not None
