"""The main job in a real Neovim: a fix lands in the unsaved buffer as one undo step."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from tests.e2e.neovim import neovim
from tests.e2e.tools import REPO, require

BROKEN = "def twice(n):\n    retrun n * 2\n"
FIXED = BROKEN.replace("retrun", "return")


@pytest.mark.parametrize("name", ["nvim", "nvim-0.12"])
async def test_fix_lands_in_the_unsaved_buffer_as_one_undo_step(name: str, tmp_path: Path) -> None:
    program = require(name)
    binary = tmp_path / "bin" / "codex-lsp"
    binary.parent.mkdir()
    binary.write_text(f"#!/bin/sh\nexec {sys.executable} {REPO}/tests/e2e/tiny_server.py\n")
    binary.chmod(0o755)
    file = tmp_path / "twice.py"
    file.write_text("# old\n")
    env = os.environ | {"PATH": f"{binary.parent}:{os.environ['PATH']}"}

    async with neovim(program, REPO / "editors/neovim/init.lua", tmp_path, env) as editor:
        await editor.edit(file)
        await editor.lua("vim.api.nvim_buf_set_lines(0, 0, -1, true, ...)", BROKEN.splitlines())
        menu = await editor.choose_action("Codex: fix")
        assert any("Codex: fix" in title for title in menu)
        await editor.task_ended()

        assert await editor.text() == FIXED
        assert [value["kind"] for value in await editor.progress()] == ["begin", "report", "end"]
        assert file.read_text() == "# old\n"
        await editor.keys("u")
        await editor.until("vim.fn.getline(2):find('retrun')", "the text before the fix")
        await editor.keys("<C-r>:w<CR>")
        await editor.until("not vim.bo.modified", "the file to be written")
        assert file.read_text() == FIXED
