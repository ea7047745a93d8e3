"""What was measured in kakoune-lsp and in Kate, and in no other editor.

kakoune-lsp types the text of an edit as keys, into lines that have no CR and no byte order mark;
what it tells of the file has both. It gives each server what the person answered to one of them.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from codex_lsp.agent.ports import Applied, ChangeFile
from codex_lsp.edits.diff import diff
from codex_lsp.lsp.adapters import Adapters
from codex_lsp.lsp.capabilities import resolve_client
from codex_lsp.lsp.editing.buffers import OpenBuffers
from codex_lsp.lsp.editing.documents import Documents
from codex_lsp.lsp.editing.editor import LspEditor
from codex_lsp.lsp.workbench import folder_uris
from tests.doubles.editor_profiles import profile
from tests.doubles.window import no_model, window

MARK = "\ufeff"


class Typist:
    """A buffer of lines; `end` and `mark` are settings of the file."""

    def __init__(self, uri: str, text: str) -> None:
        self.uri = uri
        self.mark = MARK if text.startswith(MARK) else ""
        self.end = "\r\n" if "\r\n" in text else "\n"
        self.lines = text.removeprefix(MARK).replace("\r\n", "\n")
        self.documents = Documents("utf-8")
        item = {"uri": uri, "languageId": "python", "version": 1, "text": self.told}
        self.documents.did_open({"textDocument": item})

    @property
    def told(self) -> str:
        return self.mark + self.lines.replace("\n", self.end)

    async def ask(self, method: str, params: Any, *, timeout: float) -> object:  # noqa: ASYNC109 - the seam's shape
        [change] = params["edit"]["documentChanges"]
        for edit in reversed(change["edits"]):
            start, end = (self._offset(edit["range"][side]) for side in ("start", "end"))
            typed = "".join("\n" if key in "\r\n" else key for key in edit["newText"])
            self.lines = self.lines[:start] + typed + self.lines[end:]
        document = {"uri": self.uri, "version": 5}
        changes = [{"text": self.told}]
        self.documents.did_change({"textDocument": document, "contentChanges": changes})
        return {"applied": True}

    def _offset(self, position: dict[str, int]) -> int:
        lines = self.lines.splitlines(keepends=True)
        before = "".join(lines[: position["line"]])
        line = lines[position["line"]].encode() if position["line"] < len(lines) else b""
        return len(before) + len(line[: position["character"]].decode())

    def notify(self, method: str, params: object) -> None:
        """Nothing is heard."""


@pytest.mark.parametrize("mark", ["", MARK])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
async def test_lines_are_added_to_a_file_of_any_line_end_and_mark(
    mark: str, end: str, tmp_path: Path
) -> None:
    before = mark + f'x = "é😀"; y{end}z{end}'
    after = mark + f'x = "é😀"; yy{end}# new{end}z{end}'
    path = tmp_path / "a.py"
    wire = Typist(path.as_uri(), before)
    buffers = OpenBuffers(wire.documents)
    base = buffers.text_at(path)
    assert base is not None
    client = resolve_client(profile("kakoune").initialize)
    editor = LspEditor(wire, client, buffers, lambda _: None, checkpoints=tmp_path)
    outcome = await editor.apply(ChangeFile(path, base, diff(base.text, after)), label="fix")
    assert isinstance(outcome, Applied), outcome
    assert wire.told == after


def test_an_empty_list_of_folders_says_that_there_are_none() -> None:
    kate = profile("kate").initialize
    assert kate["workspaceFolders"] == []
    assert kate["rootUri"] == "file:///home/user"
    assert folder_uris(kate) == []


async def test_our_questions_are_not_numbered_like_those_of_other_servers(tmp_path: Path) -> None:
    async with window(tmp_path, Adapters(no_model, tmp_path)) as one:
        asking = asyncio.ensure_future(
            one.bench.wire.ask("window/showMessageRequest", {}, timeout=60)
        )
        question = await one.question()
        for number in range(1_000):
            one.answer({"id": number}, {"title": "for another server"})
        one.answer(question, {"title": "for us"})
        assert await asking == {"title": "for us"}
