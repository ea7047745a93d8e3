"""The Neovim plugin, installed as a native package: command line, keys, status line, health."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from codex_lsp.lsp.registry import COMMANDS
from tests.e2e.neovim import Neovim, plugged
from tests.e2e.scene import BROKEN, FIXED, LINE, PROBLEM, Scene, scene, waits_at
from tests.e2e.tools import REPO, require

HELP = REPO / "editors" / "neovim" / "doc" / "codex.txt"
OWN = {"log", "message", "restart"}  # what `:Codex` does without the server

OTHER_SERVER = """
  local line, message = ...
  local found = { lnum = line, col = 0, end_col = 6, message = message }
  vim.diagnostic.set(vim.api.nvim_create_namespace('other'), 0, { found })
"""
ON_STATUS = """
  _G.kinds = {}
  vim.api.nvim_create_autocmd('User', { pattern = 'CodexStatus', callback = function(event)
    if not event.data.busy then
      table.insert(kinds, event.data.kind)
    end
  end })
"""
SAID = "vim.fn.execute('messages'):find('{}', 1, true)"
AT = "vim.fn.getqflist()[1].lnum"
STATUS = "require('codex').status()"
# What a crash leaves behind: a progress without an end.
UNENDED = """
  local id = vim.lsp.get_clients({ name = 'codex' })[1].id
  require('codex').follow({ token = 'x', value = { kind = 'begin', title = 'Unended' } }, id)
  return id
"""
FRESH = "(vim.lsp.get_clients({{name = 'codex'}})[1] or {{id = {0}}}).id > {0}"
LONG = "require('codex').message({ type = 3, message = ('große ' ):rep(60) })"
NEWEST = "vim.fn.execute('1messages')"
FLOAT = """
  for _, window in ipairs(vim.api.nvim_list_wins()) do
    if vim.api.nvim_win_get_config(window).relative ~= '' then
      local buffer = vim.api.nvim_win_get_buf(window)
      return table.concat(vim.api.nvim_buf_get_lines(buffer, 0, -1, true))
    end
  end
"""
PLUGS = """
  return vim.tbl_map(function(map) return map.lhs end, vim.tbl_filter(function(map)
    return vim.startswith(map.lhs, '<Plug>(codex-')
  end, vim.api.nvim_get_keymap('n')))
"""

pytestmark = pytest.mark.parametrize("name", ["nvim", "nvim-0.12"])


@asynccontextmanager
async def at_home(name: str, here: Scene) -> AsyncIterator[Neovim]:
    """A person with the plugin as a package, before the scene's file."""
    async with plugged(require(name), here.folder, here.env) as editor:
        await editor.edit(here.file, LINE)
        yield editor


async def test_what_another_server_reports_is_fixed_by_name_and_told(
    name: str, tmp_path: Path
) -> None:
    async with scene(tmp_path, waits_at("gate")) as here, at_home(name, here) as editor:
        await editor.lua(OTHER_SERVER, LINE - 1, PROBLEM)
        await editor.lua(ON_STATUS)
        await editor.command("Codex fix")
        await here.model.reached("gate")
        await editor.until(f"{STATUS}:find('twice.py', 1, true)", "the status line")
        assert PROBLEM in str(here.model.requests[0].body)
        await here.model.release("gate")
        await editor.wait_for(FIXED)
        await editor.task_ended()
        await editor.until(f"{STATUS} == ''", "the end in the status line")
        await editor.until(SAID.format("twice.py: Changed twice.py."), "the notice")
        assert await editor.lua("return _G.kinds") == ["Normal"]
        await editor.command("Codex hunk.list")
        await editor.until(f"#vim.fn.getqflist() == 1 and {AT} == {LINE}", "the list of changes")
        await editor.command("Codex log")
        await editor.until("vim.fn.expand('%:p') == vim.lsp.log.get_filename()", "the log")


async def test_the_input_box_asks_for_what_a_selection_should_become(
    name: str, tmp_path: Path
) -> None:
    async with scene(tmp_path) as here, at_home(name, here) as editor:
        await editor.lua("vim.ui.input = function(_, done) done('please mend it, GROSS') end")
        await editor.lua("vim.keymap.set('x', 'Q', '<Plug>(codex-edit)')")
        await editor.keys(f"{LINE}GVQ")
        await editor.wait_for(FIXED)
        assert "please mend it, GROSS" in str(here.model.requests[0].body)
        await editor.task_ended()
        await editor.command("copen")  # where no file is
        await editor.command("Codex turn.undo")
        await editor.command("cclose")
        await editor.wait_for(BROKEN)


async def test_a_task_is_stopped_from_the_command_line(name: str, tmp_path: Path) -> None:
    async with scene(tmp_path, waits_at("gate")) as here, at_home(name, here) as editor:
        await editor.command(f"{LINE}Codex edit mend it")
        await here.model.reached("gate")
        await editor.command("Codex task.cancel")
        await editor.task_ended()
        assert (await editor.progress())[-1]["message"] == "Cancelled."
        assert await editor.text() == BROKEN
        old = await editor.lua(UNENDED)
        assert await editor.lua(f"return {STATUS}") == "Unended"
        await editor.command("Codex restart")
        await editor.until(FRESH.format(old), "another server")
        assert await editor.lua(f"return {STATUS}") == ""


async def test_the_command_line_completes_what_the_server_offers(name: str, tmp_path: Path) -> None:
    async with scene(tmp_path) as here, at_home(name, here) as editor:
        for typed in ("fix", ""):
            of_server = {name.removeprefix("codex.") for name in COMMANDS}
            wanted = sorted(name for name in of_server | OWN if name.startswith(typed))
            line = [f"Codex {typed}", "cmdline"]
            assert await editor.call("nvim_call_function", "getcompletion", line) == wanted
        menu = "require('codex').menu()"
        await editor.lua(f"_G.wanted = 'Codex: fix this'; {menu}")
        await editor.wait_for(FIXED)
        assert all(title.startswith("Codex: ") for title in await editor.menu())
        await editor.task_ended()


async def test_health_names_the_program_and_what_the_doctor_says(name: str, tmp_path: Path) -> None:
    async with scene(tmp_path) as here, at_home(name, here) as editor:
        await editor.command("checkhealth codex")
        shown = await editor.text()
        assert "codex-lsp is at" in shown
        assert "gpt-test" in shown
        assert "ERROR" not in shown
        await editor.command("help :Codex")
        await editor.until("vim.fn.expand('%:t') == 'codex.txt'", "the help page")
        shutil.copy(HELP, tmp_path)
        await editor.command(f"helptags {tmp_path}")
        tags = (tmp_path / "tags").read_text()
        assert tags == HELP.with_name("tags").read_text()
        names = {line.split("\t")[0] for line in tags.splitlines()}
        assert {name for name in names if "Plug" in name} == {*await editor.lua(PLUGS)}
        assert {f":Codex-{name}" for name in OWN} < names


async def test_a_long_notice_asks_for_no_key_and_can_be_read(name: str, tmp_path: Path) -> None:
    async with plugged(require(name), tmp_path, {}) as editor:
        await editor.lua(LONG)
        assert await editor.lua(
            f"return vim.fn.strdisplaywidth(vim.trim({NEWEST})) <= vim.v.echospace"
        )
        await editor.command("Codex message")
        assert (await editor.lua(FLOAT)).count("große") == 60
