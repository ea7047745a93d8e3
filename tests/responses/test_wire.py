"""No event, however strange, raises; and what is known means what it should."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from codex_lsp.agent.events import Completed, ItemDone
from codex_lsp.responses import wire
from codex_lsp.responses.limits import rate_limits_of
from codex_lsp.responses.refusals import Refusal, no_stream, of_answer, of_stream
from codex_lsp.responses.sse import ServerEvent
from tests.responses.asking import NOW, REQUEST

# A busy machine is no failure.
patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

_KEYS = st.sampled_from([
    "type", "item", "response", "error", "code", "message", "delta", "output", "usage", "id",
    "incomplete_details", "reason", "end_turn", "rate_limits", "primary", "used_percent",
    "reset_at", "window_minutes", "input_tokens", "input_tokens_details", "content", "summary",
    "text", "name", "call_id", "arguments", "input", "resets_at", "resets_in_seconds", "detail",
])  # fmt: skip
_KINDS = st.sampled_from([
    *wire._MEANINGS, "response.output_item.done", "message", "reasoning", "function_call",
    "custom_tool_call", "usage_limit_reached", "apply_patch", "interrupted",
])  # fmt: skip
_LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | _KINDS
_JSON: st.SearchStrategy[Any] = st.recursive(
    _LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=5),
    max_leaves=12,
)
_EVENTS = st.dictionaries(_KEYS, _JSON, max_size=6)


@patient
@given(_KINDS, _EVENTS)
def test_no_event_raises(kind: str, fields: dict[str, Any]) -> None:
    event = ServerEvent("", json.dumps(fields | {"type": kind}).encode())
    said = wire.signal(event, REQUEST)
    for item in wire.listed_items(event, REQUEST):
        str(item).encode()
    if isinstance(said, wire.Failed | wire.Incomplete):
        of_stream(said)


@patient
@given(st.binary())
def test_no_bytes_raise(data: bytes) -> None:
    assert not isinstance(wire.signal(ServerEvent("response.completed", data), REQUEST), ItemDone)


@patient
@given(st.integers(100, 999), _EVENTS | st.binary(), st.text(max_size=12))
def test_no_refusal_raises(status: int, body: dict[str, Any] | bytes, after: str) -> None:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    refusal = Refusal(status, {"retry-after": after}, data)
    assert of_answer(refusal, "host", NOW)
    assert no_stream(refusal, "host")


@patient
@given(st.dictionaries(st.sampled_from([
    f"x-codex-{which}-{what}" for which in ("primary", "secondary")
    for what in ("used-percent", "window-minutes", "reset-at")
]), st.text(max_size=9) | st.floats().map(str)))  # fmt: skip
def test_no_header_raises(headers: dict[str, str]) -> None:
    rate_limits_of(headers)


def test_an_event_without_a_type_is_known_by_its_name() -> None:
    event = ServerEvent("response.completed", b'{"response": {"id": "r"}}')
    assert wire.signal(event, REQUEST) == Completed(None, None)


def test_a_refusal_of_the_model_is_its_message() -> None:
    item = {"type": "message", "content": [{"type": "refusal", "refusal": "No."}]}
    assert wire.received(item, REQUEST).text == "No."  # type: ignore[union-attr]
