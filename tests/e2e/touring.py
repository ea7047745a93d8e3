"""A person on a tour of all features: what `Person` does not have, for each real editor.

A tourist reviews changes before they are made, has another language server in the same buffer
(Neovim: a linter's diagnostics; Eglot alone: a Flymake backend), and our package if there is one.
"""

from __future__ import annotations

import asyncio
import os
import re
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Protocol

from codex_lsp.lsp.person.pages import MARK, SEND
from tests.e2e.editors import CONFIGS
from tests.e2e.emacs import Emacs
from tests.e2e.emacs_setups import BESIDE, CHECKER, OTHER, PROPOSING, at_home
from tests.e2e.helix import TITLE, Helix, helix
from tests.e2e.neovim import Neovim, neovim
from tests.e2e.person import Person
from tests.e2e.scene import PROBLEM, Scene
from tests.e2e.terminal import Terminal
from tests.e2e.tools import require

NAMES = ["nvim", "nvim-0.12", "helix", "helix-25.01", "eglot", "rass", "lsp-mode"]
REPLIES = ["Sign in with a code", "Allow once"]
# What our keys in Helix and Emacs end with.
_KEYS = {
    "hunk.next": "n",
    "hunk.previous": "p",
    "hunk.diff": "v",
    "turn.accept": "K",
    "turn.undo": "u",
    "task.cancel": "s",
}


class Tourist(Protocol):
    """What a person also does, by the means that the editor or our package for it has."""

    person: Person

    async def run(self, command: str) -> None:
        """Run a command of ours at the cursor, by a key or on the command line."""

    async def ask(self, command: str, wish: str) -> None:
        """Run a command of ours with a request that is typed."""

    async def answer(self, title: str) -> None:
        """Choose this button (one of `REPLIES`) of the question that is shown, or soon will be."""

    async def read(self, text: str) -> None:
        """Wait until the editor shows this text, in a buffer or as a message."""

    async def is_at(self, line: int) -> None:
        """Wait until the cursor is on this line, counted from 1."""

    async def open(self, file: Path) -> None:
        """Show this file."""

    async def offers(self) -> list[str]:
        """The titles of our actions at the cursor."""

    async def kill(self) -> None:
        """End the editor as a crash does."""


class WithNeovim:
    """Neovim with the plugin."""

    def __init__(self, editor: Neovim) -> None:
        self.person: Person = editor
        self._editor = editor

    async def run(self, command: str) -> None:
        await self._editor.keys(f":Codex {command}<CR>")

    async def ask(self, command: str, wish: str) -> None:
        await self._editor.keys(f":Codex {command} {wish}<CR>")

    async def answer(self, title: str) -> None:
        await self._editor.lua("_G.sought = ...", title)
        chosen = "vim.iter(seen.menus):flatten():find(sought)"
        await self._editor.until(chosen, f"the button {title}")

    async def read(self, text: str) -> None:
        await self._editor.lua("_G.sought = ...", text)
        messages = "vim.fn.execute('messages'):find(sought, 1, true)"
        last = "vim.tbl_get(seen.progress, #seen.progress, 'message') or ''"
        lines = "table.concat(vim.fn.getline(1, '$'), '\\n'):find(sought, 1, true)"
        await self._editor.until(f"{messages} or {lines} or ({last}):find(sought, 1, true)", text)

    async def is_at(self, line: int) -> None:
        await self._editor.until(f"vim.fn.line('.') == {line}", f"the cursor on line {line}")

    async def open(self, file: Path) -> None:
        await self._editor.edit(file)

    async def offers(self) -> list[str]:
        await self._editor.choose_action("nothing of this")
        return await self._editor.menu()

    async def kill(self) -> None:
        self._editor.process.kill()
        await self._editor.process.wait()


class WithHelix:
    """Helix with our keys."""

    def __init__(self, editor: Helix) -> None:
        self.person: Person = editor
        self._editor = editor
        self._shown = editor.shown

    async def run(self, command: str) -> None:
        await self._shown.press("Space", "x", _KEYS[command])

    async def ask(self, command: str, wish: str) -> None:
        await self._shown.press("Space", "x", {"edit": "e", "do": "j"}[command])
        await self._shown.until(f"codex.{command}")
        await self._line(wish)

    async def _line(self, text: str) -> None:
        await self._shown.type(text)
        await self._shown.press("Enter")

    async def answer(self, title: str) -> None:
        shown = re.compile(rf"^ +{title}$", re.MULTILINE)
        rows = [row.strip() for row in (await self._shown.until(shown.search)).splitlines()]
        first = max(at for at, row in enumerate(rows) if row.startswith("└")) + 1
        await self._shown.press(*["Down"] * (rows.index(title, first) - first), "Enter")

    async def read(self, text: str) -> None:
        await self._shown.until(text)

    async def is_at(self, line: int) -> None:
        at = re.compile(rf"^ NOR .* {line}:\d+ *$", re.MULTILINE)
        await self._shown.until(at.search)

    async def open(self, file: Path) -> None:
        await self._line(f":open {file}")
        await self._shown.until(re.compile(rf"^ NOR .*{file.name}", re.MULTILINE).search)

    async def offers(self) -> list[str]:
        screen = await self._editor.menu(TITLE)
        await self._shown.press("Escape")
        await self._shown.until(lambda now: TITLE not in now)
        return [row for row in screen.splitlines() if TITLE in row]

    async def kill(self) -> None:
        await kill_pane(self._shown)


class WithOldHelix(WithHelix):
    """Helix 25.01: it has no dialogs, and its commands take no arguments: they are about the place
    where the menu was opened last.
    """

    async def run(self, command: str) -> None:
        if command in {"hunk.next", "hunk.previous"}:
            await self._editor.attached()
        await self._line(f":lsp-workspace-command codex.{command}")

    async def ask(self, command: str, wish: str) -> None:
        """Writes the wish on the page that the server opens, and sends it."""
        await self._editor.attached()
        await self.run(command)
        await self._shown.until(MARK)
        await self._shown.type("ge")
        await self._shown.type(f"o{wish}")
        await self._shown.press("Enter")
        await self._shown.type(SEND)
        await self.person.leave()
        await self._line(":write-buffer-close")

    async def answer(self, title: str) -> None:
        if title == "Sign in with a code":
            return await self.run("auth.loginDevice")
        await self._shown.until("waits for you")
        return await self.person.choose_action(f"{TITLE}{title[0].lower()}{title[1:]}")


class WithEmacs:
    """Emacs with the package."""

    def __init__(self, editor: Emacs) -> None:
        self.person: Person = editor
        self._editor = editor
        self._shown = editor.shown

    async def run(self, command: str) -> None:
        await self._shown.press("C-c", "x", _KEYS[command])

    async def ask(self, command: str, wish: str) -> None:
        asking = {"edit": ("e", "Codex, change this:"), "do": ("d", "Codex, do:")}
        key, question = asking[command]
        await self._shown.press("C-c", "x", key)
        await self._shown.until(question)
        await self._shown.type(wish)
        await self._shown.press("Enter")

    async def answer(self, title: str) -> None:
        await self._editor.until(
            lambda state: any(title in menu for menu in state["menus"]), f"the button {title}"
        )

    async def read(self, text: str) -> None:
        await self._editor.until(
            lambda state: text in state["text"] or any(text in said for said in state["said"]), text
        )

    async def is_at(self, line: int) -> None:
        await self._editor.until(lambda state: state["line"] == line, f"point on line {line}")

    async def open(self, file: Path) -> None:
        await self._lisp(f'(find-file "{file}")')
        await self._editor.until(lambda state: state["file"] == str(file), file.name)
        await self._editor.until(lambda state: state["attached"], "our server")

    async def _lisp(self, expression: str) -> None:
        await self._shown.press("M-:")
        await self._shown.until("Eval:")
        await self._shown.type(expression)
        await self._shown.press("Enter")

    async def offers(self) -> list[str]:
        await self._editor.choose_action("nothing of this")
        return [str(title) for title in self._editor.state()["menus"][-1]]

    async def kill(self) -> None:
        await kill_pane(self._shown)


async def kill_pane(shown: Terminal, how: signal.Signals = signal.SIGKILL) -> None:
    """End the program in that terminal as a crash does."""
    await shown.run("set-option", "-g", "remain-on-exit", "on")
    os.kill(int(await shown.run("list-panes", "-F", "#{pane_pid}")), how)


@asynccontextmanager
async def tourist(name: str, here: Scene) -> AsyncIterator[Tourist]:
    """A tourist in the editor `name`, before the scene's file, with our server attached."""
    if name.startswith("nvim"):
        async with _neovim(name, here) as vim:
            await vim.lua("_G.replies = ...", REPLIES)
            yield WithNeovim(vim)
    elif name.startswith("helix"):
        async with _helix(name, here) as hx:
            yield WithHelix(hx) if name == "helix" else WithOldHelix(hx)
    else:
        async with _emacs(name, here) as editor:
            (editor.shown.place / "replies").write_text("\n".join(REPLIES))
            yield WithEmacs(editor)


@asynccontextmanager
async def _neovim(name: str, here: Scene) -> AsyncIterator[Neovim]:
    config = here.folder.parent / "init.lua"
    config.write_text(_NEOVIM)
    async with neovim(require(name), config, here.folder, here.env) as editor:
        await editor.edit(here.file)
        await editor.lua(_LINTER, PROBLEM)
        yield editor


_NEOVIM = f"""
vim.opt.runtimepath:append('{CONFIGS / "neovim"}')
vim.lsp.config('codex', {{ init_options = {{ edits = {{ apply = 'propose' }} }} }})
vim.lsp.enable('codex')
"""
_LINTER = """
  local found = {}
  for number, line in ipairs(vim.fn.getline(1, '$')) do
    if line:find('retrun', 1, true) then
      table.insert(found, { lnum = number - 1, col = 0, end_col = 6, message = ... })
    end
  end
  vim.diagnostic.set(vim.api.nvim_create_namespace('linter'), 0, found)
"""


@asynccontextmanager
async def _helix(name: str, here: Scene) -> AsyncIterator[Helix]:
    languages = here.folder.parent / "languages.toml"
    ours = (CONFIGS / "helix/languages.toml").read_text()
    languages.write_text(
        ours.replace('["codex-lsp"]', '["other", "codex-lsp"]')
        + '\n[language-server.codex-lsp.config]\nedits = { apply = "propose" }\n'
        + f'\n[language-server.other]\ncommand = "{OTHER[0]}"\nargs = {OTHER[1:]!r}\n'
    )
    keys = (CONFIGS / "helix/config.toml").read_text()
    program = "hx" if name == "helix" else "hx-25.01"
    async with helix(languages, here.file, here.folder, here.env, keys, program) as editor:
        await editor.attached()
        yield editor


@asynccontextmanager
async def _emacs(name: str, here: Scene) -> AsyncIterator[Emacs]:
    client = "lsp-mode" if name == "lsp-mode" else "eglot"
    other = {"eglot": CHECKER, "rass": "", "lsp-mode": BESIDE}[name]
    async with at_home(name, here, PROPOSING[client], other) as editor:
        await editor.until(lambda state: state["problems"], "the other server's problems")
        yield editor


async def until(condition: Callable[[], object], what: Callable[[], object]) -> None:
    """Wait for a state of the machine, which sends no events."""
    try:
        async with asyncio.timeout(60):
            while not condition():  # noqa: ASYNC110 - see above
                await asyncio.sleep(0.05)
    except TimeoutError:
        raise AssertionError(f"never came: {what()}") from None


def servers(here: Scene) -> list[str]:
    """The command lines of the processes there that are our server, or stand before it."""
    mark = f"CODEX_HOME={here.env['CODEX_HOME']}".encode()
    found = []
    for process in Path("/proc").iterdir():
        try:
            if process.name.isdigit() and mark in (process / "environ").read_bytes().split(b"\0"):
                found.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode())
        except OSError:
            continue  # it has ended, or is somebody else's
    return [line for line in found if "-m codex_lsp" in line or "bin/rass" in line]
