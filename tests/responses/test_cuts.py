"""A stream cut anywhere is never called done, shown twice, or asked for again after a call (TR1).

Every byte offset goes through httpx with a transport in memory, whose endings are what real
sockets were measured to raise; a sample goes through real sockets.
"""

from __future__ import annotations

import asyncio
import itertools
import json
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

Cut = Literal["clean", "reset", "stall"]
CUTS: tuple[Cut, ...] = ("clean", "reset", "stall")
IDLE = 0.002
ENDINGS = (b"\n\n", b"\r\n\r", b"\r\n\r\n", b"\r\r")

# The fewest events that have everything: cut at each byte, length is what costs time.
_DELTA = {"type": "response.output_text.delta", "delta": "w\u2028ä"}
_MESSAGE = {"type": "message", "id": "m", "content": [{"text": "w\u2028ä"}]}
_CALL = {"type": "custom_tool_call", "call_id": "c", "name": "apply_patch", "input": "😀"}
_PROSE = [_DELTA, {"type": "response.output_item.done", "item": _MESSAGE}]
_PATCH = [_DELTA, {"type": "response.output_item.done", "item": _CALL}, _DELTA]
_END = {"type": "response.completed", "response": {"id": "r"}}


def stream_of(events: list[dict[str, object]]) -> bytes:
    """`events` and the completion, with each way to end a line."""
    texts = [json.dumps(event, ensure_ascii=False).encode() for event in [*events, _END]]
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

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.asked += 1
        at, cut = self._next or (len(self._data), "clean")
        self._next = None
        head = {"content-type": "text/event-stream"}
        return httpx.Response(200, headers=head, stream=_Body(self._data[:at], cut))


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
async def test_cut_at_every_byte(events: list[dict[str, object]], cut: Cut) -> None:
    data = stream_of(events)
    transport = _InMemory(data)
    model = ResponsesModel(
        provider_at(ModelService([]), idle=IDLE if cut == "stall" else 30.0),
        Tokens([api_key()]),
        IDENTITY,
        rhythm=Time().rhythm(),
        connect=lambda provider: httpx.AsyncClient(transport=transport),
    )
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
