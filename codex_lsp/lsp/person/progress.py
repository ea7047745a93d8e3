"""Work-done progress: begins, reports in a person's words, and always ends.

The token is created without holding anything up: reports that come before the client agreed are
kept to the newest one, and a client that does not agree is left in peace.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Protocol

from codex_lsp.lsp.connection.client import ClientFailure

INTERVAL = 0.1  # seconds between two reports: more often than an eye can follow helps nobody


class Wire(Protocol):
    """The client, as this room speaks to it."""

    async def ask(self, method: str, params: object, *, timeout: float) -> object:  # noqa: ASYNC109 - a deadline is part of each question
        """Send a request and wait for its plain result; raises `ClientFailure`."""
        ...

    def notify(self, method: str, params: object) -> None:
        """Send a notification."""
        ...


class Progress:
    """The progress of one task. `token` is the task's id."""

    def __init__(self, wire: Wire, token: str, title: str) -> None:
        self._wire = wire
        self._token = token
        self._title = title
        self._begun = False
        self._ended = False
        self._message: str | None = None
        self._percentage: int | None = None
        self._shown: str | None = None
        self._timer: asyncio.TimerHandle | None = None

    async def open(self) -> None:
        """Ask the client for a progress of its own, and begin it."""
        try:
            await self._wire.ask(
                "window/workDoneProgress/create", {"token": self._token}, timeout=10
            )
        except ClientFailure:
            return
        self._begin()
        if self._ended:
            self._send({"kind": "end", "message": self._message})

    def report(self, message: str, percentage: int | None = None) -> None:
        """Say what is happening now, and how much is done; None leaves that as it was."""
        self._message = message
        if percentage is not None:
            self._percentage = percentage
        if self._begun and not self._ended and self._timer is None:
            self._flush()
            self._timer = asyncio.get_running_loop().call_later(INTERVAL, self._tick)

    def end(self, message: str) -> None:
        """Say how it ended; nothing is shown after this."""
        if self._ended:
            return
        self._ended = True
        self._message = message
        if self._timer is not None:
            self._timer.cancel()
        if self._begun:
            self._send({"kind": "end", "message": message})

    def _begin(self) -> None:
        self._begun = True
        begin: dict[str, object] = {"kind": "begin", "title": self._title, "cancellable": True}
        if self._message is not None and not self._ended:
            begin["message"] = self._shown = self._message
            begin |= self._share()
        self._send(begin)

    def _tick(self) -> None:
        self._timer = None
        if self._message != self._shown and not self._ended:
            self.report(self._message or "")

    def _flush(self) -> None:
        self._shown = self._message
        self._send({"kind": "report", "message": self._message, **self._share()})

    def _share(self) -> dict[str, object]:
        return {} if self._percentage is None else {"percentage": self._percentage}

    def _send(self, value: Mapping[str, object]) -> None:
        self._wire.notify("$/progress", {"token": self._token, "value": value})
