"""Drives a real Helix in a terminal. Its buffer is read from the screen, so files must be short."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from tests.e2e.terminal import Terminal, terminal
from tests.e2e.tools import require

# Only the text of the buffer on the screen, and no help with typing.
PLAIN = """
[editor]
gutters = []
auto-pairs = false
auto-completion = false
end-of-line-diagnostics = "disable"
rulers = []
[editor.inline-diagnostics]
cursor-line = "disable"
other-lines = "disable"
[editor.lsp]
display-progress-messages = true
"""


SIZE = (300, 60)  # columns and rows: the whole of a test's file fits
ASIDE = SIZE[0] - 100  # in the columns after it, Helix may show what is diagnosed on the line
TITLE = "Codex: "  # how the title of each of our actions begins
# Said before the server has answered, and between its answer and the opening of the file.
NOT_YET = "No configured language server supports code actions", "No code actions available"


class Helix:
    """A running Helix; see `tests.e2e.person.Person`."""

    def __init__(self, shown: Terminal) -> None:
        self.shown = shown

    async def go_to(self, line: int) -> None:
        await self.shown.type(f"{line}gg")

    async def insert(self) -> None:
        await self.shown.type("i")
        await self.shown.until(" INS ")

    async def type(self, text: str) -> None:
        await self.shown.type(text)

    async def leave(self) -> None:
        await self.shown.press("Escape")
        await self.shown.until(" NOR ")

    async def choose_action(self, title: str) -> None:
        """See `Person`. The menu holds only our actions, and its first row is selected.

        What is diagnosed on the line stands aside.
        """
        screen = await self.menu(title)
        rows = [row for row in screen.splitlines() if TITLE in row[:ASIDE]]
        [place] = [at for at, row in enumerate(rows) if title in row]
        await self.shown.press(*["Down"] * place, "Enter")

    async def attached(self) -> None:
        """Wait until our server answers."""
        await self.menu(TITLE)
        await self.shown.press("Escape")
        await self.shown.until(lambda screen: TITLE not in screen)

    async def menu(self, title: str) -> str:
        """The screen with the menu of code actions, once it has `title` in it."""
        screen = NOT_YET[0]
        while _early(screen):
            await self.shown.press("Space")  # takes the last message off the screen
            await self.shown.until(lambda screen: not _early(screen))
            await self.shown.press("a")
            screen = await self.shown.until(lambda screen: title in screen or _early(screen))
        return screen

    async def see_progress(self) -> None:
        await self.shown.until("Codex: fix twice.py")

    async def wait_for(self, text: str) -> None:
        wanted = text.splitlines()
        await self.shown.until(lambda screen: _buffer(screen) == wanted)

    async def undo(self) -> None:
        await self.shown.type("u")

    async def save(self) -> None:
        await self.shown.type(":w")
        await self.shown.press("Enter")
        await self.shown.until("written")


def _early(screen: str) -> bool:
    return any(message in screen for message in NOT_YET)


def _buffer(screen: str) -> list[str]:
    """The rows above the status line, without the empty ones after the text."""
    rows = screen.splitlines()
    found = (at for at, row in enumerate(rows) if row.startswith((" NOR ", " INS ")))
    status = max(found, default=0)  # while a command is typed, there is none
    text = (row[:ASIDE].rstrip() for row in rows[:status])
    return "\n".join(text).rstrip("\n").split("\n")


@asynccontextmanager
async def helix(
    languages: Path,
    file: Path,
    folder: Path,
    env: Mapping[str, str],
    keys: str = "",
    program: str = "hx",
) -> AsyncIterator[Helix]:
    """Helix on `file`, with the person's `languages.toml`, and `keys` in the `config.toml`."""
    settings = folder / ".config" / "helix"
    settings.mkdir(parents=True)
    (settings / "config.toml").write_text(PLAIN + keys)
    shutil.copy(languages, settings)
    own = {"XDG_CONFIG_HOME": str(folder / ".config"), "XDG_CACHE_HOME": str(folder / ".cache")}
    async with terminal([str(require(program)), str(file)], folder, {**env, **own}, SIZE) as shown:
        await shown.until(" NOR ")
        yield Helix(shown)
