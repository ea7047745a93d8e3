"""A session from its first byte to its exit code, and in which order things are loaded for it.

`initialize` is answered by the reader thread, with the standard library alone; only then is the
rest imported, while the reader goes on answering what needs no handler.
"""

from __future__ import annotations

import logging
import signal
import sys
import threading

from codex_lsp.lsp.connection.ending import Ending
from codex_lsp.lsp.connection.gate import Gate
from codex_lsp.lsp.connection.jsonrpc import Message
from codex_lsp.lsp.connection.transport import Inbox, Outbox, Read, Write, read_frames
from codex_lsp.lsp.registry import Registry
from codex_lsp.lsp.server_capabilities import dig

TYPE_CHECKING = False
if TYPE_CHECKING:
    from codex_lsp.lsp.connection.host import Compose

_FLUSH = 0.5
_PID_LIMIT = 1 << 31
_READER_STACK = 16 * 1024 * 1024
_SIGNALS = ("SIGTERM", "SIGHUP", "SIGINT", "SIGBREAK")


def serve(read: Read, write: Write, registry: Registry, compose: Compose) -> int:
    """Serve one client from the main thread; returns the exit code.

    The process is to end with it: the deadline of `Ending` goes on, and kills what still hangs.
    """
    inbox = Inbox()
    ending = Ending(lambda: inbox.put(None))
    outbox = Outbox(write, ending.begin)

    def deliver(message: Message, size: int) -> None:
        inbox.put(message, size)
        inbox.wait_for_room()

    gate = Gate(registry, outbox.put, deliver, ending)
    for name in _SIGNALS:
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), lambda *_, name=name: ending.begin(f"{name} came"))
    _start_reader(read, gate, ending)
    first = inbox.take()
    if isinstance(params := dig(first, "params"), dict):
        _host(params, inbox, outbox, ending, registry, compose)
    outbox.flush(_FLUSH)
    logging.getLogger(__name__).info("ending with %d, because %s", ending.code, ending.reason)
    return ending.code


def _host(
    params: dict[str, object],
    inbox: Inbox,
    outbox: Outbox,
    ending: Ending,
    registry: Registry,
    compose: Compose,
) -> None:
    _watch_editor(editor_process(params.get("processId")), ending)
    # Reader, loop and writer hand each message on: beside a thread that imports, each would wait
    # for the interpreter for five times as long.
    sys.setswitchinterval(0.001)
    from codex_lsp.lsp.connection import host

    host.run(params, inbox, outbox, ending, registry, compose)


def _start_reader(read: Read, gate: Gate, ending: Ending) -> None:
    usual = threading.stack_size(_READER_STACK)  # deep JSON; macOS gives threads only 512 KiB
    try:
        threading.Thread(
            target=read_frames, args=(read, gate.receive, ending), name="reader", daemon=True
        ).start()
    finally:
        threading.stack_size(usual)


def editor_process(value: object) -> int | None:
    """The process to watch where the client says `processId: value`; None if that is none."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value < _PID_LIMIT:
        return None
    return value


def _watch_editor(pid: int | None, ending: Ending) -> None:
    if pid is None:
        return

    def watch() -> None:
        from codex_lsp.lsp.connection.parent import wait_until_gone

        wait_until_gone(pid)
        ending.begin("the editor's process is gone")

    threading.Thread(target=watch, name="parent", daemon=True).start()
