"""A change that waits is kept and undone in real editors, by their own keys."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.e2e.editors import CONFIGS
from tests.e2e.helix import Helix, helix
from tests.e2e.neovim import Neovim, neovim
from tests.e2e.scene import BROKEN, FIXED, LINE, Scene, scene
from tests.e2e.tools import require

HELIX = '\n[language-server.codex-lsp.config]\nedits = { apply = "propose" }\n'
NEOVIM = "\nvim.lsp.config('codex', { init_options = { edits = { apply = 'propose' } } })\n"


@asynccontextmanager
async def person(name: str, here: Scene, folder: Path) -> AsyncIterator[Neovim | Helix]:
    """Somebody who wants to review changes, in the editor `name`."""
    if name == "helix":
        config = folder / "languages.toml"
        config.write_text((CONFIGS / "helix/languages.toml").read_text() + HELIX)
        async with helix(config, here.file, here.folder, here.env) as hx:
            yield hx
        return
    config = CONFIGS / "neovim/init.lua"
    own = folder / "init.lua"
    own.write_text(f"dofile('{config}'){NEOVIM}")
    async with neovim(require(name), own, here.folder, here.env) as vim:
        await vim.edit(here.file)
        yield vim


@pytest.mark.parametrize("name", ["nvim", "helix"])
async def test_a_change_is_kept_and_undone(name: str, tmp_path: Path) -> None:
    async with scene(tmp_path) as here, person(name, here, tmp_path) as editor:
        await editor.go_to(LINE)
        await editor.choose_action("Codex: fix this")
        await waits(editor)
        await editor.wait_for(BROKEN)
        await editor.choose_action("Codex: keep this change")
        await editor.wait_for(FIXED)
        await kept(editor)
        await editor.choose_action("Codex: undo what was changed here")
        await editor.wait_for(BROKEN)


async def waits(editor: Neovim | Helix) -> None:
    """Wait until the editor knows of the change that waits."""
    if isinstance(editor, Neovim):
        await editor.until("#vim.diagnostic.get(0) > 0", "the suggestion")
    else:
        await editor.shown.until("1 change to review")


async def kept(editor: Neovim | Helix) -> None:
    """Wait until the editor knows that it is proven."""
    if isinstance(editor, Neovim):
        await editor.until("#vim.diagnostic.get(0) == 0", "no suggestion")
    else:
        await editor.shown.until("Kept in twice.py")
