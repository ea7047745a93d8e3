"""A client with a stopwatch: starts a server process, and stamps each message when it came.

Speaks both framings, that of LSP and that of the Codex app-server (a line each). What the server
asks is answered by whoever measures.
"""

from __future__ import annotations

import json
import os
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from itertools import count
from pathlib import Path
from time import perf_counter
from typing import IO, Any, Self

DEADLINE = 60.0

Json = dict[str, Any]
Handler = Callable[[Json, float], None]
"""Takes a message and when it came."""


class Peer:
    """One server process; a context manager that ends it.

    `handle` gets, in the reader thread, all that is no answer to us. Times are of `perf_counter`.
    """

    def __init__(
        self,
        command: Sequence[str],
        env: Mapping[str, str],
        *,
        lines: bool = False,
        cwd: Path | None = None,
    ) -> None:
        self.handle: Handler = lambda *_: None
        self._lines = lines
        self._ids = count(1)
        self._answers: dict[int, tuple[Json, float]] = {}
        self._changed = threading.Condition()
        self._ended = False
        self._writing = threading.Lock()
        self.started = perf_counter()
        self.process = subprocess.Popen(
            list(command),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=dict(env),
            cwd=cwd,
        )
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait(DEADLINE)
        self._thread.join(DEADLINE)
        for stream in (self.process.stdin, self.process.stdout):
            try:
                if stream is not None:
                    stream.close()
            except BrokenPipeError:
                pass

    def send(self, message: Json) -> None:
        """Send a message as it is."""
        body = json.dumps(message).encode()
        data = body + b"\n" if self._lines else b"Content-Length: %d\r\n\r\n%b" % (len(body), body)
        stdin = self.process.stdin
        assert stdin is not None
        with self._writing:
            stdin.write(data)
            stdin.flush()

    def notify(self, method: str, params: object) -> None:
        """Send a notification."""
        self.send({"jsonrpc": "2.0", "method": method, "params": params})

    def reply(self, request: object, result: object) -> None:
        """Answer a request of the server."""
        self.send({"jsonrpc": "2.0", "id": request, "result": result})

    def request(self, method: str, params: object) -> int:
        """Send a request; returns its id."""
        number = next(self._ids)
        self.send({"jsonrpc": "2.0", "id": number, "method": method, "params": params})
        return number

    def answer(self, number: int) -> tuple[Any, float]:
        """The result of a request and when it came. Waits; raises RuntimeError for an error."""
        with self._changed:
            there = self._changed.wait_for(lambda: number in self._answers or self._ended, DEADLINE)
            if not there or number not in self._answers:
                raise RuntimeError(f"no answer from {self.process.args!r}")
            message, came = self._answers.pop(number)
        if "error" in message:
            raise RuntimeError(f"{message['error']}")
        return message.get("result"), came

    def call(self, method: str, params: object) -> Any:
        """The result of a request."""
        return self.answer(self.request(method, params))[0]

    def timed(self, method: str, params: object) -> float:
        """Milliseconds from sending a request to its answer."""
        begin = perf_counter()
        _, came = self.answer(self.request(method, params))
        return (came - begin) * 1000

    def _read(self) -> None:
        stdout = self.process.stdout
        assert stdout is not None
        while (body := _next_body(stdout, lines=self._lines)) is not None:
            came = perf_counter()
            message = json.loads(body)
            if "method" in message:
                self.handle(message, came)
                continue
            with self._changed:
                self._answers[message["id"]] = message, came
                self._changed.notify_all()
        with self._changed:
            self._ended = True
            self._changed.notify_all()


def _next_body(stdout: IO[bytes], *, lines: bool) -> bytes | None:
    """The next message; None at the end, also where that cuts one short."""
    if lines:
        line = stdout.readline()
        return line if line.endswith(b"\n") else None
    length = 0
    while (header := stdout.readline()).endswith(b"\r\n"):
        if header == b"\r\n":
            body = stdout.read(length)
            return body if len(body) == length else None
        name, _, value = header.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
    return None


def memory(pid: int) -> dict[str, float]:
    """MiB of a process and all its children: resident, proportional and anonymous. Linux only."""
    total = {"RSS": 0.0, "PSS": 0.0, "anonymous": 0.0}
    names = {"Rss": "RSS", "Pss": "PSS", "Anonymous": "anonymous"}
    for member in _family(pid):
        try:
            text = Path(f"/proc/{member}/smaps_rollup").read_text(encoding="ascii")
        except OSError:
            continue  # it has ended, or this is no Linux
        for line in text.splitlines():
            key, _, value = line.partition(":")
            if key in names:
                total[names[key]] += int(value.split()[0]) / 1024
    return {name: value for name, value in total.items() if value}


def _family(pid: int) -> list[int]:
    found = [pid]
    for member in found:
        for listed in Path(f"/proc/{member}/task").glob("*/children"):
            try:
                found += map(int, listed.read_text(encoding="ascii").split())
            except OSError:
                continue
    return found


def environment(folder: Path, **more: str) -> dict[str, str]:
    """The environment for a process that keeps what it writes in `folder`."""
    own = {
        "HOME": str(folder),
        "CODEX_HOME": str(folder / "codex-home"),
        "XDG_STATE_HOME": str(folder / "state"),
        "XDG_CONFIG_HOME": str(folder / "config"),
        "XDG_CACHE_HOME": str(folder / "cache"),
        "PYTHONPATH": str(Path(__file__).parents[1]),
        "NO_PROXY": "127.0.0.1",
        **more,
    }
    for name, value in own.items():
        if name.startswith(("XDG", "CODEX_HOME")):
            Path(value).mkdir(parents=True, exist_ok=True)
    inherited = {
        # With it, our code would be compiled at every start, unlike what pip has installed.
        name: value
        for name, value in os.environ.items()
        if name != "PYTHONDONTWRITEBYTECODE"
    }
    return inherited | own
