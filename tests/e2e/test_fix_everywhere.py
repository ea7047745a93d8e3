"""The main job through pytest-lsp, with the capabilities and the ways of each real editor."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from lsprotocol import types

from tests.doubles.editor_client import EditorClient, editing
from tests.doubles.editor_profiles import NAMES
from tests.doubles.editor_text import Document
from tests.e2e.scene import BROKEN, COMMAND, FAULT, FIXED, PROBLEM, Scene, scene

IN_THE_ISSUE = [
    "neovim-0.11",
    "helix-25.07",
    "emacs-eglot",
    "emacs-lsp-mode",
    "vscode-1.139.1-languageclient-11",
]


def problem(document: Document) -> dict[str, Any]:
    """What another server says about the faulty word."""
    span = {"start": document.position(FAULT), "end": document.position(FAULT + 6)}
    return {"range": span, "message": PROBLEM, "severity": 1, "source": "other", "code": "E999"}


async def choose(client: EditorClient, document: Document, title: str) -> types.CodeAction:
    """The one action whose title begins so, at the fault."""
    actions = await client.code_actions(document, FAULT + 2)
    [chosen] = [action for action in actions if action.title.startswith(title)]
    return chosen


def check_landed(client: EditorClient, document: Document, here: Scene) -> None:
    """The buffer is fixed as one undo step, the file untouched, and progress went its way."""
    assert document.text == FIXED
    assert here.file.read_text() == "# saved long ago\n"
    seen, *kept = client.editor.progress.values()
    assert bool(kept) != client.editor.profile.makes_edits
    kinds = [value["kind"] for value in seen]
    assert (kinds[0], kinds[-1]) == ("begin", "end")
    assert "report" in kinds
    client.editor.undo(document)
    assert document.text == BROKEN


@pytest.mark.parametrize("name", NAMES)
async def test_a_problem_of_another_server_is_fixed_in_the_buffer(
    name: str, tmp_path: Path
) -> None:
    async with scene(tmp_path) as here, editing(name, here.folder, COMMAND, here.env) as client:
        here.file.write_text("# saved long ago\n")
        document = client.editor.open(here.file, BROKEN)
        client.editor.markers[document.uri] = [problem(document)]
        if not client.editor.profile.sees_foreign_diagnostics:
            feed = {"uri": document.uri, "diagnostics": [problem(document)]}
            client.editor.send("codex/didChangeDiagnostics", feed)

        action = await choose(client, document, f'Codex: fix "{PROBLEM}"')
        answer = await client.run(action)
        await client.task_ended()

        assert set(answer) == {"taskId"}
        assert action.kind == "quickfix.codex"
        assert bool(action.tags) == client.knows_tags
        if not client.editor.profile.makes_edits:
            assert document.text == BROKEN
            await client.run(await choose(client, document, "Codex: keep this change"))
            await client.until(lambda: document.text != BROKEN, "the change that was kept")
            await client.task_ended()
        check_landed(client, document, here)
        [first, *_] = here.model.requests
        assert PROBLEM in str(first.body["input"])


@pytest.mark.parametrize("name", IN_THE_ISSUE)
async def test_what_is_wrong_is_found_where_no_diagnostic_is_sent(
    name: str, tmp_path: Path
) -> None:
    async with scene(tmp_path) as here, editing(name, here.folder, COMMAND, here.env) as client:
        here.file.write_text("# saved long ago\n")
        document = client.editor.open(here.file, BROKEN)

        await client.run(await choose(client, document, "Codex: fix this"))
        await client.task_ended()

        check_landed(client, document, here)
