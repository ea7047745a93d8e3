"""Drives a real Kakoune with kakoune-lsp in a terminal, by its own keys and those of our kakrc."""

from __future__ import annotations

import asyncio
import os
import re
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from tests.e2e.person import Person
from tests.e2e.scene import Scene
from tests.e2e.terminal import Terminal, terminal
from tests.e2e.tools import REPO, require

KAKRC = REPO / "editors" / "kakoune" / "kakrc"
SIZE = (200, 50)  # columns and rows: the whole of a short file fits, and no line is wrapped
SETTINGS = """        [codex-lsp.settings.codex]
        edits = { apply = "propose" }
"""
_KEYS = {"turn.accept": "k", "turn.undo": "u", "task.cancel": "s"}


class Kakoune:
    """See `tests.e2e.person.Person` and `tests.e2e.touring.Tourist`; it is both."""

    def __init__(self, shown: Terminal) -> None:
        self.person: Person = self
        self.shown = shown

    async def go_to(self, line: int) -> None:
        await self.shown.type(f"{line}g")
        await self.is_at(line)

    async def is_at(self, line: int) -> None:
        await self.shown.until(re.compile(rf" {line}:\d+ .*1 sel").search)

    async def insert(self) -> None:
        await self.shown.type("i")
        await self.shown.until(" insert ")

    async def type(self, text: str) -> None:
        await self.shown.type(text)

    async def leave(self) -> None:
        await self.shown.press("Escape")
        await self.shown.until(lambda screen: " insert " not in screen)

    async def choose_action(self, title: str) -> None:
        """In the menu, what is typed leaves the rows that have it."""
        await self.menu(title)
        await self.shown.type(title)
        await self.shown.press("Enter")
        await self.shown.until(lambda screen: " prompt " not in screen)

    async def menu(self, title: str) -> str:
        """The screen with the menu; asked for again where the server does not answer yet."""
        while True:
            await self.shown.type(" la")
            with suppress(TimeoutError):
                async with asyncio.timeout(8):
                    return await self.shown.until(title)
            await self.shown.press("Escape")

    async def see_progress(self) -> None:
        await self.shown.until("⌛")

    async def wait_for(self, text: str) -> None:
        await self.shown.until(lambda screen: _buffer(screen) == text.splitlines())

    async def undo(self) -> None:
        await self.shown.type("u")

    async def save(self) -> None:
        await self.command("write")
        await self.shown.until(lambda screen: "[+]" not in screen)

    async def command(self, line: str) -> None:
        """Type a command line."""
        await self.shown.type(f":{line}")
        await self.shown.press("Enter")

    async def run(self, command: str) -> None:
        if key := _KEYS.get(command):
            await self.shown.type(f" x{key}")
        else:
            await self.command(f"codex {command}")

    async def ask(self, command: str, wish: str) -> None:
        await self.shown.type(" x" + {"edit": "e", "do": "j"}[command])
        await self.shown.until("Codex, ")
        await self.shown.type(wish)
        await self.shown.press("Enter")

    async def answer(self, title: str) -> None:
        """Questions stay in a row, also those that nobody asks any more; the oldest is first."""
        asks = "From language server"
        while True:
            await self.shown.until("🔔")
            await self.shown.type(" xr")
            if title in await self.shown.until(lambda shown: asks in shown and "█" in shown):
                await self.shown.type(title)
                return await self.shown.press("Enter")
            await self.shown.press("Escape")
            await self.shown.until(lambda screen: asks not in screen)

    async def read(self, text: str) -> None:
        await self.shown.until(text)

    async def open(self, file: Path) -> None:
        await self.command(f"edit {file}")
        await self.shown.until(re.compile(rf"{file.name} \d+:\d+ ").search)

    async def offers(self) -> list[str]:
        screen = await self.menu("Codex: ")
        await self.shown.press("Escape")
        return re.findall(r"Codex: .+?(?=  |Codex: |$)", screen, re.MULTILINE)

    async def kill(self) -> None:
        """Both: kakoune-lsp would outlive Kakoune by the five hours of its `lsp_timeout`."""
        await self.shown.run("set-option", "-g", "remain-on-exit", "on")
        os.kill(int(await self.shown.run("list-panes", "-F", "#{pane_pid}")), signal.SIGKILL)
        for process in _clients(self.shown.place):
            os.kill(process, signal.SIGKILL)


def _clients(place: Path) -> list[int]:
    """The processes of kakoune-lsp that were started in this terminal."""
    mark, found = f"TERMINAL_PLACE={place}".encode(), []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            ours = mark in (process / "environ").read_bytes().split(b"\0")
            if ours and (process / "comm").read_text() == "kak-lsp\n":
                found.append(int(process.name))
    return found


def _buffer(screen: str) -> list[str]:
    """The rows of the buffer, without the column of flags before it."""
    rows = screen.splitlines()
    end = next((at for at, row in enumerate(rows) if row.startswith("~")), len(rows))
    return [row[1:].rstrip() for row in rows[:end]]


@asynccontextmanager
async def kakoune(here: Scene, settings: str = "") -> AsyncIterator[Kakoune]:
    """Kakoune before the scene's file; `settings` go below our server's table in the kakrc."""
    require("kak-lsp")
    _configure(Path(here.env["HOME"], ".config", "kak"), settings)
    command = [str(require("kak")), str(here.file)]
    async with terminal(command, here.folder, here.env, SIZE) as shown:
        await shown.until("1 sel")
        yield Kakoune(shown)


def _configure(folder: Path, settings: str) -> None:
    mark = '        root_globs = [".git"]\n'
    folder.mkdir(parents=True)
    (folder / "kakrc").write_text(KAKRC.read_text().replace(mark, mark + settings))
