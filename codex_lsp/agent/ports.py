"""The seams of a turn: what it needs from the world, as its adapters must provide it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Protocol

from codex_lsp.agent.conversation import ModelRequest
from codex_lsp.agent.events import ModelEvent


class Model(Protocol):
    """A model that answers requests.

    `stream` yields events until `Completed`, and raises a `ModelError` when there will be none.
    It retries by itself, announcing each retry as `Restarted`, but never after it has handed out
    a finished `ToolCall`: then it raises `StreamBroken`. Closing the iterator closes the
    connection.
    """

    def stream(self, request: ModelRequest) -> AsyncIterator[ModelEvent]:
        """Send `request`; see the class."""
        ...
