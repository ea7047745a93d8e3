"""What is said between a turn and a model, without the wire's names.

A conversation is a tuple of items. What a model sent back keeps its `raw` JSON object, which is
replayed untouched on the next round trip: encrypted reasoning is only valid verbatim.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Raw = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Message:
    """Text that we say. `developer` carries our rules, `user` the person's request and context.

    `kind` says what a compaction makes of it: what the person `said` is kept as far as there is
    room, `context` is kept, and a `summary` gives way to the next one.
    """

    role: Literal["developer", "user"]
    text: str
    kind: Literal["said", "context", "summary"] = "said"


@dataclass(frozen=True, slots=True)
class AssistantMessage:
    """Prose of the model, finished."""

    text: str
    raw: Raw


@dataclass(frozen=True, slots=True)
class Reasoning:
    """A reasoning item; opaque but for its summary, and replayed verbatim."""

    summary: str
    raw: Raw


@dataclass(frozen=True, slots=True)
class ToolCall:
    """The model asks for a tool. `arguments` is raw text if `freeform`, else a JSON document."""

    call_id: str
    name: str
    arguments: str
    freeform: bool
    raw: Raw


@dataclass(frozen=True, slots=True)
class Opaque:
    """An item of a kind that we do not know: kept and replayed."""

    raw: Raw


@dataclass(frozen=True, slots=True)
class Compaction:
    """What the service made of a conversation that it shortened; only it can read that."""

    raw: Raw


@dataclass(frozen=True, slots=True)
class CompactionTrigger:
    """Asks the service to shorten the conversation before it; is never kept."""


@dataclass(frozen=True, slots=True)
class Image:
    """A picture for the model, as its file holds it; `media` is its type, such as `image/png`."""

    media: str
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class ToolOutput:
    """The answer to one `ToolCall`; each call gets exactly one."""

    call: ToolCall
    text: str
    images: tuple[Image, ...] = ()


ReceivedItem = AssistantMessage | Reasoning | ToolCall | Compaction | Opaque
Item = Message | ReceivedItem | ToolOutput | CompactionTrigger


@dataclass(frozen=True, slots=True)
class FunctionTool:
    """A tool whose arguments are a JSON object that fits `parameters` (a JSON Schema)."""

    name: str
    description: str
    parameters: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class FreeformTool:
    """A tool that takes raw text constrained by a Lark `grammar`.

    A provider without freeform tools is given it as a function with one string, `input`; the
    answer comes back as a freeform `ToolCall` all the same.
    """

    name: str
    description: str
    grammar: str


Tool = FunctionTool | FreeformTool


@dataclass(frozen=True, slots=True)
class ModelRequest:
    """One round trip: everything that the model is given.

    `conversation_id` is stable over a conversation's round trips (the provider's cache key);
    `turn_id` over one turn's. `effort` is the reasoning effort, None for the model's default.
    """

    conversation_id: str
    turn_id: str
    instructions: str
    items: tuple[Item, ...]
    tools: tuple[Tool, ...] = ()
    effort: str | None = None
