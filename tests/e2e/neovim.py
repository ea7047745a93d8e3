"""Drives a real headless Neovim: keys as from a keyboard, Lua to look at its state.

It talks MessagePack-RPC over the pipes of `nvim --embed`. It waits for states, not for time.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import msgpack

from tests.e2e.tools import REPO

OBSERVE = Path(__file__).with_name("observe.lua")
DEADLINE = 60.0  # seconds; generous, as tests share a slow machine
REQUEST, RESPONSE = 0, 1


class LuaError(Exception):
    """Neovim refused a call or a piece of Lua."""


class Neovim:
    """A running Neovim with one window; see `tests.e2e.person.Person`."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self._numbers = itertools.count()
        self._answers: dict[int, asyncio.Future[Any]] = {}
        self._happened = asyncio.Event()

    async def call(self, method: str, *arguments: Any) -> Any:
        """The answer of an API function."""
        number = next(self._numbers)
        self._answers[number] = asyncio.get_running_loop().create_future()
        assert self.process.stdin is not None
        self.process.stdin.write(msgpack.packb([REQUEST, number, method, arguments]))
        try:
            async with asyncio.timeout(DEADLINE):
                return await self._answers[number]
        except TimeoutError:
            if method == "nvim_get_mode":
                raise
            mode = await self.call("nvim_get_mode")  # answered even where it waits for a key
            raise AssertionError(
                f"no answer to {method} {arguments}; Neovim is in {mode}"
            ) from None
        finally:
            del self._answers[number]

    async def lua(self, code: str, *arguments: Any) -> Any:
        """What a piece of Lua returns."""
        return await self.call("nvim_exec_lua", code, arguments)

    async def command(self, line: str) -> None:
        """Run an Ex command."""
        await self.call("nvim_command", line)

    async def keys(self, keys: str) -> None:
        """Press keys, written as in mappings: `gg`, `<Esc>`."""
        await self.call("nvim_input", keys)

    async def text(self) -> str:
        """The buffer on the screen, with a newline after each line."""
        lines = await self.call("nvim_buf_get_lines", 0, 0, -1, True)
        return "".join(line + "\n" for line in lines)

    async def edit(self, file: Path, line: int = 1, column: int = 0) -> None:
        """Open a file and put the cursor there, once our server is attached."""
        await self.command(f"edit +{line} {file}")
        await self.call("nvim_win_set_cursor", 0, [line, column])
        await self.until("#vim.lsp.get_clients({bufnr = 0, name = 'codex'}) > 0", "the server")
        await self.until("vim.lsp.get_clients({name = 'codex'})[1].initialized", "its greeting")

    async def go_to(self, line: int) -> None:
        await self.keys(f"{line}G0")

    async def insert(self) -> None:
        await self.keys("i")

    async def type(self, text: str) -> None:
        await self.keys(text.replace("<", "<lt>"))

    async def leave(self) -> None:
        await self.keys("<Esc>")

    async def choose_action(self, title: str) -> None:
        await self.lua("_G.wanted = ...; seen.menus = {}", title)
        await self.keys("gra")
        await self.until("#seen.menus > 0", "the menu of code actions")

    async def menu(self) -> list[str]:
        """The titles of the menu that `choose_action` chose from."""
        [titles] = await self.lua("return seen.menus")
        return list(titles)

    async def see_progress(self) -> None:
        await self.until("#seen.progress > 0", "progress")

    async def wait_for(self, text: str) -> None:
        await self.lua("_G.expected = ...", text.split("\n"))
        await self.until(
            "vim.deep_equal(vim.list_extend(vim.fn.getline(1, '$'), {''}), expected)", text
        )

    async def undo(self) -> None:
        await self.keys("u")

    async def save(self) -> None:
        await self.keys(":w<CR>")
        await self.until("not vim.bo.modified", "the file to be written")

    async def progress(self) -> list[dict[str, Any]]:
        """The values of the progress events so far."""
        return list(await self.lua("return seen.progress"))

    async def task_ended(self) -> None:
        """Wait for the end of the newest task."""
        await self.until(
            "#seen.progress > 0 and seen.progress[#seen.progress].kind == 'end'", "the task's end"
        )

    async def until(self, expression: str, what: str) -> None:
        """Wait until a Lua expression is true; looked at when something happens there."""
        try:
            async with asyncio.timeout(DEADLINE):
                while not await self.lua(f"return ({expression}) and true or false"):
                    self._happened.clear()
                    with suppress(TimeoutError):  # not every state has an event of its own
                        await asyncio.wait_for(self._happened.wait(), 0.1)
        except TimeoutError:
            messages = await self.lua("return vim.fn.execute('messages')")
            raise AssertionError(f"never came: {what}; Neovim says: {messages}") from None

    async def quit(self) -> None:
        """Leave without saving, and wait for the process."""
        assert self.process.stdin is not None
        self.process.stdin.write(
            msgpack.packb([REQUEST, next(self._numbers), "nvim_command", ["qa!"]])
        )
        async with asyncio.timeout(DEADLINE):
            await self.process.wait()

    async def _listen(self) -> None:
        assert self.process.stdout is not None
        unpacker = msgpack.Unpacker()
        while data := await self.process.stdout.read(1 << 16):
            unpacker.feed(data)
            for message in unpacker:
                self._take(message)
        for answer in self._answers.values():
            answer.cancel()

    def _take(self, message: list[Any]) -> None:
        if message[0] != RESPONSE:
            self._happened.set()
            return
        _, number, error, result = message
        answer = self._answers.get(number)
        if answer is None or answer.done():
            return
        if error:
            answer.set_exception(LuaError(error[1]))
        else:
            answer.set_result(result)


@asynccontextmanager
async def neovim(
    program: Path, config: Path, folder: Path, env: Mapping[str, str]
) -> AsyncIterator[Neovim]:
    """A Neovim in `folder` with the person's `config`; no state but in this folder's `.nvim`."""
    own = {f"XDG_{kind}_HOME": str(folder / ".nvim" / kind.lower()) for kind in _KINDS}
    options = ["--embed", "--headless", "-n", "-i", "NONE", "-u", str(config)]
    options += ["-c", f"luafile {OBSERVE}"]
    process = await asyncio.create_subprocess_exec(
        program,
        *options,
        cwd=folder,
        env={**env, **own},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    editor = Neovim(process)
    listener = asyncio.create_task(editor._listen())
    try:
        yield editor
        if process.returncode is None:  # a test may have killed it
            await editor.quit()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
        await listener


@asynccontextmanager
async def plugged(program: Path, folder: Path, env: Mapping[str, str]) -> AsyncIterator[Neovim]:
    """The same with our plugin, installed as a native package, and nothing else."""
    package = folder / ".nvim" / "data" / "nvim" / "site" / "pack" / "codex" / "start"
    package.mkdir(parents=True)
    (package / "codex").symlink_to(REPO / "editors" / "neovim")
    config = folder / ".nvim" / "init.lua"
    config.write_text("vim.lsp.enable('codex')\n")
    async with neovim(program, config, folder, env) as editor:
        yield editor


_KINDS = ("CONFIG", "DATA", "STATE", "CACHE", "RUNTIME")
