"""Bytes to and from the editor, each way in a thread of its own.

So the event loop neither reads nor writes, and a client that stops reading cannot freeze it.
`take_stdio` keeps stdin and stdout for the protocol and points the numbers 0 and 1 elsewhere, so
that neither a `print` nor a child process can get between frames.
"""

from __future__ import annotations

import logging
import os
import sys
import time
from collections import deque
from collections.abc import Callable, Hashable
from queue import SimpleQueue
from threading import Condition, Thread

from codex_lsp.lsp.connection.ending import Ending
from codex_lsp.lsp.connection.frames import Framer, Oversize, frame

Read = Callable[[int], bytes]
"""At most so many bytes; empty at the end. Raises OSError."""

Write = Callable[[bytes], object]
"""All of the bytes. Raises OSError."""

SPARE = 8 * 1024 * 1024
"""Bytes waiting for the client above which what can be spared is dropped."""

LIMIT = 48 * 1024 * 1024
"""Bytes waiting for the client above which it counts as gone."""

ROOM = 1024 * 1024
"""Bytes waiting for the client below which `Outbox.room` is announced."""

_CHUNK = 64 * 1024
_BATCH = 256 * 1024
_INBOX_LIMIT = 64 * 1024 * 1024


def take_stdio() -> tuple[Read, Write]:
    """The process's stdin and stdout, for the protocol alone. Raises OSError if one is closed."""
    os.fstat(0), os.fstat(1)
    try:
        os.fstat(2)
    except OSError:  # started without stderr: else what is opened next becomes it
        os.open(os.devnull, os.O_WRONLY)
    source, sink = os.dup(0), os.dup(1)
    void = os.open(os.devnull, os.O_RDONLY)
    os.dup2(void, 0)
    os.close(void)
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    if sys.platform == "win32":
        import msvcrt

        for descriptor in (source, sink):
            msvcrt.setmode(descriptor, os.O_BINARY)
    return lambda size: os.read(source, size), lambda data: _write_all(sink, data)


def _write_all(sink: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(sink, rest) :]


def read_frames(read: Read, receive: Callable[[bytes], None], ending: Ending) -> None:
    """Hand every frame to `receive` until the stream ends; then begin the end. Blocks."""
    framer = Framer()
    try:
        while chunk := read(_CHUNK):
            for body in framer.feed(chunk):
                receive(body)
    except Oversize as error:
        ending.begin(f"the client sent {error}", failed=True)
    except OSError as error:
        ending.begin(f"reading failed: {error.strerror}")
    finally:
        ending.begin("the client closed its end")


class Inbox:
    """Bodies' values on their way to the event loop, in order; None is the end.

    `put` is safe anywhere, a signal handler included.
    """

    def __init__(self) -> None:
        self._queue: SimpleQueue[tuple[object, int]] = SimpleQueue()
        self._wake: Callable[[], object] = lambda: None
        self._received = 0
        self._taken = 0

    def put(self, value: object, size: int = 0) -> None:
        """Add `value`, which came as `size` bytes."""
        self._received += size
        self._queue.put((value, size))
        self._wake()

    def wait_for_room(self) -> None:
        """Block the reader while the loop is too far behind, so that memory stays bounded."""
        while self._received - self._taken > _INBOX_LIMIT:
            time.sleep(0.01)

    def take(self) -> object:
        """The next value. Blocks."""
        return self._out(*self._queue.get())

    def take_now(self) -> object:
        """The next value. Raises `queue.Empty`."""
        return self._out(*self._queue.get_nowait())

    def attach(self, wake: Callable[[], object]) -> None:
        """From now on call `wake`, from any thread, after every `put`."""
        self._wake = wake
        wake()

    def _out(self, value: object, size: int) -> object:
        self._taken += size
        return value


class _Entry:
    __slots__ = ("body", "key")

    def __init__(self, body: bytes, key: Hashable) -> None:
        self.body = body
        self.key = key


class Outbox:
    """Bodies on their way to the client. `put` never blocks; memory is bounded by `LIMIT`.

    `broken` is called once, from any thread, with a reason when the client cannot be reached.
    """

    def __init__(self, write: Write, broken: Callable[[str], object]) -> None:
        self.room: Callable[[], object] = lambda: None
        """Called from the writer thread when `backlog` has sunk below `ROOM`."""
        self.backlog = 0
        self._write = write
        self._broken = broken
        self._entries: deque[_Entry] = deque()
        self._latest: dict[Hashable, _Entry] = {}
        self._changed = Condition()
        self._busy = False
        self._dead = False
        Thread(target=self._run, name="writer", daemon=True).start()

    def put(self, body: bytes, *, key: Hashable = None, spare: bool = False) -> None:
        """Queue `body`. One that waits under the same `key` is replaced by it, in its place.

        `spare` bodies are dropped while the client is far behind.
        """
        with self._changed:
            if self._dead:
                return
            if key is not None and (waiting := self._latest.get(key)):
                self.backlog += len(body) - len(waiting.body)
                waiting.body = body
            elif not spare or self.backlog <= SPARE:
                entry = _Entry(body, key)
                self._entries.append(entry)
                self.backlog += len(body)
                if key is not None:
                    self._latest[key] = entry
            stuck = self.backlog > LIMIT
            self._changed.notify_all()
        if stuck:
            reason = f"the client does not read: {LIMIT >> 20} MiB are waiting"
            logging.getLogger(__name__).error("%s", reason)
            self._give_up(reason)

    def seal(self, key: Hashable) -> None:
        """What waits under `key` stays as it is; later bodies queue behind."""
        with self._changed:
            self._latest.pop(key, None)

    def flush(self, timeout: float) -> bool:
        """Wait until all is written; False if that took more than `timeout` seconds."""
        with self._changed:
            return self._changed.wait_for(
                lambda: self._dead or not (self._entries or self._busy), timeout
            )

    def _run(self) -> None:
        while not self._dead:
            batch = self._next_batch()
            try:
                self._write(batch)
            except OSError as error:
                self._give_up(f"writing failed: {error.strerror}")
            with self._changed:
                self._busy = False
                self._changed.notify_all()
            if self.backlog < ROOM:
                self.room()

    def _next_batch(self) -> bytes:
        with self._changed:
            self._changed.wait_for(lambda: bool(self._entries))
            self._busy = True
            pieces: list[bytes] = []
            size = 0
            while self._entries and size < _BATCH:
                entry = self._entries.popleft()
                if self._latest.get(entry.key) is entry:
                    del self._latest[entry.key]
                pieces.append(frame(entry.body))
                size += len(entry.body)
            self.backlog -= size
            return b"".join(pieces)

    def _give_up(self, reason: str) -> None:
        with self._changed:
            if self._dead:
                return
            self._dead = True
            self._entries.clear()
            self._latest.clear()
            self.backlog = 0
            self._changed.notify_all()
        self.room()
        self._broken(reason)
