"""A client of bare bytes: starts a real server process and says whatever a test wants said.

It knows framing and JSON and nothing of LSP's rules, so it can break them. Every message that came
is kept in `received`; waiting is for a state, with one generous deadline for all.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import select
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

DEADLINE = 60.0
REPOSITORY = Path(__file__).parents[2]
SERVE = (sys.executable, "-m", "codex_lsp")

Json = dict[str, Any]

_FRAME = re.compile(rb"Content-Length: (\d+)\r\n\r\n")


def framed(message: object) -> bytes:
    body = json.dumps(message).encode()
    return b"Content-Length: %d\r\n\r\n%b" % (len(body), body)


def environment() -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(REPOSITORY), "PYTHONUNBUFFERED": "1"}


def wait_for_file(path: Path) -> None:
    """Wait until `path` exists: how a server shows that it lives while nobody reads from it."""
    end = time.monotonic() + DEADLINE
    while not path.exists():
        assert time.monotonic() < end, f"{path} never came"
        time.sleep(0.01)


class RawClient:
    """One server process. Use it as a context manager: it is gone afterwards, whatever happened."""

    def __init__(
        self, command: Sequence[str] = SERVE, *, env: Mapping[str, str] | None = None
    ) -> None:
        self.received: list[Any] = []
        self.deadline = DEADLINE
        self.garbage = b""
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115  closed in __exit__
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._stderr,
            env=dict(env or environment()),
        )
        self._changed = threading.Condition()
        self._ended = False
        self._reading = threading.Event()
        self._reading.set()
        self._wake, self._woken = socket.socketpair()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()
        self._next_id = 1000

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._reading.set()
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(DEADLINE)
        self._thread.join(DEADLINE)
        with contextlib.suppress(BrokenPipeError):
            self.close_stdin()
        for end in (self._wake, self._woken, self._stderr):
            end.close()

    @property
    def stderr(self) -> str:
        self._stderr.seek(0)
        return self._stderr.read().decode(errors="replace")

    def send_bytes(self, data: bytes) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def send(self, *messages: object) -> None:
        self.send_bytes(b"".join(map(framed, messages)))

    def notify(self, method: str, params: object = None) -> None:
        self.send({"jsonrpc": "2.0", "method": method, "params": params})

    def request(self, method: str, params: object = None) -> int:
        self._next_id += 1
        self.send({"jsonrpc": "2.0", "id": self._next_id, "method": method, "params": params})
        return self._next_id

    def call(self, method: str, params: object = None) -> Json:
        """Send a request and wait for its answer (the whole message)."""
        return self.answer(self.request(method, params))

    def initialize(self, **params: Any) -> Json:
        answer = self.call("initialize", {"processId": None, "capabilities": {}} | params)
        self.notify("initialized", {})
        return answer

    def answer(self, request: object) -> Json:
        """The answer to the request with this id. Waits for it."""
        found: Json = self.wait_for(lambda m: "method" not in m and m.get("id") == request)
        return found

    def answers(self, request: object) -> list[Json]:
        """All answers so far to the request with this id."""
        return [message for message in self.replies() if message["id"] == request]

    def wait_for(self, wanted: Callable[[Json], bool]) -> Json:
        """The first message, of those that came or will come, that is `wanted`."""

        def found() -> Json | None:
            for message in self.received:
                if isinstance(message, dict) and wanted(message):
                    return message
            return None

        self.wait_until(lambda: found() is not None)
        message = found()
        assert message is not None
        return message

    def replies(self, start: int = 0) -> list[Json]:
        """The answers that came, from the `start`-th message on; batches are not among them."""
        came = self.received[start:]
        return [item for item in came if isinstance(item, dict) and "method" not in item]

    def wait_until(self, reached: Callable[[], bool]) -> None:
        """Wait until `reached`, which is asked after each message."""
        with self._changed:
            self._changed.wait_for(lambda: reached() or self._ended, self.deadline)
        assert reached(), f"received {self.received}\n{self.stderr}"

    def stop_reading(self) -> None:
        """Read nothing more until `resume_reading`; what is being read now still comes."""
        self._reading.clear()

    def resume_reading(self) -> None:
        self._reading.set()

    def close_stdin(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()

    def hang_up(self) -> None:
        """Close both pipes, as a killed editor does."""
        self.close_stdin()
        self._wake.send(b"x")
        self._thread.join(DEADLINE)

    def wait(self) -> int:
        """The exit code, once the process has ended and all it said is in `received`."""
        code = self.process.wait(self.deadline)
        self._thread.join(DEADLINE)
        return code

    def leave(self) -> int:
        """The orderly way out; returns the exit code."""
        assert self.call("shutdown")["result"] is None
        self.notify("exit")
        return self.wait()

    def _read(self) -> None:
        stdout = self.process.stdout
        assert stdout is not None
        buffer = b""
        while chunk := self._read_chunk(stdout.fileno()):
            buffer, at = buffer + chunk, 0
            while found := _FRAME.match(buffer, at):
                end = found.end() + int(found[1])
                if end > len(buffer):
                    break
                self._add(json.loads(buffer[found.end() : end]))
                at = end
            buffer = buffer[at:]
        stdout.close()
        self.garbage = buffer
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def _read_chunk(self, source: int) -> bytes:
        """What the server wrote; empty at the end, or once the test has hung up."""
        self._reading.wait()
        if sys.platform != "win32":
            ready, _, _ = select.select([source, self._woken.fileno()], [], [])
            if source not in ready:
                return b""
        return os.read(source, 1 << 20)

    def _add(self, message: Any) -> None:
        with self._changed:
            self.received.append(message)
            self._changed.notify_all()
