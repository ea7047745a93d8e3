"""The one place that awaits the client: every request of ours has a deadline.

ClientFailure
  ClientError     it answered with an error
  ClientTimeout   it did not answer in time; a late answer is dropped
  ClientGone      the session ended first
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from itertools import count
from typing import Any

log = logging.getLogger(__name__)


class ClientFailure(Exception):
    """A request to the client came to nothing."""


class ClientError(ClientFailure):
    """The client answered with an error."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class ClientTimeout(ClientFailure):
    """The client did not answer in time."""

    def __init__(self, method: str, seconds: float) -> None:
        super().__init__(f"The editor did not answer {method} within {seconds:g} s.")


class ClientGone(ClientFailure):
    """The session ended before the client answered."""


class Questions:
    """Requests that the client has not answered yet. `send` queues a message and never blocks.

    They are numbered from `first` on.
    """

    def __init__(self, send: Callable[[dict[str, Any]], None], first: int = 1) -> None:
        self._send = send
        self._ids = count(first)
        self._open: dict[int, asyncio.Future[Any]] = {}
        self._ended = False

    async def ask(self, method: str, params: object, timeout: float) -> Any:  # noqa: ASYNC109  the deadline is the point
        """The client's result as plain JSON. Raises a `ClientFailure`.

        When the caller is cancelled, the client still acts on the request; its answer is dropped.
        """
        if self._ended:
            raise ClientGone
        number = next(self._ids)
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._open[number] = answer
        try:
            self._send({"jsonrpc": "2.0", "id": number, "method": method, "params": params})
            async with asyncio.timeout(timeout):
                return await answer
        except TimeoutError:
            raise ClientTimeout(method, timeout) from None
        finally:
            del self._open[number]

    def settle(self, message: dict[str, Any]) -> None:
        """Take an answer of the client. One that nobody waits for is dropped."""
        number = message.get("id")
        answer = self._open.get(number) if type(number) is int else None
        if answer is None or answer.done():
            log.debug("an answer that nobody waits for was dropped")
        elif message.get("error") is not None:
            answer.set_exception(_client_error(message["error"]))
        else:
            answer.set_result(message.get("result"))

    def end(self) -> None:
        """Fail what is open, and whatever is asked from now on."""
        self._ended = True
        for answer in self._open.values():
            if not answer.done():
                answer.set_exception(ClientGone())


def _client_error(error: Any) -> ClientError:
    fields = error if isinstance(error, dict) else {}
    code, message = fields.get("code"), fields.get("message")
    return ClientError(code if isinstance(code, int) else 0, str(message or "no reason given"))
