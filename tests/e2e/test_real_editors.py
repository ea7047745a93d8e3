"""The same fix in every real editor, by that editor's own keys and a person's own config."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.e2e.emacs import emacs
from tests.e2e.helix import helix
from tests.e2e.neovim import neovim
from tests.e2e.person import Person
from tests.e2e.scene import BROKEN, FIXED, LINE, scene, waits_at
from tests.e2e.tools import REPO, require

CONFIGS = REPO / "editors"


@asynccontextmanager
async def person_at(name: str, file: Path, env: dict[str, str]) -> AsyncIterator[Person]:
    folder = file.parent
    match name:
        case "nvim" | "nvim-0.12":
            config = CONFIGS / "neovim/init.lua"
            async with neovim(require(name), config, folder, env) as vim:
                await vim.edit(file)
                yield vim
        case "helix":
            async with helix(CONFIGS / "helix/languages.toml", file, folder, env) as hx:
                yield hx
        case _:
            async with emacs(CONFIGS / f"emacs/{name}.el", file, folder, env) as editor:
                yield editor


@pytest.mark.parametrize("name", ["nvim", "nvim-0.12", "helix", "eglot", "lsp-mode"])
async def test_fix_lands_in_the_unsaved_buffer_as_one_undo_step(name: str, tmp_path: Path) -> None:
    async with (
        scene(tmp_path, waits_at("gate")) as here,
        person_at(name, here.file, here.env) as person,
    ):
        await person.go_to(1)
        await person.type("# mine ")
        await person.go_to(LINE)
        await person.choose_action("Codex: fix this")
        await here.model.reached("gate")
        await person.see_progress()
        await here.model.release("gate")
        await person.wait_for("# mine " + FIXED)
        assert here.file.read_text() == BROKEN

        await person.undo()
        await person.wait_for("# mine " + BROKEN)
        await person.save()
        assert here.file.read_text() == "# mine " + BROKEN
