"""A conversation that turns add to, one after the other, and that later turns go on from.

It is kept in memory, and is whole at any moment between two steps of a turn: what a cancel or a
failure leaves open is closed by `settle`. It knows no model and no tools.
"""

from __future__ import annotations

import asyncio
import uuid
from dataclasses import dataclass, field

from codex_lsp.agent.conversation import Item, Reasoning, ToolCall, ToolOutput
from codex_lsp.agent.events import Usage
from codex_lsp.agent.usage import tokens_of

ABORTED = "aborted"
"""What a call is answered with whose tool did not come to an answer."""

STOPPED = (
    "<turn_aborted>\nThe turn ended here before it was done. What was being done at that moment "
    "may have been done, in part or whole: look before you go on.\n</turn_aborted>"
)


@dataclass(slots=True, eq=False)
class Thread:
    """`id` is the provider's cache key. `turn` is held by the turn that runs.

    `forked_from` is the id of the one that it began from, "" for none. `counted` is how many tokens
    the service counted last, and for how many of the items.
    """

    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    items: tuple[Item, ...] = ()
    turn: asyncio.Lock = field(default_factory=asyncio.Lock, repr=False)
    counted: tuple[int, int] = (0, 0)
    forked_from: str = ""

    def add(self, *items: Item) -> None:
        """Something was said."""
        self.items = (*self.items, *items)

    def count(self, usage: Usage | None) -> None:
        """The service has counted what was said so far, the last answer included."""
        if usage is not None and usage.total_tokens > 0:
            self.counted = (usage.total_tokens, len(self.items))

    def tokens(self, besides: int = 0) -> int:
        """How full the model's context is; `besides` is what a request holds beside the items."""
        tokens, items = self.counted
        if not 0 < items <= len(self.items):
            return besides + tokens_of(self.items)
        return tokens + tokens_of(self.items[items:])

    def shorten(self, items: tuple[Item, ...]) -> None:
        """`items` take the place of all that was said."""
        self.items, self.counted = items, (0, 0)

    def settle(self) -> None:
        """The turn is over, however it ended: each call gets its answer."""
        self.items = settled(self.items)

    def fork(self) -> Thread:
        """Another conversation that begins with what was said in this one."""
        return Thread(items=settled(self.items), forked_from=self.id)


def settled(items: tuple[Item, ...]) -> tuple[Item, ...]:
    """`items` such that they can be sent: every call answered once, no thought without its end.

    Calls are told apart by what they are, not by their ids, which careless models give twice.
    """
    items = without_loose_end(items)
    answered = {id(item.call) for item in items if isinstance(item, ToolOutput)}
    unanswered = [item for item in items if isinstance(item, ToolCall) and id(item) not in answered]
    return (*items, *(ToolOutput(call, ABORTED) for call in unanswered))


def without_loose_end(items: tuple[Item, ...]) -> tuple[Item, ...]:
    """`items` up to the last that is no thought: services refuse one that leads nowhere."""
    while items and isinstance(items[-1], Reasoning):
        items = items[:-1]
    return items
