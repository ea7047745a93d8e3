"""The lifecycle of a session, on raw messages: answers what needs no handler, passes on the rest.

Runs in the reader thread with the standard library alone, so `initialize` is answered before pygls
is imported, and `shutdown`, `exit` and broken messages are answered while the event loop is busy
or not yet there.
"""

from __future__ import annotations

from collections.abc import Callable

from codex_lsp.lsp.connection import jsonrpc
from codex_lsp.lsp.connection.ending import Ending
from codex_lsp.lsp.connection.jsonrpc import Message, RequestId
from codex_lsp.lsp.registry import Registry
from codex_lsp.lsp.server_capabilities import initialize_result

STOP_WORK: Message = {"method": "shutdown"}
"""Delivered, as this very object, when `shutdown` was accepted: what is in flight is to stop."""


class Gate:
    """Takes bodies from the reader; replies through `send`; passes `(message, size)` to `deliver`.

    The first message that is delivered is the accepted `initialize`.
    """

    def __init__(
        self,
        registry: Registry,
        send: Callable[[bytes], None],
        deliver: Callable[[Message, int], None],
        ending: Ending,
    ) -> None:
        self._registry = registry
        self._send = send
        self._deliver = deliver
        self._ending = ending
        self._initialized = False

    def receive(self, body: bytes) -> None:
        """Deal with one message. Never raises."""
        try:
            message = jsonrpc.parse(body)
        except jsonrpc.Malformed as error:
            self._refuse(None, jsonrpc.PARSE_ERROR, f"This is no JSON in UTF-8 ({error}).")
            return
        if isinstance(message, dict):
            self._sort(message, len(body))
        elif isinstance(message, list):
            self._refuse_batch(message)
        else:
            self._refuse(None, jsonrpc.INVALID_REQUEST, "A message is an object.")

    def _sort(self, message: Message, size: int) -> None:
        method = message.get("method")
        if flaw := _flaw(message):
            if "id" in message or not isinstance(method, str):
                self._refuse(jsonrpc.request_id(message), jsonrpc.INVALID_REQUEST, flaw)
        elif method == "exit":
            self._ending.begin("the client said exit")
        elif method is None or "id" not in message:
            if self._initialized and not self._ending.orderly:
                self._deliver(message, size)
        elif (request := jsonrpc.request_id(message)) is not None:
            self._request(request, str(method), message, size)

    def _request(self, request: RequestId, method: str, message: Message, size: int) -> None:
        if self._ending.orderly:
            self._refuse(request, jsonrpc.INVALID_REQUEST, "The server was told to shut down.")
        elif method == "initialize":
            self._initialize(request, message, size)
        elif not self._initialized:
            self._refuse(request, jsonrpc.NOT_INITIALIZED, "Send initialize first.")
        elif method == "shutdown":
            self._ending.orderly = True
            self._deliver(STOP_WORK, 0)
            self._send(jsonrpc.encode(jsonrpc.result(request, None)))
        else:
            self._deliver(message, size)

    def _initialize(self, request: RequestId, message: Message, size: int) -> None:
        params = message.get("params")
        if self._initialized:
            self._refuse(request, jsonrpc.INVALID_REQUEST, "The server is initialized already.")
        elif not isinstance(params, dict):
            self._refuse(request, jsonrpc.INVALID_PARAMS, "The params of initialize are an object.")
        else:
            self._initialized = True
            answer = initialize_result(params, self._registry)
            self._send(jsonrpc.encode(jsonrpc.result(request, answer)))
            self._deliver(message, size)

    def _refuse(self, request: RequestId | None, code: int, text: str) -> None:
        self._send(jsonrpc.encode(jsonrpc.error(request, code, text)))

    def _refuse_batch(self, batch: list[object]) -> None:
        """LSP has no batches; JSON-RPC wants each request in one answered, in one array."""
        code, text = jsonrpc.INVALID_REQUEST, "LSP has no batches."
        requests = [jsonrpc.request_id(item) for item in batch if isinstance(item, dict)]
        errors = [jsonrpc.error(request, code, text) for request in requests if request is not None]
        self._send(jsonrpc.encode(errors or jsonrpc.error(None, code, text)))


def _flaw(message: Message) -> str:
    """What makes `message` no JSON-RPC message; empty if nothing does."""
    method = message.get("method")
    if method is None and "id" in message and ("result" in message or "error" in message):
        return ""
    if message.get("jsonrpc") != "2.0":
        return 'A message says "jsonrpc": "2.0".'
    if method is None:
        return "A message has a method or answers a request."
    if not isinstance(method, str):
        return "A method is a string."
    if "id" in message and jsonrpc.request_id(message) is None:
        return "A request id is a string or an integer."
    if not isinstance(message.get("params"), dict | list | None):
        return "Params are an object or an array."
    return ""
