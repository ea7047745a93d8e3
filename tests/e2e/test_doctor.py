"""`codex.doctor` with every captured client: what it says of a client is what the client does."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.doubles.editor_client import editing
from tests.e2e.scene import BROKEN, COMMAND, scene

SILENT = "passes an edit that is out of date over, and says yes"
REFUSES = "refuses an edit that is out of date"
STALE = {
    "neovim-0.12": SILENT,
    "helix-25.07": REFUSES,
    "emacs-eglot": REFUSES,
    "emacs-lsp-mode": REFUSES,
    "vscode-1.139.1-languageclient-11": REFUSES,
}


def page_in(home: Path) -> str:
    [page] = home.rglob("doctor-*.md")
    return page.read_text("utf-8")


def leftovers(folder: Path) -> list[Path]:
    return [*folder.glob("codex-doctor-scratch*")]


@pytest.mark.parametrize("name", STALE)
async def test_the_page_says_what_the_editor_does(name: str, tmp_path: Path) -> None:
    async with scene(tmp_path) as here, editing(name, here.folder, COMMAND, here.env) as client:
        document = client.editor.open(here.file, BROKEN)
        await client.code_actions(document, 0)
        await client.execute("codex.doctor")
        await client.task_ended()
        said = page_in(Path(here.env["HOME"]))
        assert "## This machine" in said
        assert "gpt-test" in said
        assert not leftovers(here.folder)
        assert not here.model.requests
        assert "positions after an emoji are right" in said
        assert STALE[name] in said
