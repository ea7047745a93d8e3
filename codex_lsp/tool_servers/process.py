"""A server as a process of ours: newline-delimited JSON over its stdin and stdout.

The SDK's own transport takes lines of any length, cannot say why a server failed, and leaves it
behind when this process is killed; hence this one. The server leads a process group, which ends
with the connection, or with this process, however that goes.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import cast

import anyio
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from mcp.shared.message import SessionMessage
from mcp_types import jsonrpc_message_adapter

from codex_lsp.agent.servers import ServerFailed, ServerSpec
from codex_lsp.tool_servers.link import Link

MOST_LINE = 16 * 1024 * 1024  # bytes of one message
_LAST_WORDS = 2000  # bytes of stderr that are kept
_GRACE = 0.4  # seconds for a server to end once its input is closed; then again once it is told to

# Beside the server waits a shell for the end of a pipe whose other end only this process holds.
_GUARDED = '(read -r _; kill -9 0) </dev/fd/{} >/dev/null 2>&1 & exec "$@"'


@asynccontextmanager
async def process_link(spec: ServerSpec) -> AsyncIterator[Link]:
    """Start the server; raises `ServerFailed` where that cannot be done."""
    with _guard() as (prefix, descriptors):
        try:
            process = await asyncio.create_subprocess_exec(
                *prefix, *spec.argv, cwd=spec.cwd, env=spec.environment, stdin=PIPE, stdout=PIPE,
                stderr=PIPE, limit=MOST_LINE, start_new_session=True, pass_fds=descriptors,
            )  # fmt: skip
        except (OSError, ValueError) as error:
            raise ServerFailed(f"it cannot be started: {error}") from error
        try:
            async with _linked(process) as link:
                yield link
        finally:
            await _end(process)


@contextmanager
def _guard() -> Iterator[tuple[list[str], tuple[int, ...]]]:
    """What goes before a command so that it does not outlive this process."""
    if sys.platform == "win32":
        yield [], ()
        return
    theirs, ours = os.pipe()
    try:
        yield ["/bin/sh", "-c", _GUARDED.format(theirs), "sh"], (theirs,)
    finally:
        os.close(theirs)
        os.close(ours)


@asynccontextmanager
async def _linked(process: Process) -> AsyncIterator[Link]:
    heard, read = anyio.create_memory_object_stream[SessionMessage | Exception](0)
    write, said = anyio.create_memory_object_stream[SessionMessage](0)
    link = Link(read, write)
    stdout = cast("asyncio.StreamReader", process.stdout)
    stderr = cast("asyncio.StreamReader", process.stderr)
    words = bytearray()
    async with heard, read, write, said, asyncio.TaskGroup() as group:
        work = [
            group.create_task(_note(stderr, words)),
            group.create_task(_write(process, said)),
        ]
        work.append(group.create_task(_read(stdout, heard, link, words, work[0])))
        try:
            yield link
        finally:
            for task in work:
                task.cancel()


async def _read(
    stdout: asyncio.StreamReader,
    heard: MemoryObjectSendStream[SessionMessage | Exception],
    link: Link,
    words: bytearray,
    noting: asyncio.Task[None],
) -> None:
    """Pass on what it says, line by line, until it says no more."""
    why = "it ended"
    with contextlib.suppress(anyio.BrokenResourceError, anyio.ClosedResourceError):
        try:
            while line := await stdout.readline():
                if line.strip():
                    await heard.send(_parsed(line))
        except ValueError:
            why = f"it sent a message of more than {MOST_LINE >> 20} MiB"
    await asyncio.wait([noting], timeout=_GRACE)
    if last := words.decode("utf-8", "replace").strip():
        why += f"; its last words: {last.splitlines()[-1]}"
    link.ended.set_result(why)
    await heard.aclose()


def _parsed(line: bytes) -> SessionMessage | Exception:
    try:
        return SessionMessage(jsonrpc_message_adapter.validate_json(line, by_name=False))
    except ValueError as error:
        return error


async def _write(process: Process, said: MemoryObjectReceiveStream[SessionMessage]) -> None:
    stdin = cast("asyncio.StreamWriter", process.stdin)
    async for one in said:
        text = one.message.model_dump_json(by_alias=True, exclude_unset=True)
        stdin.write(text.encode() + b"\n")
        with contextlib.suppress(OSError):  # that it is gone is seen where it is read
            await stdin.drain()


async def _note(stderr: asyncio.StreamReader, words: bytearray) -> None:
    """Keep the end of what it says on stderr: it may say why it failed."""
    while data := await stderr.read(65536):
        words += data
        del words[:-_LAST_WORDS]


async def _end(process: Process) -> None:
    """End it, at first kindly, and all that it left in its group."""
    cast("asyncio.StreamWriter", process.stdin).close()
    try:
        if not await _gone(process):
            _signal(process, signal.SIGTERM)
            await _gone(process)
    finally:
        _signal(process, getattr(signal, "SIGKILL", signal.SIGTERM))
    await _gone(process)
    # What is not read to its end, because it is too much, is held open by asyncio otherwise.
    process._transport.close()  # type: ignore[attr-defined]  # noqa: SLF001 - there is no other way


async def _gone(process: Process) -> bool:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_GRACE):
            await process.wait()
    return process.returncode is not None


def _signal(process: Process, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if sys.platform == "win32":
            process.kill()
        else:
            os.killpg(process.pid, number)
