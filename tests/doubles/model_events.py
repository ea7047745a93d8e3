"""Turns a scripted answer into the bytes of an event stream, in the Responses API's words.

The order and the keys are those of the public API as Codex's own tests and clients know them.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from typing import Any, assert_never

from tests.doubles.model_script import (
    Call,
    Custom,
    Event,
    Gate,
    Limits,
    Part,
    Patch,
    Reasoning,
    Text,
    Turn,
    Wire,
    as_json,
)

Json = dict[str, Any]
_ENDINGS = {"completed", "failed", "incomplete"}


def encode(turn: Turn, request: Json, numbers: Iterator[int]) -> Iterator[bytes | Gate]:
    """The stream of `turn`, one event a piece; `numbers` makes ids that do not repeat."""
    response: Json = {
        "id": f"resp_{next(numbers):06d}",
        "object": "response",
        "status": "in_progress",
        "model": request.get("model"),
        "output": [],
        "usage": None,
    }
    sequence = itertools.count()
    for event in _events(turn, request, response, numbers):
        if not isinstance(event, dict):
            yield event
            continue
        kind = event["type"]
        numbered = {"sequence_number": next(sequence)} if kind.startswith("response.") else {}
        data = json.dumps({"type": kind, **numbered, **event})
        yield f"event: {kind}\ndata: {data}\n\n".encode()


def _events(
    turn: Turn, request: Json, response: Json, numbers: Iterator[int]
) -> Iterator[Json | bytes | Gate]:
    yield {"type": "response.created", "response": dict(response)}
    yield {"type": "response.in_progress", "response": dict(response)}
    output: list[Json] = []
    for part in turn.parts:
        for event in _part(part, request, len(output), next(numbers)):
            yield event
            if isinstance(event, dict) and event["type"] == "response.output_item.done":
                output.append(event["item"])
    if turn.ending in _ENDINGS and turn.cut_at is None:
        yield _ending(turn, {**response, "status": turn.ending, "output": output})


def _ending(turn: Turn, response: Json) -> Json:
    if turn.ending == "completed":
        response["usage"] = turn.usage
        if turn.end_turn is not None:
            response["end_turn"] = turn.end_turn
    elif turn.ending == "failed":
        response["error"] = turn.failure
    else:
        response["incomplete_details"] = turn.failure
    return {"type": f"response.{turn.ending}", "response": response}


def _part(part: Part, request: Json, index: int, number: int) -> Iterator[Json | bytes | Gate]:
    match part:
        case Gate():
            yield part
        case Wire(data):
            yield data
        case Event(data):
            yield dict(data)
        case Limits():
            yield _limits(part)
        case Text(text, piece):
            yield from _message(text, piece, index, f"msg_{number:06d}")
        case Reasoning():
            yield from _reasoning(part, index, f"rs_{number:06d}")
        case Call(name, arguments, piece):
            call = {"name": name, "call_id": f"call_{number:06d}", "id": f"fc_{number:06d}"}
            yield from _call("function_call", "arguments", call, as_json(arguments), piece, index)
        case Custom(name, text, piece):
            call = {"name": name, "call_id": f"call_{number:06d}", "id": f"ctc_{number:06d}"}
            yield from _call("custom_tool_call", "input", call, text, piece, index)
        case Patch(text, piece):
            yield from _part(_as_offered(text, piece, request), request, index, number)
        case _:
            assert_never(part)


def _as_offered(text: str, piece: int, request: Json) -> Custom | Call:
    for tool in request.get("tools", []):
        if tool.get("name") == "apply_patch" and tool["type"] == "function":
            return Call("apply_patch", {"input": text}, piece)
    return Custom("apply_patch", text, piece)


def _message(text: str, piece: int, index: int, item_id: str) -> Iterator[Json]:
    place = {"item_id": item_id, "output_index": index, "content_index": 0}
    item: Json = {"id": item_id, "type": "message", "role": "assistant"}
    empty = {"type": "output_text", "text": "", "annotations": []}
    full = {**empty, "text": text}
    yield _added(index, {**item, "status": "in_progress", "content": []})
    yield {"type": "response.content_part.added", **place, "part": empty}
    for delta in _pieces(text, piece):
        yield {"type": "response.output_text.delta", **place, "delta": delta}
    yield {"type": "response.output_text.done", **place, "text": text}
    yield {"type": "response.content_part.done", **place, "part": full}
    yield _done(index, {**item, "status": "completed", "content": [full]})


def _reasoning(part: Reasoning, index: int, item_id: str) -> Iterator[Json]:
    place = {"item_id": item_id, "output_index": index, "summary_index": 0}
    item: Json = {"id": item_id, "type": "reasoning", "summary": []}
    summary = {"type": "summary_text", "text": part.summary}
    yield _added(index, item)
    yield {
        "type": "response.reasoning_summary_part.added",
        **place,
        "part": {"type": "summary_text", "text": ""},
    }
    for delta in _pieces(part.summary, 16):
        yield {"type": "response.reasoning_summary_text.delta", **place, "delta": delta}
    yield {"type": "response.reasoning_summary_text.done", **place, "text": part.summary}
    yield {"type": "response.reasoning_summary_part.done", **place, "part": summary}
    yield _done(index, {**item, "summary": [summary], "encrypted_content": part.encrypted})


def _call(kind: str, field: str, call: Json, text: str, piece: int, index: int) -> Iterator[Json]:
    stem = "function_call_arguments" if kind == "function_call" else f"{kind}_input"
    place = {"item_id": call["id"], "output_index": index}
    yield _added(index, {"type": kind, "status": "in_progress", **call, field: ""})
    for delta in _pieces(text, piece):
        yield {"type": f"response.{stem}.delta", **place, "delta": delta}
    yield {"type": f"response.{stem}.done", **place, field: text}
    yield _done(index, {"type": kind, "status": "completed", **call, field: text})


def _limits(part: Limits) -> Json:
    def window(used: float | None, minutes: int) -> Json | None:
        if used is None:
            return None
        return {"used_percent": used, "window_minutes": minutes, "reset_at": part.reset_at}

    return {
        "type": "codex.rate_limits",
        "plan_type": "plus",
        "rate_limits": {
            "allowed": True,
            "limit_reached": False,
            "primary": window(part.primary, 300),
            "secondary": window(part.secondary, 10080),
        },
        "credits": None,
    }


def _added(index: int, item: Json) -> Json:
    return {"type": "response.output_item.added", "output_index": index, "item": item}


def _done(index: int, item: Json) -> Json:
    return {"type": "response.output_item.done", "output_index": index, "item": item}


def _pieces(text: str, size: int) -> Iterator[str]:
    for start in range(0, len(text), size):
        yield text[start : start + size]
