"""Drives a real Emacs in a terminal: keys go to the terminal, its state is read from a file."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tests.e2e.terminal import Terminal, terminal
from tests.e2e.tools import require

OBSERVE = Path(__file__).with_name("observe.el")


class Emacs:
    """A running Emacs; see `tests.e2e.person.Person`."""

    def __init__(self, shown: Terminal) -> None:
        self.shown = shown

    async def go_to(self, line: int) -> None:
        await self.shown.press("M-g", "g")
        await self.shown.type(str(line))
        await self.shown.press("Enter")

    async def insert(self) -> None:
        """Emacs has no modes."""

    async def type(self, text: str) -> None:
        await self.shown.type(text)

    async def leave(self) -> None:
        """Emacs has no modes."""

    async def choose_action(self, title: str) -> None:
        (self.shown.place / "wanted").write_text(title)
        seen = len(self.state()["menus"])
        await self.shown.press("F5")
        await self.until(lambda state: len(state["menus"]) > seen, "the menu of code actions")

    async def see_progress(self) -> None:
        await self.until(lambda state: state["progress"], "progress")

    async def wait_for(self, text: str) -> None:
        await self.until(lambda state: state["text"] == text, text)

    async def undo(self) -> None:
        await self.shown.press("C-_")

    async def save(self) -> None:
        await self.shown.press("C-x", "C-s")
        await self.until(lambda state: not state["modified"], "the file to be written")

    async def until(self, condition: Callable[[dict[str, Any]], object], what: str) -> None:
        """Wait until the state, as the reporter in `observe.el` writes it, satisfies this."""
        await self.shown.until_state(self.state, condition, what)

    def state(self) -> dict[str, Any]:
        """The newest state, as `observe.el` writes it; all empty before the first."""
        file = self.shown.place / "state"
        if not file.exists():
            return dict.fromkeys(["modified", "attached"], False) | {
                "text": "",
                "file": "",
                "line": 0,
                "problems": 0,
                "menus": [],
                "progress": [],
                "said": [],
            }
        return dict(json.loads(file.read_bytes()))


@asynccontextmanager
async def emacs(
    config: Path, file: Path, folder: Path, env: Mapping[str, str]
) -> AsyncIterator[Emacs]:
    """Emacs on `file`, with the person's `config`, once our server is attached."""
    command = map(str, [require("emacs"), "-nw", "-Q", "-l", config, "-l", OBSERVE, file])
    async with terminal([*command], folder, {**env, "HOME": str(folder)}) as shown:
        editor = Emacs(shown)
        await editor.until(lambda state: state["attached"], "our server")
        yield editor
