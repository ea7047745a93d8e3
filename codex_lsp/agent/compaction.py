"""Shortens a conversation before it fills the model's context: a summary takes the place of what
was done, and what the person said is kept in their own words as far as there is room.

Some services do it themselves, and give back something that only they can read. Where they refuse,
or do not know how, the model is asked for a summary by a prompt of our own.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, cast

from codex_lsp.agent import prompt
from codex_lsp.agent.conversation import (
    AssistantMessage,
    Compaction,
    CompactionTrigger,
    Item,
    Message,
    ModelRequest,
    ReceivedItem,
    ToolCall,
    ToolOutput,
)
from codex_lsp.agent.events import (
    Completed,
    ContextTooLong,
    ItemDone,
    ModelEvent,
    RateLimits,
    RequestRefused,
    Restarted,
    StreamBroken,
)
from codex_lsp.agent.steps import Retrying, Spent, StepSink
from codex_lsp.agent.truncation import Limit, shortened
from codex_lsp.agent.usage import tokens_of

if TYPE_CHECKING:
    from codex_lsp.agent.ports import Model

KEPT_TOKENS = 20_000
KEPT_BESIDE_REMOTE = 64_000
_DROPPED_AT_ONCE = 0.1


@dataclass(frozen=True, slots=True)
class Window:
    """How much a model takes, in tokens. `limit` is where the person wants it shortened at last.

    `remote`: its service knows how to shorten a conversation. `prompt` is what the person wants a
    summary asked for with, None for our own words.
    """

    tokens: int = 272_000
    limit: int | None = None
    remote: bool = False
    prompt: str | None = None

    @property
    def trigger(self) -> int:
        """From so many tokens on, a conversation is shortened: at nine tenths, or at the limit."""
        nine_tenths = self.tokens * 9 // 10
        return nine_tenths if self.limit is None else min(self.limit, nine_tenths)


async def compact(
    request: ModelRequest, model: Model, tell: StepSink, window: Window
) -> tuple[Item, ...]:
    """What is left of the items of `request`; raises `ModelError`, and then nothing has changed."""
    if window.remote:
        try:
            return await _by_service(request, model, tell)
        except (RequestRefused, ContextTooLong, StreamBroken):
            pass  # it does not know how, or not now: a summary will do
    return await _by_summary(request, model, tell, window.prompt or prompt.COMPACTING)


async def _by_service(request: ModelRequest, model: Model, tell: StepSink) -> tuple[Item, ...]:
    asked = replace(request, items=(*request.items, CompactionTrigger()))
    made = [item for item in await _answer(asked, model, tell) if isinstance(item, Compaction)]
    if len(made) != 1:
        raise RequestRefused("The service did not shorten the conversation.")
    kept = _recent(request.items, KEPT_BESIDE_REMOTE, answers=True)
    return (*_context(request.items), *kept, made[0])


async def _by_summary(
    request: ModelRequest, model: Model, tell: StepSink, how: str
) -> tuple[Item, ...]:
    """What does not fit is left out from the oldest on until the request for a summary fits."""
    items = request.items
    wish = Message("user", how, "summary")
    while True:
        try:
            answer = await _answer(replace(request, items=(*items, wish), tools=()), model, tell)
            break
        except ContextTooLong:
            fewer = without_oldest(items)
            if not fewer:
                raise
            items = fewer
    texts = [item.text for item in answer if isinstance(item, AssistantMessage)]
    summary = Message("user", prompt.summary("\n\n".join(texts).strip()), "summary")
    return (*_context(request.items), *_recent(request.items, KEPT_TOKENS), summary)


async def _answer(request: ModelRequest, model: Model, tell: StepSink) -> list[ReceivedItem]:
    items: list[ReceivedItem] = []
    stream = cast("AsyncGenerator[ModelEvent, None]", model.stream(request))
    async with aclosing(stream):
        async for event in stream:
            match event:
                case ItemDone(item):
                    items.append(item)
                case Restarted(wait=wait, reason=reason):
                    items.clear()
                    tell(Retrying(wait, reason))
                case Completed(usage=usage):
                    tell(Spent(usage))
                case RateLimits():
                    tell(event)
                case _:
                    pass
    return items


def _context(items: tuple[Item, ...]) -> list[Item]:
    """What the turns were given beside the person's words: it holds on."""
    return [item for item in items if isinstance(item, Message) and item.kind == "context"]


def _recent(items: tuple[Item, ...], room: int, *, answers: bool = False) -> list[Item]:
    """The newest of what the person said (and of what they were told), up to `room` tokens.

    What is half in is cut in its middle; what the person said last is there in any case.
    """
    kept: list[Item] = []
    for item in reversed(items):
        said = isinstance(item, Message) and item.kind == "said"
        if not said and not (answers and isinstance(item, AssistantMessage)):
            continue
        size = tokens_of((item,))
        if size > room:
            if isinstance(item, Message) and room > 0:
                kept.append(replace(item, text=shortened(item.text, Limit(room))))
            break
        room -= size
        kept.append(item)
    return kept[::-1]


def without_oldest(items: tuple[Item, ...]) -> tuple[Item, ...]:
    """`items` without the oldest tenth of their tokens, nor answers whose calls are gone."""
    enough = tokens_of(items) * _DROPPED_AT_ONCE
    at, dropped = 0, 0
    while at < len(items) and dropped <= enough:
        dropped += tokens_of((items[at],))
        at += 1
    left = items[at:]
    calls = {id(item) for item in left if isinstance(item, ToolCall)}
    return tuple(
        item for item in left if not isinstance(item, ToolOutput) or id(item.call) in calls
    )
