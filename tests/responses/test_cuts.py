"""A stream cut anywhere is never called done, shown twice, or asked for again after a call (TR1).

Every byte offset goes through httpx with a transport in memory, whose endings are what real
sockets were measured to raise; a sample goes through real sockets. Of longer streams of every kind
a sample of the offsets is cut, or all of them: `TR1_OFFSETS=100000`.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import random
from collections.abc import AsyncIterator
from typing import Literal

import httpx
import pytest

from codex_lsp.agent.conversation import ToolCall
from codex_lsp.agent.events import Completed, ItemDone, ModelEvent, Restarted, StreamBroken
from codex_lsp.responses.client import ResponsesModel
from tests.doubles import model_script as script
from tests.doubles.model_events import encode
from tests.doubles.model_script import Ending, Text, Turn
from tests.doubles.model_service import ModelService
from tests.responses.asking import IDENTITY, Asked, Time, Tokens, api_key, ask, provider_at

Json = dict[str, object]
Cut = Literal["clean", "reset", "stall"]
CUTS: tuple[Cut, ...] = ("clean", "reset", "stall")
IDLE = 0.002
ENDINGS = (b"\n\n", b"\r\n\r", b"\r\n\r\n", b"\r\r")

# The fewest events that have everything: cut at each byte, length is what costs time.
_DELTA: Json = {"type": "response.output_text.delta", "delta": "w\u2028ä"}
_MESSAGE: Json = {"type": "message", "id": "m", "content": [{"text": "w\u2028ä"}]}
_CALL: Json = {"type": "custom_tool_call", "call_id": "c", "name": "apply_patch", "input": "😀"}
_PROSE: list[Json] = [_DELTA, {"type": "response.output_item.done", "item": _MESSAGE}]
_PATCH: list[Json] = [_DELTA, {"type": "response.output_item.done", "item": _CALL}, _DELTA]
_END: Json = {"type": "response.completed", "response": {"id": "r"}}


def stream_of(events: list[Json], *, end: bool = True) -> bytes:
    """`events` and the completion, with each way to end a line."""
    said = [*events, _END] if end else events
    texts = [json.dumps(event, ensure_ascii=False).encode() for event in said]
    ends = itertools.cycle([b"\n\n", b"\r\n\r\n", b"\r\r"])
    return b": hello\n\n" + b"".join(b"data: " + text + next(ends) for text in texts)


class _Body(httpx.AsyncByteStream):
    def __init__(self, data: bytes, cut: Cut) -> None:
        self._data, self._cut = data, cut

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self._data
        if self._cut == "reset":
            raise httpx.ReadError("reset by peer")
        if self._cut == "stall":
            await asyncio.Event().wait()


class _InMemory(httpx.AsyncBaseTransport):
    """Cuts one answer after `cut_at`; those after it are whole."""

    def __init__(self, data: bytes) -> None:
        self.asked = 0
        self._data = data
        self._next: tuple[int, Cut] | None = None

    def cut_at(self, at: int, cut: Cut) -> None:
        self.asked = 0
        self._next = (at, cut)

    def answer_with(self, data: bytes) -> None:
        """From now on, whole and always."""
        self.asked = 0
        self._data = data

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.asked += 1
        at, cut = self._next or (len(self._data), "clean")
        self._next = None
        head = {"content-type": "text/event-stream"}
        return httpx.Response(200, headers=head, stream=_Body(self._data[:at], cut))


def model_on(transport: _InMemory, *, idle: float, tries: int = 5) -> ResponsesModel:
    return ResponsesModel(
        provider_at(ModelService([]), idle=idle),
        Tokens([api_key()]),
        IDENTITY,
        rhythm=Time().rhythm(tries=tries),
        connect=lambda provider: httpx.AsyncClient(transport=transport),
    )


def calls(events: list[ModelEvent]) -> int:
    return sum(isinstance(e, ItemDone) and isinstance(e.item, ToolCall) for e in events)


def check(asked: Asked, requests: int, whole: list[ModelEvent], where: str) -> None:
    """`asked` is what may come of a stream that, uncut, gives `whole`."""
    restarts = asked.of(Restarted)
    assert calls(asked.events) <= 1, where
    assert requests == 1 + len(restarts), where
    if asked.error is not None:
        assert isinstance(asked.error, StreamBroken), where
        assert not restarts, where
        assert calls(asked.events) == 1, where
        assert asked.events == whole[: len(asked.events)], where
        assert Completed not in map(type, asked.events), where
    elif restarts:
        at = asked.events.index(restarts[0])
        assert len(restarts) == 1, where
        assert calls(asked.events[:at]) == 0, where
        assert asked.events[:at] == whole[:at], where
        assert asked.events[at + 1 :] == whole, where
    else:
        assert asked.events == whole, where


@pytest.mark.parametrize("cut", CUTS)
@pytest.mark.parametrize("events", [_PROSE, _PATCH], ids=["prose", "call"])
async def test_cut_at_every_byte(events: list[Json], cut: Cut) -> None:
    data = stream_of(events)
    transport = _InMemory(data)
    model = model_on(transport, idle=IDLE if cut == "stall" else 30.0)
    whole = (await ask(model)).events
    assert isinstance(whole[-1], Completed)
    done_at = []
    for at in range(len(data) + 1):
        transport.cut_at(at, cut)
        asked = await ask(model)
        check(asked, transport.asked, whole, f"{cut} at {at}")
        if transport.asked == 1 and asked.error is None:
            done_at.append(at)
    await model.aclose()
    # Of the last line end, LF LF or CR LF CR LF or CR CR, only a final LF may be missing.
    assert done_at == [at for at in (len(data) - 1, len(data)) if data[:at].endswith(ENDINGS)]


PART: list[script.Part] = [
    Text("See: ä\u2028😀", piece=3),
    script.Reasoning("why"),
    script.Call("f", {"path": "a.py"}, piece=4),
    script.Custom("apply_patch", "*** Begin Patch\n*** End Patch", piece=5),
    script.Limits(12.5, 30.0),
    script.Event({"type": "response.unknown", "x": [1, None]}),
    script.Wire(b": ping\r\n\r\ndata: [DONE]\r\r"),
]
CALLS = (script.Call, script.Custom)
KINDS = [
    (first, second)
    for first in PART[:4]
    for second in PART
    if first is not second and not (isinstance(first, CALLS) and isinstance(second, CALLS))
]


@pytest.mark.parametrize("cut", CUTS)
async def test_a_sample_of_cuts_of_every_kind_of_answer(cut: Cut) -> None:
    seed = random.randrange(2**32)
    dice = random.Random(seed)
    most = int(os.environ.get("TR1_OFFSETS", "4"))
    for number, parts in enumerate(KINDS):
        pieces = encode(Turn(parts), {}, itertools.count(1))
        data = b"".join(piece for piece in pieces if isinstance(piece, bytes))
        transport = _InMemory(data)
        model = model_on(transport, idle=IDLE if cut == "stall" else 30.0)
        whole = (await ask(model)).events
        assert isinstance(whole[-1], Completed)
        offsets = range(len(data) + 1)
        for at in dice.sample(offsets, min(most, len(offsets))):
            transport.cut_at(at, cut)
            asked = await ask(model)
            check(asked, transport.asked, whole, f"seed {seed}: {cut} of {number} at {at}")
        await model.aclose()


async def test_events_in_any_order_and_number_never_hand_out_a_call_twice() -> None:
    seed = random.randrange(2**32)
    dice = random.Random(seed)
    other: Json = {**_CALL, "call_id": "d"}
    some: list[Json] = [
        *_PROSE,
        *_PATCH,
        {"type": "response.output_item.done", "item": other},
        _END,
        {"x": 1},
    ]
    transport = _InMemory(b"")
    model = model_on(transport, idle=30.0, tries=2)
    for number in range(1000):
        picked = dice.choices(some, k=dice.randrange(9))
        transport.answer_with(stream_of(picked, end=False))
        asked = await ask(model)
        where = f"seed {seed}, round {number}: {picked}"
        for tried in _tries(asked.events):
            called = [e.item.call_id for e in tried if isinstance(e, ItemDone)
                      and isinstance(e.item, ToolCall)]  # fmt: skip
            assert len(called) == len(set(called)), where
            done = [isinstance(event, Completed) for event in tried]
            assert sum(done) <= 1, where
            assert not any(done[:-1]), where
        assert (asked.error is None) == (_END in picked), where
    await model.aclose()


def _tries(events: list[ModelEvent]) -> list[list[ModelEvent]]:
    tries: list[list[ModelEvent]] = [[]]
    for event in events:
        if isinstance(event, Restarted):
            tries.append([])
        else:
            tries[-1].append(event)
    return tries


@pytest.mark.parametrize("cut", [*CUTS, "eof"])
async def test_a_sample_of_cuts_on_real_sockets(cut: Ending) -> None:
    seed = random.randrange(2**32)
    dice = random.Random(seed)
    for parts in ((script.Reasoning("w"), Text("see")), (script.Custom("f", "x"), Text("ok"))):
        pieces = encode(Turn(parts), {}, itertools.count(1))
        size = sum(len(piece) for piece in pieces if isinstance(piece, bytes))
        places = {
            0,
            1,
            size - 1,
            *(dice.randrange(size) for _ in range(2 if cut == "stall" else 9)),
        }
        for at in sorted(places):
            await cut_on_a_socket(parts, at, cut, f"seed {seed}: {cut} at {at}")


async def cut_on_a_socket(parts: tuple[script.Part, ...], at: int, cut: Ending, where: str) -> None:
    turns = iter([Turn(parts), Turn(parts, ending=cut, cut_at=at), Turn(parts)])

    def answer(body: object) -> script.Step:
        service._numbers = itertools.count(1)  # so that all three answers have the same ids
        return next(turns)

    async with ModelService(answer) as service:
        model = ResponsesModel(
            provider_at(service, idle=0.3 if cut == "stall" else 30.0),
            Tokens([api_key()]),
            IDENTITY,
            rhythm=Time().rhythm(),
        )
        whole = (await ask(model)).events
        asked = await ask(model)
        await model.aclose()
    check(asked, len(service.requests) - 1, whole, where)
