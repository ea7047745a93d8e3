"""A terminal without a screen: starts a program in tmux, presses keys and reads what it shows."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tests.e2e.tools import require

DEADLINE = 60.0  # seconds; generous, as tests share a slow machine
LOOK = 0.05  # seconds between two looks at the screen, which sends no events


class Terminal:
    """A window with one program in it.

    `place` is a private folder with a short path, fit for sockets; the program finds it in its
    environment as `TERMINAL_PLACE`.
    """

    def __init__(self, place: Path, folder: Path, env: Mapping[str, str]) -> None:
        self.place, self._folder, self._env = place, folder, dict(env)
        self._tmux = [str(require("tmux")), "-f", "/dev/null", "-S", str(place / "tmux")]

    async def press(self, *keys: str) -> None:
        """Press keys by tmux's names: `Enter`, `Escape`, `C-x`, `a`."""
        await self.run("send-keys", *keys)

    async def type(self, text: str) -> None:
        """Type text as it is."""
        await self.run("send-keys", "-l", text)

    async def screen(self, *, colours: bool = False) -> str:
        """The rows on the screen; with `colours` whole, and with escape sequences."""
        return await self.run("capture-pane", "-p", *(["-e", "-N"] if colours else []))

    async def until(self, shown: str | Callable[[str], object]) -> str:
        """Wait until the screen shows a text, or satisfies a condition; returns the screen."""
        seen = ""
        try:
            async with asyncio.timeout(DEADLINE):
                while True:
                    seen = await self.screen()
                    if shown in seen if isinstance(shown, str) else shown(seen):
                        return seen
                    await asyncio.sleep(LOOK)
        except TimeoutError:
            raise AssertionError(f"never shown: {shown}\n{seen}") from None

    async def until_state(
        self,
        state: Callable[[], dict[str, Any]],
        condition: Callable[[dict[str, Any]], object],
        what: str,
    ) -> None:
        """Wait until what the program tells of itself, `state`, satisfies a condition."""
        try:
            async with asyncio.timeout(DEADLINE):
                while True:
                    if condition(state()):
                        return
                    await asyncio.sleep(LOOK)
        except TimeoutError:
            screen = await self.screen()
            raise AssertionError(f"never came: {what}\n{state()}\n{screen}") from None

    async def run(self, *command: str) -> str:
        """What a command of tmux prints."""
        process = await asyncio.create_subprocess_exec(
            *self._tmux,
            *command,
            cwd=self._folder,
            env=self._env,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        output, complaint = await process.communicate()
        assert process.returncode == 0, complaint.decode()
        return output.decode()


@asynccontextmanager
async def terminal(
    command: Sequence[str],
    folder: Path,
    env: Mapping[str, str],
    size: tuple[int, int] = (100, 30),
) -> AsyncIterator[Terminal]:
    """`command` in a terminal of `size` columns and rows, ended with everything in it."""
    with tempfile.TemporaryDirectory(prefix="tmux-") as place:
        columns, rows = (str(number) for number in size)
        clean = {key: value for key, value in env.items() if not key.startswith("TMUX")}
        own = {"LANG": "C.UTF-8", "TERM": "xterm-256color", "TERMINAL_PLACE": place}
        shown = Terminal(Path(place), folder, {**clean, **own})
        await shown.run("new-session", "-d", "-x", columns, "-y", rows, *command)
        try:
            yield shown
        finally:
            await shown.run("kill-server")
