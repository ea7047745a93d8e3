"""One request as the JSON of one POST: the classic shape, with the whole conversation in it.

Items of the model go back verbatim from their `raw`: encrypted reasoning is valid only so.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, assert_never

from codex_lsp.agent.conversation import (
    AssistantMessage,
    Compaction,
    CompactionTrigger,
    FreeformTool,
    FunctionTool,
    Image,
    Item,
    Message,
    ModelRequest,
    Opaque,
    Reasoning,
    Tool,
    ToolCall,
    ToolOutput,
)


@dataclass(frozen=True, slots=True)
class Dialect:
    """What a provider takes.

    `openai`: it is OpenAI's own service, or stands in for it, and knows all fields.
    """

    openai: bool
    freeform_tools: bool
    parallel_tool_calls: bool


OPENAI = Dialect(openai=True, freeform_tools=True, parallel_tool_calls=True)
PLAIN = Dialect(openai=False, freeform_tools=False, parallel_tool_calls=False)


@dataclass(frozen=True, slots=True)
class Style:
    """How to answer; None leaves it to the model. OpenAI's reasoning models take no temperature."""

    summary: str | None = None
    verbosity: str | None = None
    temperature: float | None = None
    service_tier: str | None = None


def body(
    request: ModelRequest, model: str, dialect: Dialect, style: Style = Style()
) -> dict[str, Any]:
    """The JSON object to send. Of `reasoning`, plain providers get only what was asked for."""
    asked = {"effort": request.effort, "summary": style.summary}
    reasoning = {key: value for key, value in asked.items() if value is not None}
    found: dict[str, Any] = {
        "model": model,
        "stream": True,
        "instructions": request.instructions,
        "input": [item_json(item) for item in request.items],
        "tools": [_tool(tool, dialect) for tool in request.tools],
        "tool_choice": "auto",
        "parallel_tool_calls": dialect.parallel_tool_calls,
        "reasoning": reasoning,
        "store": False,
        "include": ["reasoning.encrypted_content"],
        "prompt_cache_key": request.conversation_id,
    }
    if style.verbosity is not None:
        found["text"] = {"verbosity": style.verbosity}
    if style.temperature is not None:
        found["temperature"] = style.temperature
    if dialect.openai and style.service_tier is not None:
        found["service_tier"] = style.service_tier
    if dialect.openai:
        found["client_metadata"] = {
            "session_id": request.conversation_id,
            "thread_id": request.conversation_id,
            "turn_id": request.turn_id,
        }
    else:
        for name in _idle_fields(request, reasoning):
            del found[name]
    if not request.instructions:
        del found["instructions"]
    return found


def _idle_fields(request: ModelRequest, reasoning: Mapping[str, Any]) -> tuple[str, ...]:
    """Fields that say nothing in this request, and that some servers refuse all the same."""
    unused = () if request.tools else ("tools", "tool_choice", "parallel_tool_calls")
    return unused if reasoning else (*unused, "reasoning")


def item_json(item: Item) -> dict[str, Any]:
    """An item as it stands in a request, and in the files of Codex's sessions."""
    match item:
        case Message(role, text):
            content = [{"type": "input_text", "text": text}]
            return {"type": "message", "role": role, "content": content}
        case ToolOutput(call):
            # The output's kind follows the call's: a freeform tool may have come as a function.
            custom = call.raw.get("type") == "custom_tool_call"
            kind = "custom_tool_call_output" if custom else "function_call_output"
            return {"type": kind, "call_id": call.call_id, "output": _output(item)}
        case AssistantMessage() | Reasoning() | ToolCall() | Compaction() | Opaque():
            return dict(item.raw)
        case CompactionTrigger():
            return {"type": "compaction_trigger"}
        case _:
            assert_never(item)


def _output(item: ToolOutput) -> str | list[dict[str, str]]:
    """Plain text, or, where there are images, a list of parts."""
    if not item.images:
        return item.text
    parts = [{"type": "input_text", "text": item.text}] if item.text else []
    return [*parts, *({"type": "input_image", "image_url": _data_url(one)} for one in item.images)]


def _data_url(image: Image) -> str:
    return f"data:{image.media};base64,{b64encode(image.data).decode('ascii')}"


def _tool(tool: Tool, dialect: Dialect) -> dict[str, Any]:
    match tool:
        case FreeformTool() if dialect.freeform_tools:
            grammar = {"type": "grammar", "syntax": "lark", "definition": tool.grammar}
            return {
                "type": "custom",
                "name": tool.name,
                "description": tool.description,
                "format": grammar,
            }
        case FreeformTool():
            return _function(tool, _one_text(tool.name))
        case FunctionTool():
            return _function(tool, tool.parameters)
        case _:
            assert_never(tool)


def _function(tool: Tool, parameters: Mapping[str, object]) -> dict[str, Any]:
    return {
        "type": "function",
        "name": tool.name,
        "description": tool.description,
        "strict": False,
        "parameters": parameters,
    }


def _one_text(name: str) -> dict[str, Any]:
    """A freeform tool's input as a schema, for providers that know only functions."""
    return {
        "type": "object",
        "properties": {"input": {"type": "string", "description": f"The whole text for {name}"}},
        "required": ["input"],
        "additionalProperties": False,
    }
