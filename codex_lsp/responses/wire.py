"""What stream events say, in our words. Wire names end here.

Events that we do not know, need or understand are passed over.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass

from codex_lsp.agent.conversation import (
    AssistantMessage,
    Compaction,
    FreeformTool,
    ModelRequest,
    Opaque,
    Raw,
    Reasoning,
    ReceivedItem,
    ToolCall,
)
from codex_lsp.agent.events import (
    Completed,
    ItemDone,
    ModelEvent,
    ReasoningDelta,
    TextDelta,
    ToolInputDelta,
    Usage,
)
from codex_lsp.responses.fields import Json, count_in, object_in, text_in, texts
from codex_lsp.responses.limits import rate_limits_in
from codex_lsp.responses.sse import ServerEvent


@dataclass(frozen=True, slots=True)
class Failed:
    """The stream's own word that there will be no answer."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Incomplete:
    """The answer stops short, for the service's `reason`."""

    reason: str


Signal = ModelEvent | Failed | Incomplete


def signal(event: ServerEvent, request: ModelRequest) -> Signal | None:
    """What `event`, of an answer to `request`, says to us."""
    said = _parsed(event)
    kind = said.get("type", event.name)
    if kind == "response.output_item.done":
        raw = object_in(said, "item")
        return ItemDone(received(raw, request)) if raw else None
    meaning = _MEANINGS.get(kind) if isinstance(kind, str) else None
    return meaning(said) if meaning is not None else None


def listed_items(event: ServerEvent, request: ModelRequest) -> list[ItemDone]:
    """The items that a `response.completed` lists.

    For servers that send them only there. Where they came on their own these are the same again,
    maybe under other ids, and must be left alone.
    """
    output = object_in(_parsed(event), "response").get("output")
    listed = output if isinstance(output, list) else []
    return [ItemDone(received(raw, request)) for raw in listed if isinstance(raw, dict)]


def _parsed(event: ServerEvent) -> Json:
    try:
        said = json.loads(event.data)
    except (ValueError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}


def received(raw: Raw, request: ModelRequest) -> ReceivedItem:
    """An item of the model in our words."""
    match raw.get("type"):
        case "message":
            return AssistantMessage("".join(texts(raw.get("content"), "text", "refusal")), raw)
        case "reasoning":
            return Reasoning("\n\n".join(texts(raw.get("summary"), "text")), raw)
        case "function_call" | "custom_tool_call":
            return _call(raw, request)
        case "compaction" | "compaction_summary":
            return Compaction(raw)
        case _:
            return Opaque(raw)


def _call(raw: Raw, request: ModelRequest) -> ReceivedItem:
    name, call_id = text_in(raw, "name"), text_in(raw, "call_id") or text_in(raw, "id")
    if not name or not call_id:
        return Opaque(raw)
    if raw["type"] == "custom_tool_call":
        return ToolCall(call_id, name, text_in(raw, "input"), freeform=True, raw=raw)
    arguments = text_in(raw, "arguments")
    freeform = any(isinstance(tool, FreeformTool) and tool.name == name for tool in request.tools)
    if freeform:
        arguments = _freeform_input(arguments)
    return ToolCall(call_id, name, arguments, freeform=freeform, raw=raw)


def _freeform_input(arguments: str) -> str:
    """The text that was meant: small models forget the wrapping, so what is not it stands."""
    try:
        meant = json.loads(arguments)
    except (ValueError, RecursionError):
        return arguments
    if isinstance(meant, dict):
        meant = meant.get("input")
    return meant if isinstance(meant, str) else arguments


def _delta(kind: type[TextDelta | ReasoningDelta | ToolInputDelta], event: Json) -> Signal | None:
    text = text_in(event, "delta")
    return kind(text) if text else None


def _completed(response: Json) -> Completed:
    end_turn = response.get("end_turn")
    return Completed(
        usage=_usage(response.get("usage")),
        end_turn=end_turn if isinstance(end_turn, bool) else None,
    )


def _usage(usage: object) -> Usage | None:
    if not isinstance(usage, dict):
        return None
    return Usage(
        input_tokens=count_in(usage, "input_tokens"),
        cached_tokens=count_in(object_in(usage, "input_tokens_details"), "cached_tokens"),
        output_tokens=count_in(usage, "output_tokens"),
        reasoning_tokens=count_in(object_in(usage, "output_tokens_details"), "reasoning_tokens"),
        total_tokens=count_in(usage, "total_tokens"),
    )


def _failed(error: Json) -> Failed:
    return Failed(text_in(error, "code") or text_in(error, "type"), text_in(error, "message"))


def _incomplete(response: Json) -> Signal:
    reason = text_in(object_in(response, "incomplete_details"), "reason")
    if reason == "interrupted":
        # The service cut its own answer: what came is whole as far as it goes; ask for more.
        return Completed(_usage(response.get("usage")), end_turn=False)
    return Incomplete(reason)


_MEANINGS: dict[str, Callable[[Json], Signal | None]] = {
    "response.completed": lambda said: _completed(object_in(said, "response")),
    "response.output_text.delta": lambda said: _delta(TextDelta, said),
    "response.reasoning_summary_text.delta": lambda said: _delta(ReasoningDelta, said),
    "response.reasoning_text.delta": lambda said: _delta(ReasoningDelta, said),
    "response.custom_tool_call_input.delta": lambda said: _delta(ToolInputDelta, said),
    "response.function_call_arguments.delta": lambda said: _delta(ToolInputDelta, said),
    "response.failed": lambda said: _failed(object_in(object_in(said, "response"), "error")),
    "response.incomplete": lambda said: _incomplete(object_in(said, "response")),
    "error": lambda said: _failed(object_in(said, "error") or said),
    "codex.rate_limits": lambda said: rate_limits_in(object_in(said, "rate_limits")),
}
