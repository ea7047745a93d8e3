"""A model service on a free loopback port: real HTTP, scripted answers, every way to break.

In a test: `async with ModelService([says("hi")]) as service:` and point a client at
`service.base_url`. Leaving fails the test if steps are left over or a request had none.
As a process: `python -m tests.doubles.model_service SCRIPT.json` prints its port (see `main`).
It checks no credentials: a test looks at `service.requests`.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import socket
import ssl
import struct
import sys
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self, assert_never
from urllib.parse import parse_qsl, urlsplit

from tests.doubles.loopback import listen
from tests.doubles.model_events import encode
from tests.doubles.model_rules import Rule, mends
from tests.doubles.model_script import Gate, Refusal, Silence, Step, Turn, says, steps_from_json

Answerer = Callable[[dict[str, Any]], Step]


@dataclass(frozen=True, slots=True)
class Recorded:
    """A request as it came; `headers` by lower-case name; `body` {} if there was no JSON."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: dict[str, Any]
    size: int


class ModelService:
    """See the module. `script` is a list of steps, or a callable from a request's body to a step.

    `models` are the ids that `GET …/models` lists. With `tls` the address begins with https.
    """

    def __init__(
        self,
        script: Sequence[Step] | Answerer,
        *,
        models: Sequence[str] = ("gpt-test",),
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.requests: list[Recorded] = []
        self.others: list[Recorded] = []  # all that is not a POST to …/responses
        self.problems: list[str] = []
        self.connections = 0
        self.hangups = 0
        self._answer = None if isinstance(script, Sequence) else script
        self._steps = list(script) if isinstance(script, Sequence) else []
        self._models = list(models)
        self._tls = tls
        self._numbers = itertools.count(1)
        self._released: set[str] = set()
        self._reached: set[str] = set()
        self._changed = asyncio.Condition()
        self._stack = AsyncExitStack()
        self.port = 0

    @property
    def base_url(self) -> str:
        """What a client takes for `https://api.openai.com/v1`."""
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}/v1"

    @property
    def chatgpt_base_url(self) -> str:
        """What a client takes for `https://chatgpt.com/backend-api/`."""
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}/backend-api/"

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until `condition`, which looks at this service, holds."""
        async with self._changed:
            await self._changed.wait_for(condition)

    async def reached(self, gate: str) -> None:
        """Wait until a stream stands at `gate`."""
        await self.until(lambda: gate in self._reached)

    async def release(self, gate: str) -> None:
        """Let streams pass `gate`, now and later."""
        self._released.add(gate)
        await self._tell()

    def leftovers(self) -> list[str]:
        """What went against the script so far: steps not asked for, requests without a step."""
        unused = [f"step not used: {step}" for step in self._steps]
        return [*self.problems, *unused]

    async def __aenter__(self) -> Self:
        self.port = await self._stack.enter_async_context(listen(self._connected, tls=self._tls))
        return self

    async def __aexit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        await self._stack.aclose()
        if kind is None:
            assert not self.leftovers(), self.leftovers()

    async def _tell(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        while (request := await _read(reader)) is not None:
            if request.method == "POST" and request.path.endswith("/responses"):
                self.requests.append(request)
                await self._tell()
                step = self._next(request)
                if not await _Answer(self, step, request, reader, writer).send():
                    return
            else:
                self.others.append(request)
                await self._tell()
                writer.write(self._side_answer(request))
                await writer.drain()

    def _next(self, request: Recorded) -> Step:
        if self._answer is not None:
            return self._answer(request.body)
        if self._steps:
            return self._steps.pop(0)
        self.problems.append(f"a request came that the script has no step for: {request}")
        return Refusal(400, {"error": {"message": "the test's script has no more steps"}})

    def _side_answer(self, request: Recorded) -> bytes:
        if request.headers.get("upgrade", "").lower() == "websocket":
            return _whole(426, "", {})
        if request.path.endswith("/models"):
            listed = [{"id": name, "object": "model", "owned_by": "test"} for name in self._models]
            return _whole(200, {"object": "list", "data": listed, "models": []}, {})
        if request.path == "/_requests":
            seen = [{"path": r.path, "headers": r.headers, "body": r.body} for r in self.requests]
            return _whole(200, {"requests": seen, "problems": self.leftovers()}, {})
        return _whole(404, {"error": {"message": f"nothing at {request.path}"}}, {})


@dataclass(frozen=True, slots=True)
class _Answer:
    """One step on its way out. `send` says whether the connection can be used again."""

    service: ModelService
    step: Step
    request: Recorded
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def send(self) -> bool:
        match self.step:
            case Refusal(status, body, headers):
                self.writer.write(_whole(status, body, headers))
                await self.writer.drain()
                return True
            case Silence(how):
                return await self._break(how)
            case Turn():
                return await self._stream(self.step)
            case _:
                assert_never(self.step)

    async def _stream(self, turn: Turn) -> bool:
        self.writer.write(_head(200, {"content-type": "text/event-stream", **turn.headers}, None))
        left = turn.cut_at
        for piece in encode(turn, self.request.body, self.service._numbers):
            if isinstance(piece, Gate):
                await self._stand_at(piece.name)
                continue
            data = piece if left is None else piece[:left]
            size = turn.chunk or max(len(data), 1)
            for start in range(0, len(data), size):
                await self._write_chunk(data[start : start + size])
            if left is not None:
                left -= len(data)
                if left <= 0:
                    break
            if turn.pause:
                await asyncio.sleep(turn.pause)
        if turn.ending in {"eof", "reset", "stall"}:
            return await self._break(turn.ending)
        self.writer.write(b"0\r\n\r\n")
        await self.writer.drain()
        return True

    async def _write_chunk(self, data: bytes) -> None:
        self.writer.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
        await self.writer.drain()

    async def _stand_at(self, gate: str) -> None:
        service = self.service
        service._reached.add(gate)
        await service._tell()
        await self._unless_gone(service.until(lambda: gate in service._released))

    async def _break(self, how: Literal["eof", "reset", "stall"]) -> bool:
        if how == "stall":
            await self._unless_gone(asyncio.Event().wait())
        if how == "reset":
            plain: socket.socket = self.writer.get_extra_info("socket")
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.writer.transport.abort()
        return False

    async def _unless_gone(self, waiting: Awaitable[object]) -> None:
        """Await `waiting`; raises ConnectionResetError when the client hangs up meanwhile."""
        gone = asyncio.ensure_future(self.reader.read(1))
        other = asyncio.ensure_future(waiting)
        try:
            await asyncio.wait({gone, other}, return_when=asyncio.FIRST_COMPLETED)
            if gone.done():
                self.service.hangups += 1
                await self.service._tell()
                raise ConnectionResetError
        finally:
            gone.cancel()
            other.cancel()
            await asyncio.gather(gone, other, return_exceptions=True)


async def _read(reader: asyncio.StreamReader) -> Recorded | None:
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    except asyncio.IncompleteReadError:
        return None
    first, *lines = head.split("\r\n")
    method, target, _ = first.split(" ", 2)
    headers = {
        name.strip().lower(): value.strip()
        for name, colon, value in (line.partition(":") for line in lines)
        if colon
    }
    raw = await reader.readexactly(int(headers.get("content-length", "0")))
    body = json.loads(raw) if raw and "json" in headers.get("content-type", "") else {}
    url = urlsplit(target)
    return Recorded(method, url.path, dict(parse_qsl(url.query)), headers, body, len(raw))


def _head(status: int, headers: dict[str, str], length: int | None) -> bytes:
    size = "Transfer-Encoding: chunked" if length is None else f"Content-Length: {length}"
    lines = [f"HTTP/1.1 {status} Scripted", size, *(f"{k}: {v}" for k, v in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode()


def _whole(status: int, body: Any, headers: Any) -> bytes:
    data = (body if isinstance(body, str) else json.dumps(body)).encode()
    kind = "text/html" if isinstance(body, str) else "application/json"
    return _head(status, {"content-type": kind, **headers}, len(data)) + data


def load(path: Path) -> list[Step] | Answerer:
    """A script file: `{"steps": […]}` (see `steps_from_json`; `"loop": true` repeats them), or
    `{"rules": [{"file": …, "old": …, "new": …}], "say": …, "pause": …}` (see `model_rules`)."""
    document = json.loads(path.read_text(encoding="utf-8"))
    if "rules" in document:
        rules = [Rule(**rule) for rule in document["rules"]]
        return mends(rules, say=document.get("say", "Fixed."), pause=document.get("pause", 0.0))
    steps = steps_from_json(document["steps"])
    if document.get("loop"):
        again = itertools.cycle(steps or [says("Nothing.")])
        return lambda body: next(again)
    return steps


async def _serve(script: list[Step] | Answerer, *, stay: bool) -> int:
    try:
        async with ModelService(script) as service:
            print(service.port, flush=True)
            if stay:
                await asyncio.Event().wait()
            await asyncio.to_thread(sys.stdin.read)
    except AssertionError as mismatch:
        print(mismatch, file=sys.stderr)
        return 1
    return 0


def main() -> int:
    """Serve a script file until stdin closes (`--stay`: until killed); the port is on stdout.

    What came is to be had as JSON from `GET /_requests`. The exit code is 1 if the script and the
    requests did not match.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("script", type=Path)
    parser.add_argument("--stay", action="store_true")
    options = parser.parse_args()
    return asyncio.run(_serve(load(options.script), stay=options.stay))


if __name__ == "__main__":
    sys.exit(main())
