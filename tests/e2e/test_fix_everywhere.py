"""The main job through each editor's captured capabilities and its way of treating edits."""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.doubles.editor_client import EditorClient, editing
from tests.doubles.model_rules import Rule, mends
from tests.doubles.model_service import ModelService
from tests.e2e.tools import REPO

PROFILES = [
    "neovim-0.11.4",
    "neovim-0.12.4",
    "helix-25.01",
    "helix-25.07",
    "emacs-eglot",
    "emacs-lsp-mode",
    "vscode-1.139.1-languageclient-11",
]
BROKEN = "# ünïcödé 😀\ndef twice(n):\n    retrun n * 2\n"
FIXED = BROKEN.replace("retrun", "return")
RULE = Rule("twice.py", "    retrun n * 2", "    return n * 2")


@asynccontextmanager
async def window(name: str, folder: Path) -> AsyncIterator[tuple[EditorClient, ModelService]]:
    home = folder / "home"
    home.mkdir()
    work = folder / "work"
    work.mkdir()
    async with ModelService(mends([RULE])) as service:
        (home / "config.toml").write_text(
            'model = "m"\nmodel_provider = "double"\n[model_providers.double]\n'
            f'name = "double"\nbase_url = "{service.base_url}"\n'
        )
        env = os.environ | {
            "CODEX_HOME": str(home),
            "XDG_STATE_HOME": str(folder / "state"),
            "PYTHONPATH": str(REPO),
        }
        command = [sys.executable, "-m", "codex_lsp", "serve", "--log-level", "info"]
        async with editing(name, work, command, env) as client:
            yield client, service


@pytest.mark.parametrize("name", PROFILES)
async def test_fix_lands_in_the_unsaved_buffer(name: str, tmp_path: Path) -> None:
    async with window(name, tmp_path) as (client, service):
        path = client.editor.workspace / "twice.py"
        path.write_text("# old\n")
        document = client.editor.open(path, BROKEN)
        actions = await client.code_actions(document, BROKEN.index("retrun"))
        action = next(action for action in actions if action.title.startswith("Codex: fix"))
        answer = await client.run(action)
        assert set(answer) == {"taskId"}
        await client.task_ended()
        assert document.text == FIXED, (
            client.editor.progress,
            client.editor.messages,
            client.editor.edits,
            service.requests,
        )
        assert path.read_text() == "# old\n"
        assert len(service.requests) == 1
        kinds = [value["kind"] for value in client.editor.progress[answer["taskId"]]]
        assert (kinds[0], kinds[-1]) == ("begin", "end")
