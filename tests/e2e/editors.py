"""Every real editor by name, with the person's config from `editors/`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.e2e.emacs import emacs
from tests.e2e.helix import helix
from tests.e2e.neovim import neovim
from tests.e2e.person import Person
from tests.e2e.tools import REPO, require

NAMES = ["nvim", "nvim-0.12", "helix", "eglot", "lsp-mode"]
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
            async with emacs(CONFIGS / f"emacs/init-{name}.el", file, folder, env) as editor:
                yield editor
