"""The turn loop: ask the model, run the tools that it calls, until the request is met.

It knows neither editor nor wire. A model's mistake is answered to the model; only a `ModelError`
ends the turn early. Tools run after the answer is whole, in the order of the calls.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, assert_never, cast

from codex_lsp.agent.conversation import (
    AssistantMessage,
    FreeformTool,
    Item,
    Message,
    ModelRequest,
    ReceivedItem,
    ToolCall,
    ToolOutput,
)
from codex_lsp.agent.events import (
    Completed,
    ItemDone,
    ModelEvent,
    RateLimits,
    ReasoningDelta,
    Restarted,
    StreamBroken,
    TextDelta,
    ToolInputDelta,
)
from codex_lsp.agent.steps import Asking, Patching, Retrying, Spent, StepSink, Thinking, Writing
from codex_lsp.agent.tools.tool import Answer

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from codex_lsp.agent.ports import Model
    from codex_lsp.agent.tools.tool import Tool

MAX_ROUNDS = 12


@dataclass(frozen=True, slots=True)
class Ended:
    """How a turn ended: the model's last words, and the conversation to go on from."""

    text: str
    items: tuple[Item, ...]
    rounds: int
    settled: bool


async def run_turn(
    request: ModelRequest,
    *,
    model: Model,
    tools: Sequence[Tool],
    tell: StepSink,
    max_rounds: int = MAX_ROUNDS,
) -> Ended:
    """Run one turn; raises `ModelError` when there is no answer to be had.

    A turn is settled when every call of a round was answered and one of the answers settles it:
    a quick fix whose patch landed needs no second round trip to say so.
    """
    by_name = {tool.spec.name: tool for tool in tools}
    request = replace(request, tools=tuple(tool.spec for tool in tools))
    for number in range(1, max_rounds + 1):
        tell(Asking(number, _size(request.items)))
        reply = await _one_round(request, model, tell)
        outputs: list[ToolOutput] = []
        answers: list[Answer] = []
        for call in reply.calls:
            answer = await _answer(call, by_name)
            answers.append(answer)
            outputs.append(ToolOutput(call, answer.text, answer.images))
        request = replace(request, items=(*request.items, *reply.items, *outputs))
        settled = bool(answers) and all(answer.settles for answer in answers)
        if settled or not (reply.calls or reply.wants_more):
            return Ended(reply.text, request.items, number, settled)
    raise StreamBroken(
        f"Codex did not come to an end in {max_rounds} steps. Ask for something smaller."
    )


@dataclass(slots=True)
class _Reply:
    """What one round trip brought."""

    items: list[ReceivedItem] = field(default_factory=list)
    wants_more: bool = False

    @property
    def calls(self) -> list[ToolCall]:
        return [item for item in self.items if isinstance(item, ToolCall)]

    @property
    def text(self) -> str:
        texts = [item.text for item in self.items if isinstance(item, AssistantMessage)]
        return "\n\n".join(texts)


async def _one_round(request: ModelRequest, model: Model, tell: StepSink) -> _Reply:
    reply = _Reply()
    patched = 0
    stream = cast("AsyncGenerator[ModelEvent, None]", model.stream(request))
    try:
        async with aclosing(stream):
            async for event in stream:
                if isinstance(event, Restarted):
                    reply, patched = _Reply(), 0
                elif isinstance(event, ToolInputDelta):
                    patched += len(event.text)
                    tell(Patching(patched))
                _take(event, reply, tell)
    except StreamBroken:
        # Finished calls were handed out for good: they are answered, and the model asked again.
        if not reply.calls:
            raise
    return reply


def _take(event: ModelEvent, reply: _Reply, tell: StepSink) -> None:
    match event:
        case TextDelta(text):
            tell(Writing(text))
        case ReasoningDelta(text):
            tell(Thinking(text))
        case ToolInputDelta():
            pass
        case ItemDone(item):
            reply.items.append(item)
        case Restarted(wait=wait, reason=reason):
            tell(Retrying(wait, reason))
        case RateLimits():
            tell(event)
        case Completed(usage=usage, end_turn=end_turn):
            reply.wants_more = end_turn is False
            tell(Spent(usage))
        case _:
            assert_never(event)


async def _answer(call: ToolCall, tools: dict[str, Tool]) -> Answer:
    tool = tools.get(call.name)
    if tool is None:
        kind = "custom tool call" if call.freeform else "call"
        return Answer(f"unsupported {kind}: {call.name}")
    if call.freeform != isinstance(tool.spec, FreeformTool):
        return Answer(f"{call.name} was called in the wrong form")
    return await tool.run(call.arguments)


def _size(items: Sequence[Item]) -> int:
    return sum(len(item.text.encode()) for item in items if isinstance(item, Message | ToolOutput))
