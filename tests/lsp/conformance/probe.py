"""The real server with handlers made for testing it. Run as a script it serves stdin and stdout."""

from __future__ import annotations

import asyncio
import logging
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from codex_lsp.lsp.connection import session, transport
from codex_lsp.lsp.registry import Registry

SECRET = "sk-planted-secret-0123456789"
_HERE = "tests.lsp.conformance.probe:"
_notes: list[Any] = []


def code_action(server: Any, params: Any) -> list[Any]:
    return []


async def hover(server: Any, params: Any) -> Any:
    from lsprotocol import types

    await asyncio.sleep(0)
    return types.Hover(contents=types.MarkupContent(types.MarkupKind.PlainText, "é\ud800"))


def echo(server: Any, params: Any) -> Any:
    return params


def note(server: Any, params: Any) -> None:
    _notes.append(params)


def notes(server: Any, params: Any) -> list[Any]:
    taken = list(_notes)
    _notes.clear()
    return taken


def fail(server: Any, params: Any) -> None:
    raise RuntimeError(SECRET)


async def fail_later(server: Any, params: Any) -> None:
    await asyncio.sleep(0)
    raise RuntimeError(SECRET)


async def fail_group(server: Any, params: Any) -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(fail_later(server, params))


def refuse(server: Any, params: Any) -> None:
    from codex_lsp.lsp.connection.faults import Refused

    raise Refused("Not today.", -32803)


def junk(server: Any, params: Any) -> object:
    return {"value": object()}


def not_a_number(server: Any, params: Any) -> float:
    return float("nan")


async def sleep(server: Any, params: Any) -> None:
    server.notify("codex/asleep", {})
    try:
        await asyncio.Event().wait()
    finally:
        server.notify("codex/awake", {})


async def stubborn(server: Any, params: Any) -> str:
    server.notify("codex/asleep", {})
    try:
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        return "finished all the same"
    return ""


def print_everywhere(server: Any, params: Any) -> str:
    print("from print")
    os.write(1, b"from fd 1\n")
    subprocess.run([sys.executable, "-c", "print('from a child')"], check=True)
    child = subprocess.run(
        [sys.executable, "-c", "import sys; print(len(sys.stdin.read()))"],
        stdout=subprocess.PIPE,
        check=True,
    )
    return child.stdout.decode().strip()


def text(server: Any, params: Any) -> Any:
    document = server.documents.get(params["uri"])
    return document and {"text": document.text, "version": document.version}


async def text_later(server: Any, params: Any) -> Any:
    first = text(server, params)
    await asyncio.sleep(0.05)
    return [first, text(server, params)]


async def ask(server: Any, params: Any) -> Any:
    from codex_lsp.lsp.connection.client import ClientFailure

    try:
        return {"result": await server.ask("codex/question", params, timeout=params["timeout"])}
    except ClientFailure as failure:
        return {"failure": type(failure).__name__, "text": str(failure)}


def touch(server: Any, params: Any) -> None:
    Path(params["path"]).touch()


async def flood(server: Any, params: Any) -> int:
    """Progress of `total` bytes in all; answers with the most that ever waited for the client."""
    filler, most = "x" * 1000, 0
    server.notify("$/progress", {"token": "flood", "value": {"kind": "begin", "title": "flood"}})
    for number in range(params["total"] // 1000):
        value = {"kind": "report", "message": f"{number} {filler}"}
        server.notify("$/progress", {"token": "flood", "value": value})
        server.notify("window/logMessage", {"type": 4, "message": filler})
        most = max(most, server.outbox.backlog)
        if number % 100 == 0:
            await asyncio.sleep(0)
    server.notify("$/progress", {"token": "flood", "value": {"kind": "end"}})
    return most


async def stream(server: Any, params: Any) -> str:
    """Notifications that must all arrive, `total` bytes of them, sent as the client reads."""
    filler = "x" * 1000
    for number in range(params["total"] // 1000):
        await server.room()
        server.notify("codex/piece", {"number": number, "filler": filler})
    return "done"


def overflow(server: Any, params: Any) -> None:
    for _ in range(60):
        server.notify("codex/piece", {"filler": "x" * (1 << 20)})


def spawn_failing(server: Any, params: Any) -> None:
    server.spawn(fail_later(server, params), name="a task that fails")


def resident(server: Any, params: Any) -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def hang(server: Any, params: Any) -> None:
    import time

    Path(params["path"]).touch()
    time.sleep(3600)


def linger(server: Any, params: Any) -> None:
    """An exit hook that takes a moment and leaves a mark."""

    async def hook() -> None:
        await asyncio.sleep(params["seconds"])
        touch(server, params)

    server.on_exit(hook)


def echo_command(server: Any, arguments: list[Any]) -> list[Any]:
    return arguments


async def sleep_command(server: Any, arguments: list[Any]) -> None:
    await sleep(server, arguments)


def fail_command(server: Any, arguments: list[Any]) -> None:
    raise RuntimeError(SECRET)


async def fail_later_command(server: Any, arguments: list[Any]) -> None:
    await fail_later(server, arguments)


REGISTRY = Registry(
    {
        "textDocument/codeAction": _HERE + "code_action",
        "textDocument/hover": _HERE + "hover",
        "codex/echo": _HERE + "echo",
        "codex/note": _HERE + "note",
        "codex/notes": _HERE + "notes",
        "codex/fail": _HERE + "fail",
        "codex/failLater": _HERE + "fail_later",
        "codex/failGroup": _HERE + "fail_group",
        "codex/refuse": _HERE + "refuse",
        "codex/junk": _HERE + "junk",
        "codex/nan": _HERE + "not_a_number",
        "codex/sleep": _HERE + "sleep",
        "codex/stubborn": _HERE + "stubborn",
        "codex/print": _HERE + "print_everywhere",
        "codex/text": _HERE + "text",
        "codex/textLater": _HERE + "text_later",
        "codex/ask": _HERE + "ask",
        "codex/touch": _HERE + "touch",
        "codex/flood": _HERE + "flood",
        "codex/stream": _HERE + "stream",
        "codex/overflow": _HERE + "overflow",
        "codex/spawnFailing": _HERE + "spawn_failing",
        "codex/resident": _HERE + "resident",
        "codex/hang": _HERE + "hang",
        "codex/linger": _HERE + "linger",
    },
    {"textDocument/codeAction": {"codeActionKinds": ["quickfix"]}},
    {
        "probe.echo": _HERE + "echo_command",
        "probe.sleep": _HERE + "sleep_command",
        "probe.fail": _HERE + "fail_command",
        "probe.failLater": _HERE + "fail_later_command",
    },
)


@asynccontextmanager
async def compose(server: Any) -> AsyncIterator[None]:
    if server.initialize_params.get("initializationOptions") == "fail to compose":
        raise RuntimeError(SECRET)
    yield


COMMAND = (sys.executable, "-m", "tests.lsp.conformance.probe")


def main() -> int:
    read, write = transport.take_stdio()
    logging.basicConfig(level=os.environ.get("PROBE_LOG", "WARNING"))
    return session.serve(read, write, REGISTRY, compose)


if __name__ == "__main__":
    sys.exit(main())
