"""The main job in a real Neovim, with real keys: with the five lines of config of the README, and
with `lsp/codex.lua` alone, as a collection of configs would have it.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.e2e.neovim import neovim
from tests.e2e.scene import BROKEN, FAULT, FIXED, LINE, PROBLEM, scene
from tests.e2e.tools import REPO, require

CONFIG = REPO / "editors" / "neovim" / "init.lua"
PLUGIN = REPO / "editors" / "neovim"
OTHER_SERVER = """
  local line, column, message = ...
  local found = { lnum = line, col = column, end_col = column + 6, message = message }
  vim.diagnostic.set(vim.api.nvim_create_namespace('other'), 0, { found })
"""


def collected(place: Path) -> Path:
    """A configuration that finds our `lsp/codex.lua`, and nothing else of ours."""
    collection = place / "collection" / "lsp"
    collection.mkdir(parents=True)
    shutil.copy(PLUGIN / "lsp" / "codex.lua", collection)
    config = place / "init.lua"
    config.write_text(
        f"vim.opt.runtimepath:append('{collection.parent}')\nvim.lsp.enable('codex')\n"
    )
    return config


@pytest.mark.parametrize("name", ["nvim", "nvim-0.12"])
@pytest.mark.parametrize("told", [True, False], ids=["diagnostic fed", "no diagnostic"])
async def test_fix_lands_in_the_unsaved_buffer_as_one_undo_step(
    name: str, told: bool, tmp_path: Path
) -> None:
    program, config = require(name), CONFIG if told else collected(tmp_path)
    column = len(BROKEN[:FAULT].splitlines()[-1].encode())
    async with scene(tmp_path) as here, neovim(program, config, here.folder, here.env) as editor:
        here.file.write_text("# saved long ago\n")
        await editor.edit(here.file)
        await editor.lua("vim.api.nvim_buf_set_lines(0, 0, -1, true, ...)", BROKEN.splitlines())
        await editor.call("nvim_win_set_cursor", 0, [LINE, column])
        title = "Codex: fix this"
        if told:
            title = f'Codex: fix "{PROBLEM}"'
            await editor.command(f"set runtimepath+={PLUGIN} | runtime plugin/codex.lua")
            await editor.lua(OTHER_SERVER, LINE - 1, column, PROBLEM)

        await editor.choose_action(title)
        await editor.wait_for(FIXED)
        await editor.task_ended()

        seen = [value["kind"] for value in await editor.progress()]
        assert (seen[0], seen[-1]) == ("begin", "end")
        assert "report" in seen
        assert await editor.lua("return vim.v.errmsg") == ""
        assert here.file.read_text() == "# saved long ago\n"
        await editor.undo()
        await editor.wait_for(BROKEN)
        await editor.keys("<C-r>")
        await editor.save()
        assert here.file.read_text() == FIXED
