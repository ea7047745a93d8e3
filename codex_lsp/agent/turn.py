"""The turn loop: ask the model, run the tools that it calls, until the request is met.

It knows neither editor nor wire. A model's mistake is answered to the model; only a `ModelError`
ends the turn early. Tools run from finished calls, after the answer is whole. However a turn ends,
it leaves its thread such that another can go on from it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import TYPE_CHECKING, assert_never, cast

from codex_lsp.agent.compaction import Window, compact
from codex_lsp.agent.conversation import (
    AssistantMessage,
    FreeformTool,
    Item,
    Message,
    ModelRequest,
    ToolCall,
    ToolOutput,
)
from codex_lsp.agent.events import (
    Completed,
    ContextTooLong,
    ItemDone,
    ModelEvent,
    RateLimits,
    ReasoningDelta,
    Restarted,
    StreamBroken,
    TextDelta,
    ToolInputDelta,
)
from codex_lsp.agent.steering import Inbox
from codex_lsp.agent.steps import (
    Asking,
    Compacting,
    Patching,
    Retrying,
    Spent,
    Steered,
    StepSink,
    Thinking,
    Writing,
)
from codex_lsp.agent.thread import STOPPED, Thread, without_loose_end
from codex_lsp.agent.tools.tool import Answer
from codex_lsp.agent.truncation import BYTES_PER_TOKEN

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Coroutine

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


@dataclass(slots=True)
class Turn:
    """One turn of `thread`. `request` says who asks, and by which rules; its items do not count.

    `inbox` is where the person may add to it. `settles`: it is over when every call of a round
    was answered and each answer settles it: a quick fix whose patch landed needs no second round
    trip to say so. `window`: the conversation is shortened before it is larger than this.
    """

    request: ModelRequest
    thread: Thread
    model: Model
    tools: Sequence[Tool]
    tell: StepSink
    inbox: Inbox = field(default_factory=Inbox)
    settles: bool = True
    window: Window | None = None
    enough: int = 0
    max_rounds: int = MAX_ROUNDS


async def run_turn(turn: Turn) -> Ended:
    """Run one turn; raises `ModelError` when there is no answer to be had."""
    done = False
    try:
        ended = await _rounds(turn)
        done = True
    finally:
        turn.thread.settle()
        turn.thread.add(*(Message("user", text) for text in turn.inbox.close()))
        if not done:
            turn.thread.add(Message("user", STOPPED, "summary"))
    return replace(ended, items=turn.thread.items)


async def _rounds(turn: Turn) -> Ended:
    thread = turn.thread
    for number in range(1, turn.max_rounds + 1):
        _hear(turn)
        if turn.window is not None and _tokens(turn) >= max(turn.window.trigger, turn.enough):
            await _shorten(turn, turn.window)
        turn.tell(Asking(number, _size(thread.items)))
        reply = await _asked(turn)
        answers = await _run(reply.calls, turn)
        settled = turn.settles and bool(answers) and all(answer.settles for answer in answers)
        over = settled or not (reply.calls or reply.wants_more)
        if over and turn.inbox.close_if_empty():
            return Ended(reply.text, thread.items, number, settled)
    raise StreamBroken(
        f"Codex did not come to an end in {turn.max_rounds} steps. Ask for something smaller."
    )


def _hear(turn: Turn) -> None:
    """What the person added goes to the model with the next request."""
    for text in turn.inbox.take():
        turn.thread.add(Message("user", text))
        turn.tell(Steered(text))


async def _asked(turn: Turn) -> _Reply:
    """One round; a conversation that turns out to be too long is shortened once."""
    before = turn.thread.items
    try:
        return await _one_round(turn)
    except ContextTooLong:
        turn.thread.items = before
        if turn.window is None:
            raise
        await _shorten(turn, turn.window)
        return await _one_round(turn)


async def _shorten(turn: Turn, window: Window) -> None:
    thread = turn.thread
    turn.tell(Compacting(_tokens(turn)))
    request = _request(turn)
    thread.shorten(await compact(request, turn.model, turn.tell, window))
    # What cannot be made shorter must not be tried again with each round.
    turn.enough = _tokens(turn) + window.tokens // 20


def _tokens(turn: Turn) -> int:
    """How full the context is, our rules and the tools included."""
    tools = sum(len(repr(tool.spec)) for tool in turn.tools)
    return turn.thread.tokens((len(turn.request.instructions) + tools) // BYTES_PER_TOKEN)


def _request(turn: Turn) -> ModelRequest:
    tools = tuple(tool.spec for tool in turn.tools)
    return replace(turn.request, items=turn.thread.items, tools=tools)


@dataclass(slots=True)
class _Reply:
    """What one round trip brought."""

    calls: list[ToolCall] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    wants_more: bool = False

    @property
    def text(self) -> str:
        return "\n\n".join(self.texts)


async def _one_round(turn: Turn) -> _Reply:
    """Ask once; what the model finishes is in the thread as soon as it has come."""
    tell, thread = turn.tell, turn.thread
    reply, patched = _Reply(), 0
    before = thread.items
    stream = cast("AsyncGenerator[ModelEvent, None]", turn.model.stream(_request(turn)))
    try:
        async with aclosing(stream):
            async for event in stream:
                if isinstance(event, Restarted):
                    reply, patched = _Reply(), 0
                    thread.items = before
                elif isinstance(event, ToolInputDelta):
                    patched += len(event.text)
                    tell(Patching(patched))
                elif isinstance(event, ItemDone):
                    if event.item in thread.items[len(before) :]:
                        continue  # the service said it twice: a call is made once
                    thread.add(event.item)
                elif isinstance(event, Completed):
                    thread.count(event.usage)
                _take(event, reply, tell)
    except StreamBroken:
        # Finished calls were handed out for good: they are answered, and the model asked again.
        if not reply.calls:
            raise
        thread.items = without_loose_end(thread.items)
    return reply


def _take(event: ModelEvent, reply: _Reply, tell: StepSink) -> None:
    match event:
        case TextDelta(text):
            tell(Writing(text))
        case ReasoningDelta(text):
            tell(Thinking(text))
        case ItemDone(ToolCall() as call):
            reply.calls.append(call)
        case ItemDone(AssistantMessage(text)):
            reply.texts.append(text)
        case ToolInputDelta() | ItemDone():
            pass
        case Restarted(wait=wait, reason=reason):
            tell(Retrying(wait, reason))
        case RateLimits():
            tell(event)
        case Completed(usage=usage, end_turn=end_turn):
            reply.wants_more = end_turn is False
            tell(Spent(usage))
        case _:
            assert_never(event)


async def _run(calls: Sequence[ToolCall], turn: Turn) -> list[Answer]:
    """Answer the calls in order; neighbours that only read are run side by side.

    What was answered is in the thread even when the turn is cancelled in the middle.
    """
    tools = {tool.spec.name: tool for tool in turn.tools}
    answers: dict[int, Answer] = {}

    async def answer(at: int) -> None:
        answers[at] = await _answer(calls[at], tools)

    def only_reads(at: int) -> bool:
        tool = tools.get(calls[at].name)
        return tool is not None and tool.reads_only

    try:
        for reading, group in groupby(range(len(calls)), only_reads):
            if reading:
                await _side_by_side([answer(at) for at in group])
            else:
                for at in group:
                    await answer(at)
    finally:
        done = sorted(answers.items())
        turn.thread.add(*(ToolOutput(calls[at], said.text, said.images) for at, said in done))
    return [said for _, said in done]


async def _side_by_side(work: Sequence[Coroutine[None, None, None]]) -> None:
    try:
        async with asyncio.TaskGroup() as group:
            for one in work:
                group.create_task(one)
    except ExceptionGroup as failed:
        raise failed.exceptions[0] from failed


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
