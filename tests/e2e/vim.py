"""Drives a real Vim in a terminal: keys go to the terminal, its state is read from a file.

The person's config is that in `editors/vim`. Vim and its clients come from whoever runs this: no
registry has coc.nvim as it is today, nor the other two.
"""

from __future__ import annotations

import asyncio
import json
import re
import signal
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from codex_lsp.lsp.person.pages import MARK, SEND
from tests.e2e.editors import CONFIGS
from tests.e2e.emacs_setups import OTHER
from tests.e2e.person import Person
from tests.e2e.scene import Scene
from tests.e2e.terminal import DEADLINE, Terminal, terminal
from tests.e2e.touring import kill_pane

SIZE = (180, 50)  # columns and rows
TRIES = 6
PLAIN = """
set nocompatible encoding=utf-8 nomore shortmess+=I noswapfile viminfo= ttimeout ttimeoutlen=50
filetype on
"""
OBSERVE = """
function! s:observe(_) abort
  let state = #{text: join(getline(1, '$'), "\\n") . "\\n", file: expand('%:p'), line: line('.'),
        \\ mode: mode(1), said: execute('messages'), modified: &modified}
  call writefile([json_encode(state)], $TERMINAL_PLACE . '/state.new')
  call rename($TERMINAL_PLACE . '/state.new', $TERMINAL_PLACE . '/state')
endfunction
call timer_start(50, function('s:observe'), #{repeat: -1})
"""
_OTHER = "[" + ", ".join(f"'{word}'" for word in OTHER) + "]"


@dataclass(frozen=True, slots=True)
class Client:
    """One of Vim's clients: how it is loaded, and what its menus and questions look like.

    `propose`: what in our config to put the setting behind, and the setting. `row`: a row of the
    menu of code actions up to the title. `button`: a row or a part of a question, with its number
    as a group; None where it asks none. `numbered`: Enter comes after a number. `crash`: coc.nvim's
    Node notices the end of the terminal, but outlives a Vim that was killed, and so does Codex.
    """

    load: str
    beside: str
    propose: tuple[str, str]
    row: str
    button: str | None
    menus: tuple[str, ...] = ("ga",)
    numbered: bool = False
    crash: signal.Signals = signal.SIGKILL


CLIENTS = {
    "vim-lsp": Client(
        load="set rtp+={plugin}",
        beside="autocmd User lsp_setup call lsp#register_server("
        f"#{{name: 'other', cmd: {_OTHER}, allowlist: ['python']}})",
        propose=("cmd: ['codex-lsp'],", " initialization_options: #{edits: #{apply: 'propose'}},"),
        row=r"\[codex\] ",
        button=None,
    ),
    "yegappan": Client(
        load="set rtp+={plugin}\nruntime! plugin/lsp.vim",
        beside="call LspAddServer([#{name: 'other', filetype: ['python'], "
        f"path: {_OTHER}[0], args: {_OTHER}[1:]}}])",
        propose=("args: [],", " initializationOptions: #{edits: #{apply: 'propose'}},"),
        row=r"\d+\. ",
        button=r"(\d+)\. {}",
        numbered=True,
    ),
    "coc": Client(
        load="set rtp+={plugin}\nruntime! plugin/coc.vim",
        beside="",
        propose=(
            '"command": "codex-lsp",',
            ' "initializationOptions": {"edits": {"apply": "propose"}},',
        ),
        row=r"\d+\. ",
        button=r"[\[(](\d+)[\])]{}",
        menus=("ga", "gA"),
        crash=signal.SIGHUP,
    ),
}


class Vim:
    """A running Vim; see `tests.e2e.person.Person` and `tests.e2e.touring.Tourist`."""

    def __init__(self, shown: Terminal, client: Client) -> None:
        self.person: Person = self
        self.shown, self.client = shown, client
        self.row = re.compile(rf"{client.row}(Codex: .*)")

    async def go_to(self, line: int) -> None:
        await self.shown.press("Escape", *f"{line}G0")
        await self.is_at(line)

    async def insert(self) -> None:
        await self.shown.type("i")
        await self.until(lambda state: state["mode"].startswith("i"), "insert mode")

    async def type(self, text: str) -> None:
        await self.shown.type(text)

    async def leave(self) -> None:
        await self.shown.press("Escape")
        await self.until(lambda state: state["mode"] == "n", "normal mode")

    async def command(self, line: str) -> None:
        """Type a command line."""
        await self.shown.press("Escape", ":")
        await self.shown.type(line)
        await self.shown.press("Enter")

    async def choose_action(self, title: str) -> None:
        rows = await self.menu(self.client.menus[0], title)
        [place] = [at for at, row in enumerate(rows) if title in row]
        await self.pick(place + 1, self.row)

    async def pick(self, number: int, row: re.Pattern[str]) -> None:
        """Choose by number in the menu or question that has such a row."""
        if not self.client.numbered:
            await self._insist([str(number)], lambda screen: not row.search(screen))
            return
        await self.shown.type(str(number))
        await self.shown.press("Enter")

    async def menu(self, keys: str, title: str = "Codex: ") -> list[str]:
        """Our rows of the menu behind these keys, once it has `title`."""

        def opened(screen: str) -> bool:
            return any(title in found for found in self.row.findall(screen))

        return self.row.findall(await self._insist(["Escape", *keys], opened))

    async def _insist(self, keys: Sequence[str], shown: Callable[[str], object]) -> str:
        """Press keys until the screen shows it: what is pressed too early is lost."""
        for _ in range(TRIES - 1):
            await self.shown.press(*keys)
            with suppress(TimeoutError):
                async with asyncio.timeout(DEADLINE / TRIES):
                    return await self.shown.until(shown)
        await self.shown.press(*keys)
        return await self.shown.until(shown)

    async def offers(self) -> list[str]:
        rows = []
        for keys in self.client.menus:
            rows += await self.menu(keys)
            await self._dismiss(self.row)
        return rows

    async def see_progress(self) -> None:
        raise NotImplementedError("Of the three clients only coc.nvim shows it by itself.")

    async def undo(self) -> None:
        await self.shown.type("u")

    async def save(self) -> None:
        await self.command("w")
        await self.until(lambda state: not state["modified"], "the file to be written")

    async def wait_for(self, text: str) -> None:
        await self.until(lambda state: state["text"] == text, text)

    async def run(self, command: str) -> None:
        await self.command(f"Codex {command}")

    async def ask(self, command: str, wish: str) -> None:
        """A job is asked for on the page that opens, all else on the command line."""
        if command != "do":
            return await self.command(f"Codex {command} {wish}")
        before = self.state()["file"]
        await self.run(command)
        await self.until(lambda state: MARK in state["text"], "the page")
        await self.shown.type(f"Go{wish}")
        await self.shown.press("Enter")
        await self.shown.type(SEND)
        await self.leave()
        await self.command("w")
        return await self.open(Path(before))

    async def answer(self, title: str) -> None:
        if self.client.button is None:
            if title == "Sign in with a code":
                return await self.run("auth.loginDevice")
            return await self.choose_action(f"Codex: {title[0].lower()}{title[1:]}")
        button = re.compile(self.client.button.format(title))
        found = button.search(await self.shown.until(button.search))
        assert found is not None
        await self.pick(int(found[1]), button)
        if title == "Sign in with a code":
            code = re.compile(self.client.button.format("Open the page"))
            await self.shown.until(code.search)
            await self._dismiss(code)
        return None

    async def _dismiss(self, row: re.Pattern[str]) -> None:
        """Leave the menu or question that has such a row without an answer."""
        key = "Enter" if self.client.numbered else "Escape"
        await self._insist([key], lambda screen: not row.search(screen))

    async def read(self, text: str) -> None:
        def is_there(screen: str) -> bool:
            state = self.state()
            return any(text in part for part in (screen, state["text"], state["said"]))

        await self.shown.until(is_there)

    async def is_at(self, line: int) -> None:
        await self.until(lambda state: state["line"] == line, f"the cursor on line {line}")

    async def open(self, file: Path) -> None:
        await self.command(f"hide edit {file}")
        await self.until(lambda state: state["file"] == str(file), file.name)

    async def kill(self) -> None:
        await kill_pane(self.shown, self.client.crash)

    async def until(self, condition: Callable[[dict[str, Any]], object], what: str) -> None:
        """Wait until the state, as `OBSERVE` writes it, satisfies this."""
        await self.shown.until_state(self.state, condition, what)

    def state(self) -> dict[str, Any]:
        """The newest state, as `OBSERVE` writes it; all empty before the first."""
        file = self.shown.place / "state"
        if not file.exists():
            return {"text": "", "file": "", "line": 0, "mode": "", "said": "", "modified": False}
        return dict(json.loads(file.read_bytes()))


@asynccontextmanager
async def vim(
    program: Path, name: str, plugin: Path, here: Scene, *, plain: bool = False
) -> AsyncIterator[Vim]:
    """Vim with the client `name` before the scene's file: reviewing, and with another server
    beside ours, unless `plain`.
    """
    client, home = CLIENTS[name], Path(here.env["HOME"])
    config = (CONFIGS / "vim" / f"{name}.vim").read_text()
    settings = (CONFIGS / "vim/coc-settings.json").read_text()
    beside = client.beside
    if plain:
        beside = ""
    elif name == "coc":
        settings = _reviewed_beside(settings, client)
    else:
        config = _with(config, *client.propose)
    (home / ".vim").mkdir()
    (home / ".vim/coc-settings.json").write_text(settings)
    vimrc = here.folder.parent / "vimrc"
    load = client.load.format(plugin=plugin)
    vimrc.write_text(f"{PLAIN}\n{load}\n{config}\n{beside}\n{OBSERVE}")
    command = [str(program), "-u", str(vimrc), str(here.file)]
    async with terminal(command, here.folder, here.env, SIZE) as shown:
        editor = Vim(shown, client)
        await editor.until(lambda state: state["file"] == str(here.file), "the file")
        await editor.offers()  # comes back once our server answers
        yield editor


def _with(config: str, anchor: str, setting: str) -> str:
    assert config.count(anchor) == 1
    return config.replace(anchor, anchor + setting)


def _reviewed_beside(ours: str, client: Client) -> str:
    settings = json.loads(_with(ours, *client.propose))
    settings["languageserver"]["other"] = {
        "command": OTHER[0],
        "args": OTHER[1:],
        "filetypes": ["python"],
    }
    return json.dumps(settings)
