"""A client that answers first, and then announces each part of an edit by itself."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from codex_lsp.agent.ports import Applied, ChangeFile
from codex_lsp.edits.text import TextEdit
from codex_lsp.lsp.capabilities import resolve_client
from codex_lsp.lsp.editing.buffers import OpenBuffers
from codex_lsp.lsp.editing.documents import Documents
from codex_lsp.lsp.editing.editor import LspEditor

TEXT = "one\ntwo\nthree\n"


class BitByBit:
    def __init__(self, documents: Documents, uri: str) -> None:
        self.documents = documents
        self.uri = uri
        self.asked = 0

    async def ask(self, method: str, params: Any, *, timeout: float) -> object:  # noqa: ASYNC109 - the seam's shape
        self.asked += 1
        edit = params["edit"]
        parts = edit.get("changes") or {self.uri: edit["documentChanges"][0]["edits"]}
        loop = asyncio.get_running_loop()
        for number, part in enumerate(reversed(parts[self.uri]), start=1):
            change = {"range": part["range"], "text": part["newText"]}
            params = {
                "textDocument": {"uri": self.uri, "version": 1 + number},
                "contentChanges": [change],
            }
            loop.call_later(0.02 * number, self.documents.did_change, params)
        return {"applied": True}

    def notify(self, method: str, params: object) -> None:
        """Nothing is heard."""


@pytest.mark.parametrize("versioned", [True, False])
async def test_an_edit_that_is_announced_in_parts_is_sent_once(
    versioned: bool, tmp_path: Path
) -> None:
    path = tmp_path / "a.py"
    documents = Documents("utf-8")
    item = {"uri": path.as_uri(), "languageId": "python", "version": 1, "text": TEXT}
    documents.did_open({"textDocument": item})
    workspace = {"applyEdit": True, "workspaceEdit": {"documentChanges": versioned}}
    client = resolve_client({"capabilities": {"workspace": workspace}})
    wire, buffers = BitByBit(documents, path.as_uri()), OpenBuffers(documents)
    base = buffers.text_at(path)
    assert base is not None
    edits = (TextEdit(0, 0, "zero\n"), TextEdit(8, 8, "2.5\n"), TextEdit(14, 14, "four\n"))
    editor = LspEditor(wire, client, buffers, lambda _: None, checkpoints=path.parent)
    outcome = await editor.apply(ChangeFile(path, base, edits), label="fix")
    assert isinstance(outcome, Applied)
    assert outcome.text == "zero\none\ntwo\n2.5\nthree\nfour\n"
    assert wire.asked == 1
