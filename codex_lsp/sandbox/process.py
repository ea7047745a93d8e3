"""One running command: its output as it comes, its input, and its end, which nothing survives.

It runs in a session of its own. Output is kept up to a limit, the beginning and the end of it.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from codex_lsp.sandbox.policy import Limits

MOST_OUTPUT = 1 << 20  # bytes kept between two looks at it
_CHUNK = 1 << 16
_GRACE = 2.0  # seconds that a process has to end itself once it is told to
_REST = 0.3  # seconds that output may take to come after the end

# A session gets the terminal that its leader opens first: Ctrl-C and job control hang on it.
_TAKE_TERMINAL = 'exec <>"$(tty)" >&0 2>&0; exec "$@"'


def in_terminal(argv: Sequence[str], *, leads: bool) -> list[str]:
    """`argv` in a form that owns the terminal on its input; `leads`: it is started as the first
    process of a session (by `Child`), else it is to make itself one.
    """
    if leads:
        return ["/bin/sh", "-c", _TAKE_TERMINAL, "sh", *argv]
    return ["setsid", "-c", *argv]


# What a shell calls processes is `-u` to some and `-p` to others; blocks are of 512 bytes. A limit
# that is lower already stays.
_LIMITED = """
ulimit -c 0; ulimit -f "$1" 2>/dev/null
ulimit -u "$2" 2>/dev/null || ulimit -p "$2" 2>/dev/null
shift 2; exec "$@"
"""


def limited(argv: Sequence[str], limits: Limits) -> list[str]:
    """`argv` in a form that sets `limits` for itself first."""
    blocks = limits.file_bytes // 512
    return ["/bin/sh", "-c", _LIMITED, "sh", str(blocks), str(limits.processes), *argv]


@dataclass(frozen=True, slots=True)
class Start:
    """What is started. `fds` are inherited by it, and closed here once it runs. `info` is where it
    tells, as JSON, a `child-pid` whose end is the end of all that it started.
    """

    argv: Sequence[str]
    cwd: Path
    env: Mapping[str, str]
    tty: bool = False
    fds: tuple[int, ...] = ()
    info: int | None = None


class Output:
    """The bytes that came since they were last taken, without their middle where they are many."""

    def __init__(self, most: int = MOST_OUTPUT) -> None:
        self._most = most
        self._kept = bytearray()
        self._dropped = 0

    def add(self, data: bytes) -> None:
        """More came."""
        self._kept += data
        if len(self._kept) > self._most + self._most // 2:
            self._cut()

    def take(self) -> bytes:
        """All that is kept; it is forgotten here."""
        if len(self._kept) > self._most:
            self._cut()
        half = self._most // 2
        taken, dropped = bytes(self._kept), self._dropped
        self._kept.clear()
        self._dropped = 0
        if not dropped:
            return taken
        return b"%s\n[... %d bytes left out ...]\n%s" % (taken[:half], dropped, taken[half:])

    def _cut(self) -> None:
        half = self._most // 2
        excess = len(self._kept) - self._most
        del self._kept[half : half + excess]
        self._dropped += excess


class Child:
    """A started process. Used on the event loop that started it."""

    def __init__(
        self, process: asyncio.subprocess.Process, reading: int, writing: int, info: int | None
    ) -> None:
        self._process = process
        self._info = info
        self._reading, self._writing = reading, writing
        self._output = Output()
        self._silent = asyncio.Event()
        self._gone = False
        self._idle: float | None = None
        self._expiry: asyncio.TimerHandle | None = None
        self._ended = asyncio.ensure_future(self._follow())
        os.set_blocking(reading, False)
        asyncio.get_running_loop().add_reader(reading, self._read)

    @classmethod
    async def start(cls, start: Start) -> Child:
        """Start it; raises OSError where that cannot be done."""
        try:
            reading, theirs = os.openpty() if start.tty else os.pipe()
            return await _started(start, reading, reading if start.tty else -1, theirs)
        finally:
            for fd in start.fds:
                os.close(fd)

    @property
    def exit_code(self) -> int | None:
        """None while it runs; of a process that a signal ended, 128 and the signal."""
        if not self._ended.done():
            return None
        code = self._process.returncode
        return 1 if code is None else code if code >= 0 else 128 - code

    def take_output(self) -> bytes:
        """What it wrote since the last time."""
        return self._output.take()

    async def wait(self, seconds: float) -> None:
        """Until it has ended and said all, or the time is up."""
        self._expire_in(None)
        try:
            await asyncio.wait([self._ended], timeout=max(seconds, 0))
        finally:
            self._expire_in(self._idle)

    async def write(self, data: bytes) -> bool:
        """Type into its terminal; False where it has none or is not reading."""
        if self._writing < 0 or self.exit_code is not None:
            return False
        try:
            async with asyncio.timeout(_GRACE):
                while data:
                    try:
                        data = data[os.write(self._writing, data) :]
                    except BlockingIOError:
                        await asyncio.sleep(0.01)
        except (OSError, TimeoutError):
            return False
        return True

    def end_when_idle(self, seconds: float) -> None:
        """End it when nobody has waited for it for so long."""
        self._idle = seconds
        self._expire_in(seconds)

    def _expire_in(self, seconds: float | None) -> None:
        if self._expiry is not None:
            self._expiry.cancel()
            self._expiry = None
        if seconds is not None and not self._gone:
            self._expiry = asyncio.get_running_loop().call_later(seconds, self._expire)

    def _expire(self) -> None:
        self._signal(signal.SIGTERM)
        loop = asyncio.get_running_loop()
        self._expiry = loop.call_later(_GRACE, self._signal, signal.SIGKILL)

    async def kill(self) -> None:
        """End it and all that it started."""
        if not self._ended.done():
            self._signal(signal.SIGTERM)
            await self.wait(_GRACE)
        if not self._ended.done():
            self._signal(signal.SIGKILL)
            await self.wait(_GRACE)

    def _signal(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, number)

    async def _follow(self) -> None:
        await self._process.wait()
        self._gone = True
        self._expire_in(None)
        # What it left in the background holds the output open, and would go on changing files.
        self._signal(signal.SIGKILL)
        await self._last_gone()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_REST):
                await self._silent.wait()
        self._close()

    async def _last_gone(self) -> None:
        """The kernel ends what is left in a namespace a moment after the command has ended."""
        if self._info is None:
            return
        told = os.read(self._info, _CHUNK)
        os.close(self._info)
        with contextlib.suppress(ValueError, KeyError, OSError, TimeoutError):
            first = os.pidfd_open(json.loads(told)["child-pid"])
            gone = asyncio.Event()
            asyncio.get_running_loop().add_reader(first, gone.set)
            try:
                async with asyncio.timeout(_GRACE):
                    await gone.wait()
            finally:
                asyncio.get_running_loop().remove_reader(first)
                os.close(first)

    def _read(self) -> None:
        try:
            data = os.read(self._reading, _CHUNK)
        except BlockingIOError:
            return
        except OSError:  # a terminal whose last program has gone
            data = b""
        if data:
            self._output.add(data)
        else:
            asyncio.get_running_loop().remove_reader(self._reading)
            self._silent.set()

    def _close(self) -> None:
        if not self._silent.is_set():
            asyncio.get_running_loop().remove_reader(self._reading)
            self._silent.set()
        os.close(self._reading)
        self._reading = self._writing = -1


async def _started(start: Start, reading: int, writing: int, theirs: int) -> Child:
    """With `theirs` as its output, and as its input where it is a terminal."""
    try:
        process = await asyncio.create_subprocess_exec(
            *start.argv,
            cwd=start.cwd,
            env=start.env,
            stdin=theirs if start.tty else asyncio.subprocess.DEVNULL,
            stdout=theirs,
            stderr=theirs,
            pass_fds=start.fds,
            start_new_session=True,
        )
    except BaseException:
        os.close(reading)
        if start.info is not None:
            os.close(start.info)
        raise
    finally:
        os.close(theirs)
    return Child(process, reading, writing, start.info)
