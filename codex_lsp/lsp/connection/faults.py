"""Where handlers end and the server begins: what they raise becomes an answer, nothing more.

    Refused     a handler says no, in words for the client

Anything else is a bug: the client is told an id, the log has the id with the types and places of
the exception, but not its message, which may quote a token or the person's text. The message is
logged at debug level.
"""

from __future__ import annotations

import logging
import secrets
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from codex_lsp.lsp.connection import jsonrpc

log = logging.getLogger(__name__)


class Refused(Exception):
    """The request is answered with this error. `str()` is for the person."""

    def __init__(self, message: str, code: int = jsonrpc.INVALID_PARAMS) -> None:
        super().__init__(message)
        self.code = code


@dataclass(slots=True)
class Outcome:
    """What came of guarded work: a value, or the error to answer with."""

    value: Any = None
    code: int = 0
    message: str = ""

    @property
    def failed(self) -> bool:
        """Whether there is an error and no value."""
        return self.code != 0


@contextmanager
def guarded(what: str) -> Iterator[Outcome]:
    """The task supervisor: run handler code inside; put its value into the outcome."""
    outcome = Outcome()
    try:
        yield outcome
    except Refused as refusal:
        outcome.code, outcome.message = refusal.code, str(refusal)
    except Exception as error:  # noqa: BLE001  the one supervisor: a bug in one task ends no other
        outcome.code = jsonrpc.INTERNAL_ERROR
        outcome.message = f"Internal error. The log of codex-lsp has it as {record(error, what)}."


def record(error: BaseException, what: str) -> str:
    """Log `error`, which `what` raised, without its message; returns the id it has in the log."""
    fault = secrets.token_hex(4)
    log.error("[%s] %s failed: %s", fault, what, describe(error))
    log.debug("[%s] %s", fault, what, exc_info=error)
    return fault


def describe(error: BaseException) -> str:
    """The types and places of `error` and its causes; no messages, no values."""
    lines = [type(error).__qualname__]
    lines += [
        f'  File "{frame.filename}", line {frame.lineno}, in {frame.name}'
        for frame in traceback.extract_tb(error.__traceback__)
    ]
    if isinstance(error, BaseExceptionGroup):
        lines += ["with " + describe(part) for part in error.exceptions]
    if (cause := error.__cause__ or error.__context__) is not None:
        lines.append("after " + describe(cause))
    return "\n".join(lines)
