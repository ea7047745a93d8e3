"""JSON-RPC 2.0 messages as plain dicts: reading, building, error codes.

Needs only the standard library, because it runs before the first answer. What a method means is
not known here.
"""

from __future__ import annotations

import json
from collections.abc import Callable

PARSE_ERROR = -32700
INVALID_REQUEST = -32600
METHOD_NOT_FOUND = -32601
INVALID_PARAMS = -32602
INTERNAL_ERROR = -32603
NOT_INITIALIZED = -32002
REQUEST_CANCELLED = -32800

RequestId = int | str
Message = dict[str, object]


class Malformed(Exception):
    """The body is no JSON text in UTF-8."""


def parse(body: bytes) -> object:
    """The JSON value of `body`. Raises `Malformed`."""
    try:
        return json.loads(body.decode("utf-8"), parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise Malformed(type(error).__name__) from error


def encode(message: object, default: Callable[[object], object] | None = None) -> bytes:
    """`message` as a body. ASCII only, so that a lone surrogate passes too.

    Raises TypeError or ValueError for what JSON cannot say.
    """
    text = json.dumps(message, default=default, separators=(",", ":"), allow_nan=False)
    return text.encode("ascii")


def request_id(message: Message) -> RequestId | None:
    """The id if there is one that LSP allows (a string or an integer), else None."""
    value = message.get("id")
    if isinstance(value, bool) or not isinstance(value, int | str):
        return None
    return value


def result(request: RequestId, value: object) -> Message:
    """The answer to `request`."""
    return {"jsonrpc": "2.0", "id": request, "result": value}


def error(request: RequestId | None, code: int, message: str) -> Message:
    """The refusal of `request`; None where its id could not be read."""
    return {"jsonrpc": "2.0", "id": request, "error": {"code": code, "message": message}}


def _refuse_constant(name: str) -> object:
    raise ValueError(name)  # NaN and Infinity are Python's, not JSON's
