"""A model that says what its script says. Steps that are left over fail the test."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from itertools import count

from codex_lsp.agent.conversation import AssistantMessage, ModelRequest, ToolCall
from codex_lsp.agent.events import (
    Completed,
    ItemDone,
    ModelError,
    ModelEvent,
    TextDelta,
    Usage,
)

_ids = count(1)

Reply = Sequence[ModelEvent | ModelError]


class ScriptedModel:
    """Answers the n-th request with the n-th reply; an error in a reply is raised there."""

    def __init__(self, *replies: Reply) -> None:
        self._replies = list(replies)
        self.requests: list[ModelRequest] = []

    async def stream(self, request: ModelRequest) -> AsyncIterator[ModelEvent]:
        self.requests.append(request)
        assert self._replies, "the model was asked once more than the script says"
        for event in self._replies.pop(0):
            if isinstance(event, ModelError):
                raise event
            yield event

    def assert_used_up(self) -> None:
        assert not self._replies, f"{len(self._replies)} replies of the script were not asked for"


def says(text: str, *, tokens: int = 0) -> list[ModelEvent]:
    return [TextDelta(text), ItemDone(AssistantMessage(text, {})), done(tokens)]


def patches(patch: str) -> list[ModelEvent]:
    return [call("apply_patch", patch, freeform=True), done()]


def call(name: str, arguments: str, *, freeform: bool = False) -> ItemDone:
    return ItemDone(ToolCall(f"call_{next(_ids)}", name, arguments, freeform, {}))


def done(tokens: int = 0) -> Completed:
    """The completion; the service has counted `tokens`, 0 for a service that does not count."""
    usage = Usage(tokens - 1, 0, 1, 0, tokens) if tokens else None
    return Completed(usage, None)
