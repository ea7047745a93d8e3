"""What the model service double is told to answer: one step for each POST.

Also readable from JSON, for the double as a child process. Knows neither sockets nor event names.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Text:
    """A message of the assistant, sent in deltas of `piece` characters."""

    text: str
    piece: int = 16


@dataclass(frozen=True, slots=True)
class Reasoning:
    """A reasoning item with a summary and something encrypted that must come back verbatim."""

    summary: str
    encrypted: str = "made-up-ciphertext=="


@dataclass(frozen=True, slots=True)
class Call:
    """A function call; `arguments` is sent as JSON, or as it is when it is a string already."""

    name: str
    arguments: Mapping[str, Any] | str
    piece: int = 16


@dataclass(frozen=True, slots=True)
class Custom:
    """A call of a freeform tool."""

    name: str
    input: str
    piece: int = 16


@dataclass(frozen=True, slots=True)
class Patch:
    """An apply_patch call, freeform or as a function: whichever the request offers."""

    text: str
    piece: int = 16


@dataclass(frozen=True, slots=True)
class Gate:
    """The stream waits here until the test calls `release(name)`."""

    name: str


@dataclass(frozen=True, slots=True)
class Limits:
    """A `codex.rate_limits` event; percent used, and unix seconds of the reset."""

    primary: float
    secondary: float | None = None
    reset_at: int = 2_000_000_000


@dataclass(frozen=True, slots=True)
class Event:
    """Any event at all, given whole."""

    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Wire:
    """Bytes put into the stream as they are: comments, rubbish, another line ending."""

    data: bytes


Part = Text | Reasoning | Call | Custom | Patch | Gate | Limits | Event | Wire

Ending = Literal["completed", "failed", "incomplete", "clean", "eof", "reset", "stall"]


@dataclass(frozen=True, slots=True)
class Turn:
    """A streamed answer.

    After its parts (or after `cut_at` bytes of the stream) comes the `ending`: an event that
    completes, fails or leaves it incomplete; or none, and then a `clean` end of the HTTP body, a
    connection closed in the middle (`eof`), a `reset`, or a `stall` without end. `failure` is the
    error object of a failed ending, or the reason of an incomplete one.
    `pause` is in seconds between events; `chunk` the size of the network writes (None: an event).
    """

    parts: tuple[Part, ...]
    ending: Ending = "completed"
    cut_at: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    usage: Mapping[str, Any] | None = field(
        default_factory=lambda: {
            "input_tokens": 1000,
            "input_tokens_details": {"cached_tokens": 100},
            "output_tokens": 50,
            "output_tokens_details": {"reasoning_tokens": 10},
            "total_tokens": 1050,
        }
    )
    failure: Mapping[str, Any] = field(default_factory=dict)
    end_turn: bool | None = None
    pause: float = 0.0
    chunk: int | None = None


@dataclass(frozen=True, slots=True)
class Refusal:
    """An answer that is no stream: a status and a body (a mapping goes out as JSON)."""

    status: int
    body: Mapping[str, Any] | str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Silence:
    """Not even a status: the connection is reset, closed, or left hanging."""

    how: Literal["reset", "eof", "stall"]


Step = Turn | Refusal | Silence


def says(text: str, **more: Any) -> Turn:
    """The commonest step."""
    return Turn((Text(text),), **more)


def patches(text: str, **more: Any) -> Turn:
    """The next commonest."""
    return Turn((Patch(text),), **more)


_PARTS: dict[str, type] = {
    "text": Text, "patch": Patch, "gate": Gate, "reasoning": Reasoning,
    "call": Call, "custom": Custom, "limits": Limits, "event": Event,
}  # fmt: skip


def steps_from_json(document: Sequence[Mapping[str, Any]]) -> list[Step]:
    """Steps such as `{"turn": [{"text": "hi"}, {"patch": "…"}], "pause": 0.01}` (fields of `Turn`),
    `{"refuse": 429, "body": {…}, "headers": {…}}` and `{"silence": "reset"}`.

    A part is `{kind: first field}` or `{kind: {field: value}}`.
    """
    return [_step(dict(entry)) for entry in document]


def _step(entry: dict[str, Any]) -> Step:
    if "refuse" in entry:
        return Refusal(entry.pop("refuse"), **entry)
    if "silence" in entry:
        return Silence(entry["silence"])
    return Turn(tuple(_part(part) for part in entry.pop("turn")), **entry)


def _part(entry: Mapping[str, Any]) -> Part:
    (kind, value), = entry.items()  # fmt: skip
    made = _PARTS[kind]
    part: Part = made(**value) if isinstance(value, dict) and kind != "event" else made(value)
    return part


def as_json(arguments: Mapping[str, Any] | str) -> str:
    """A function call's arguments as they are sent."""
    return arguments if isinstance(arguments, str) else json.dumps(arguments)
