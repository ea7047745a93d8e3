"""A conversation as lines of a session file of Codex, in its legacy form, and back.

No line holds a float or half a surrogate pair: Codex drops such lines (floats up to about 0.153).
What a line says that we do not know is passed over.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from codex_lsp.agent.conversation import (
    AssistantMessage,
    Item,
    Message,
    ModelRequest,
    ToolCall,
    ToolOutput,
)
from codex_lsp.agent.thread import settled
from codex_lsp.agent.tools import apply_patch
from codex_lsp.responses.body import item_json
from codex_lsp.responses.fields import object_in, texts
from codex_lsp.responses.wire import received

_CONTEXT = ("# AGENTS.md instructions", "<environment_context>", "<permissions", "<skill")
_SUMMARY = ("<turn_aborted>",)
_OUTPUTS = ("function_call_output", "custom_tool_call_output")
_REQUEST = ModelRequest("", "", "", (), (apply_patch.SPEC,))


@dataclass(frozen=True, slots=True)
class Origin:
    """Whose session it is: where it works, who writes it, whose model answers.

    `forked_from` is the session that it goes on from, "" for none.
    """

    id: str
    cwd: str
    originator: str
    version: str
    provider: str
    forked_from: str = ""


def opening(origin: Origin, now: datetime) -> bytes:
    """The first line of a file."""
    said: dict[str, Any] = {
        "id": origin.id,
        "session_id": origin.id,
        "timestamp": _stamp(now),
        "cwd": origin.cwd,
        "originator": origin.originator,
        "cli_version": origin.version,
        "source": "vscode",
        "model_provider": origin.provider,
        "base_instructions": None,
    }
    if origin.forked_from:
        said["forked_from_id"] = origin.forked_from
    return _line("session_meta", said, now)


def turn(items: Sequence[Item], turn_id: str, now: datetime, *, whole: bool) -> bytes:
    """What a turn added to a conversation; `whole` says that it came to its end."""
    lines = [_event("task_started", now, turn_id=turn_id, collaboration_mode_kind="default")]
    last = None
    for item in items:
        lines.append(_line("response_item", item_json(item), now))
        if isinstance(item, Message) and item.role == "user" and item.kind == "said":
            shown: dict[str, Any] = {"local_images": [], "text_elements": []}
            lines.append(_event("user_message", now, message=item.text, images=[], **shown))
        elif isinstance(item, AssistantMessage) and item.text:
            last = item.text
            lines.append(_event("agent_message", now, message=item.text))
    if whole:
        lines.append(_event("task_complete", now, turn_id=turn_id, last_agent_message=last))
    else:
        lines.append(_event("turn_aborted", now, turn_id=turn_id, reason="interrupted"))
    return b"".join(lines)


def shortened(items: Sequence[Item], now: datetime) -> bytes:
    """A conversation was shortened: from here on, `items` are all that was said."""
    history = [item_json(item) for item in items]
    return _line("compacted", {"message": "", "replacement_history": history}, now)


def items_of(lines: Iterable[bytes]) -> tuple[Item, ...]:
    """What was said in a session, such that it can be gone on from."""
    items: list[Item] = []
    for line in lines:
        said = _read(line)
        payload = object_in(said, "payload")
        match said.get("type"):
            case "response_item":
                _add(items, payload)
            case "compacted" if isinstance(payload.get("replacement_history"), list):
                items.clear()
                for raw in payload["replacement_history"]:
                    _add(items, raw)
            case "event_msg" if payload.get("type") == "thread_rolled_back":
                _roll_back(items, payload.get("num_turns"))
            case _:
                pass
    return settled(tuple(items))


def meta_of(line: bytes) -> Mapping[str, Any]:
    """What the first line says of the session; empty if it is none."""
    said = _read(line)
    return object_in(said, "payload") if said.get("type") == "session_meta" else {}


def _add(items: list[Item], raw: object) -> None:
    if not isinstance(raw, dict):
        return
    kind = raw.get("type")
    if kind in _OUTPUTS:
        called = (item for item in reversed(items) if isinstance(item, ToolCall))
        call = next((one for one in called if one.call_id == raw.get("call_id")), None)
        if call is not None:
            items.append(ToolOutput(call, _text(raw.get("output"))))
    elif kind == "message" and raw.get("role") in {"user", "developer"}:
        items.append(_message(raw))
    elif isinstance(kind, str):
        items.append(received(raw, _REQUEST))


def _message(raw: Mapping[str, Any]) -> Message:
    text = "\n".join(texts(raw.get("content"), "text"))
    if raw["role"] == "developer":
        return Message("developer", text, "context")
    if text.startswith(_SUMMARY):
        return Message("user", text, "summary")
    return Message("user", text, "context" if text.startswith(_CONTEXT) else "said")


def _text(output: object) -> str:
    return output if isinstance(output, str) else "\n".join(texts(output, "text"))


def _roll_back(items: list[Item], turns: object) -> None:
    """Forget the last `turns` things that the person said, and what came of them."""
    for _ in range(turns if isinstance(turns, int) else 0):
        while items:
            gone = items.pop()
            if isinstance(gone, Message) and gone.kind == "said":
                break


def _read(line: bytes) -> Mapping[str, Any]:
    try:
        said = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}


def _event(kind: str, now: datetime, **fields: object) -> bytes:
    return _line("event_msg", {"type": kind, **fields}, now)


def _line(kind: str, payload: Mapping[str, Any], now: datetime) -> bytes:
    said = {"timestamp": _stamp(now), "type": kind, "payload": _readable(payload)}
    return json.dumps(said, separators=(",", ":")).encode() + b"\n"


def _readable(value: Any) -> Any:
    match value:
        case str():
            return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        case float():
            return int(value) if value.is_integer() else None
        case Mapping():
            kept = ((key, inner) for key, inner in value.items() if key != "logprobs")
            return {key: _readable(inner) for key, inner in kept}
        case list() | tuple():
            return [_readable(inner) for inner in value]
        case _:
            return value


def _stamp(now: datetime) -> str:
    return now.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
