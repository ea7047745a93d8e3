"""What the person typed of late, without what the agent did."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from codex_lsp.lsp.editing.documents import Documents
from codex_lsp.lsp.editing.recent import Recent


class Typing:
    def __init__(self, folder: Path) -> None:
        self.documents = Documents("utf-8")
        self.recent = Recent(self.documents)
        self.documents.listen(self.recent.follow)
        self.folder = folder.resolve()

    def path(self, name: str) -> Path:
        return self.folder / name

    def open(self, name: str, text: str) -> None:
        item = {"uri": self.path(name).as_uri(), "languageId": "", "version": 1, "text": text}
        self.documents.did_open({"textDocument": item})

    def type(self, name: str, text: str) -> None:
        item: dict[str, Any] = {"uri": self.path(name).as_uri(), "version": 2}
        self.documents.did_change({"textDocument": item, "contentChanges": [{"text": text}]})

    def edited(self) -> list[tuple[str, str, str]]:
        return [(one.path.name, one.before, one.now) for one in self.recent.edited()]


def test_edits_are_told_once_the_latest_first(tmp_path: Path) -> None:
    at = Typing(tmp_path)
    at.open("a", "1")
    at.open("b", "1")
    at.open("c", "1")
    at.type("b", "2")
    at.type("a", "2")
    at.type("a", "3")
    assert at.edited() == [("a", "1", "3"), ("b", "1", "2")]
    assert at.recent.opened() == (at.path("a"), at.path("b"), at.path("c"))
    at.recent.told()
    assert at.edited() == []
    at.type("a", "4")
    assert at.edited() == [("a", "3", "4")]


def test_what_the_agent_did_is_none_of_it(tmp_path: Path) -> None:
    at = Typing(tmp_path)
    at.open("a", "1")
    at.type("a", "by the agent")
    at.recent.landed(at.path("a"))
    assert at.edited() == []
    at.type("a", "by hand")
    assert at.edited() == [("a", "by the agent", "by hand")]


def test_what_is_closed_is_forgotten(tmp_path: Path) -> None:
    at = Typing(tmp_path)
    at.open("a", "1")
    at.type("a", "2")
    at.documents.did_close({"textDocument": {"uri": at.path("a").as_uri()}})
    assert at.edited() == []
    assert at.recent.opened() == ()
