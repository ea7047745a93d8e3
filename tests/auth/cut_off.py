"""Windows that are cut off at a given point of the protocol, as real processes.

This module is also the program they run: one process imports what is needed and forks a window for
each line of orders, so that a hundred of them take seconds.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import Literal

from codex_lsp.auth.errors import AuthError
from codex_lsp.auth.ports import Step
from codex_lsp.auth.settings import AuthSettings
from codex_lsp.auth.source import CredentialSource, open_source
from tests.auth.light_http import post

How = Literal["kill", "stop", "cancel", "shutdown", "loop closed", "exit"]
ROOT = Path(__file__).resolve().parents[2]


class Nursery:
    """Starts windows that are cut off."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @classmethod
    async def open(cls) -> Nursery:
        return cls(
            await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "tests.auth.cut_off",
                cwd=ROOT,
                env=os.environ | {"PYTHONPATH": str(ROOT)},
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
            )
        )

    async def start(self, url: str, home: Path, point: str, how: How) -> int:
        """A window whose access token has expired; its process id."""
        return await self._say({"url": url, "home": str(home), "point": point, "how": how})

    async def end(self) -> int:
        """Wait until the window is gone; its exit code."""
        return await self._say({"wait": True})

    async def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        await self._process.wait()

    async def _say(self, order: object) -> int:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(order).encode() + b"\n")
        await self._process.stdin.drain()
        return int(await self._process.stdout.readline())


def settings_for(url: str, home: Path) -> AuthSettings:
    return AuthSettings(home=home, file=home / "auth.json", token_url=f"{url}/oauth/token")


async def _live(url: str, home: Path, point: str, how: How) -> None:
    """One window: asks for a bearer, and meets its end at `point`."""
    reached = asyncio.Event()

    def observe(step: Step, when: Literal["before", "after"]) -> None:
        if f"{when} {step}" != point:
            return
        if how == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        if how == "stop":
            os.kill(os.getpid(), signal.SIGSTOP)
            return
        if how == "exit":
            os._exit(3)
        reached.set()
        if how == "cancel":
            caller.cancel()

    source = open_source(settings_for(url, home), post, observe=observe)
    caller = asyncio.ensure_future(_ask(source))
    reaching = asyncio.ensure_future(reached.wait())
    await asyncio.wait([reaching, caller], return_when=asyncio.FIRST_COMPLETED)
    if how in {"cancel", "shutdown"}:
        await source.drain()
    reaching.cancel()


async def _ask(source: CredentialSource) -> None:
    with suppress(AuthError):
        await source.current()


def _main() -> None:
    child = 0
    for line in sys.stdin:
        order = json.loads(line)
        if "wait" in order:
            _, status = os.waitpid(child, 0)
            print(os.waitstatus_to_exitcode(status), flush=True)
            continue
        child = os.fork()
        if child == 0:
            code = 1
            try:
                asyncio.run(_live(order["url"], Path(order["home"]), order["point"], order["how"]))
                code = 0
            finally:
                os._exit(code)
        print(child, flush=True)


if __name__ == "__main__":
    _main()
