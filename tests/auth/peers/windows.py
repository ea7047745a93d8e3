"""Windows of ours as real processes: each runs the credential source that a server runs.

One child imports what is needed and forks the windows, so that thirty of them cost little more
than one. Each has its own pipes, event loop, locks and sockets; nothing is shared but the files.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import selectors
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

from codex_lsp.auth import refresh
from codex_lsp.auth.errors import AuthError
from codex_lsp.auth.journal import JournalFile
from codex_lsp.auth.lock import KernelLock
from codex_lsp.auth.record import Snapshot
from codex_lsp.auth.settings import read_settings
from codex_lsp.auth.source import CredentialSource, SystemClock, open_source
from codex_lsp.auth.store import FileStore
from codex_lsp.auth.tokens import Bearer
from codex_lsp.cli.credentials import COURTESY
from codex_lsp.config.codex_toml import CodexToml
from codex_lsp.net.client import post

ROOT = Path(__file__).resolve().parents[3]


class Windows:
    """Handle of `count` windows on one CODEX_HOME. A command goes to all at once, or to some."""

    def __init__(self, home: Path, count: int, authority_url: str, *, mutant: str = "none") -> None:
        self.count = count
        self._nursery = subprocess.Popen(
            [sys.executable, "-m", "tests.auth.peers.windows", str(home), str(count), mutant],
            cwd=ROOT,
            env=os.environ
            | {
                "PYTHONPATH": str(ROOT),
                "CODEX_REFRESH_TOKEN_URL_OVERRIDE": f"{authority_url}/oauth/token",
            },
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Self:
        assert self._hear() == ["ready"]
        return self

    def __exit__(self, *_: object) -> None:
        with self._nursery:
            assert self._nursery.stdin is not None
            self._nursery.stdin.close()
            self._nursery.wait(60)

    def tell(self, command: str, *, only: range | None = None) -> None:
        """Start a command in all windows at once.

        It is one of `current`, `reject`, `who`, `watch`,
        `drain` or `at SECONDS`.
        """
        assert self._nursery.stdin is not None
        chosen = only if only is not None else range(self.count)
        self._nursery.stdin.write(json.dumps({"to": list(chosen), "do": command}) + "\n")
        self._nursery.stdin.flush()

    def hear(self) -> list[str]:
        """Every window's answer to the last command, in their order."""
        return self._hear()

    def ask(self, command: str, *, only: range | None = None) -> list[str]:
        """`tell`, then `hear`."""
        self.tell(command, only=only)
        return self.hear()

    def _hear(self) -> list[str]:
        assert self._nursery.stdout is not None
        line = self._nursery.stdout.readline()
        assert line, "the windows have ended"
        answers: list[str] = json.loads(line)
        return answers


def _unguarded(patch: Patch) -> None:
    """Every window thinks that it alone holds the lock, and none writes anything down.

    Without the lock alone, the journal still keeps a token from being sent twice.
    """

    async def granted(_: KernelLock) -> bool:
        return True

    async def nothing(*_: object) -> None:
        pass

    patch(KernelLock, "try_acquire", granted)
    patch(KernelLock, "release", nothing)
    patch(JournalFile, "write", nothing)


def _careless_write(patch: Patch) -> None:
    """New tokens are written over whatever the file holds by then, or no longer holds."""

    async def settle(store: FileStore, file: JournalFile, *_: object) -> Snapshot:
        staged = await store.staged()
        if staged.data is not None:
            await store.save(staged.data)
            await store.unstage()
        return await store.load()

    patch(refresh, "settle", settle)


Patch = Callable[[object, str, object], None]
MUTANTS: dict[str, Callable[[Patch], None]] = {
    "none": lambda _: None,
    "unguarded": _unguarded,
    "careless_write": _careless_write,
}


class ShiftedClock(SystemClock):
    """The clock of this machine, moved by `offset` seconds."""

    offset = 0.0

    def now(self) -> float:
        return super().now() + self.offset


class Window:
    """One window: remembers the bearer it used last, as a turn does."""

    def __init__(self, home: Path) -> None:
        self._clock = ShiftedClock()
        settings = read_settings(os.environ, home, CodexToml())
        self._source: CredentialSource = open_source(settings, post, clock=self._clock)
        self._last: Bearer | None = None
        self._watching: asyncio.Task[None] | None = None

    async def obey(self, command: str) -> str:
        """The name of the access token that came of it, or `!` and the kind of error."""
        try:
            return await self._do(command)
        except AuthError as error:
            return f"!{error.kind}"

    async def _do(self, command: str) -> str:
        match command.split():
            case ["at", seconds]:
                self._clock.offset = float(seconds)
                return "done"
            case ["polite"]:
                refresher = self._source._refresher
                refresher.settings = replace(refresher.settings, courtesy=COURTESY)
                return "done"
            case ["who"]:
                status = await self._source.status()
                return f"{status.kind} {status.email}"
            case ["watch"]:
                self._watching = asyncio.create_task(self._source.watch(lambda _: None))
                return "done"
            case ["drain"]:
                await self._source.drain(30)
                return "done"
            case ["reject"]:
                last = self._last or await self._source.current()
                self._last = await self._source.replace(last)
            case ["current"]:
                self._last = await self._source.current()
            case _:
                raise ValueError(command)
        return self._last.token.digest()[:12]

    async def close(self) -> None:
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.gather(self._watching, return_exceptions=True)
        await self._source.aclose()


async def _live(home: Path, commands: int, answers: int) -> None:
    reader = asyncio.StreamReader()
    protocol = asyncio.StreamReaderProtocol(reader)
    pipe, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: protocol, os.fdopen(commands, "rb", 0)
    )
    window = Window(home)
    while line := await reader.readline():
        os.write(answers, (await window.obey(line.decode())).encode() + b"\n")
    await window.close()
    pipe.close()


def _fork_windows(home: Path, count: int) -> list[tuple[int, Any]]:
    """Fork before there is any loop or thread; each child leaves through `os._exit`."""
    ends: list[tuple[int, Any]] = []
    for _ in range(count):
        commands_out, commands_in = os.pipe()
        answers_out, answers_in = os.pipe()
        if os.fork() == 0:
            os.close(commands_in)
            for ours, theirs in ends:  # of earlier siblings: else they never see the end
                os.close(ours)
                theirs.close()
            code = 1
            try:
                asyncio.run(_live(home, commands_out, answers_in))
                code = 0
            finally:
                os._exit(code)
        os.close(commands_out)
        os.close(answers_in)
        ends.append((commands_in, os.fdopen(answers_out, "rb", 0)))
    return ends


def _main() -> None:
    import httpx  # noqa: F401 - before the forks, so that the children need not each

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("home", type=Path)
    parser.add_argument("count", type=int)
    parser.add_argument("mutant", choices=MUTANTS)
    given = parser.parse_args()
    MUTANTS[given.mutant](setattr)
    ends = _fork_windows(given.home, given.count)
    print(json.dumps(["ready"]), flush=True)
    for line in sys.stdin:
        order = json.loads(line)
        for index in order["to"]:
            os.write(ends[index][0], order["do"].encode() + b"\n")
        print(json.dumps(_gathered([ends[index][1] for index in order["to"]])), flush=True)
    for commands, _ in ends:
        os.close(commands)
    for _ in ends:
        _, status = os.wait()
        assert status == 0


def _gathered(pipes: list[Any]) -> list[str]:
    """One line from each pipe, whichever comes first."""
    lines: dict[int, bytes] = {}
    with selectors.DefaultSelector() as selector:
        for index, pipe in enumerate(pipes):
            selector.register(pipe, selectors.EVENT_READ, index)
        while selector.get_map():
            for key, _ in selector.select():
                chunk = os.read(key.fd, 4096)
                lines[key.data] = lines.get(key.data, b"") + chunk
                if not chunk or chunk.endswith(b"\n"):
                    selector.unregister(key.fileobj)
    return [lines[index].decode().strip() or "!dead" for index in range(len(pipes))]


if __name__ == "__main__":
    _main()
