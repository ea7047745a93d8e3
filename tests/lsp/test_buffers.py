from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from codex_lsp.lsp.editing.buffers import OpenBuffers, to_path
from codex_lsp.lsp.editing.documents import Documents
from codex_lsp.lsp.workbench import folder_uris


def opened(*uris: str) -> OpenBuffers:
    documents = Documents("utf-8")
    for uri in uris:
        item = {"uri": uri, "languageId": "", "version": 1, "text": uri}
        documents.did_open({"textDocument": item})
    return OpenBuffers(documents)


def test_a_uri_that_names_no_file_has_no_path_and_hides_no_other(tmp_path: Path) -> None:
    root = tmp_path.resolve()
    (root / "loop").symlink_to(root / "loop")
    odd = ["file:///a%00b", (root / "loop").as_uri(), "untitled:Untitled-1", "file://", "git:/x.py"]
    assert [to_path(uri) for uri in odd] == [None] * 5
    buffers = opened(*odd, (root / "a b.py").as_uri())
    found = buffers.at(root / "a b.py")
    assert found is not None
    assert found.uri.endswith("a%20b.py")
    assert [*buffers.snapshot([root]).buffers] == [root / "a b.py"]


@pytest.mark.parametrize(
    ("params", "found"),
    [
        ({"workspaceFolders": ["x", {"name": "y"}, {"uri": "file:///w", "name": "w"}]}, 1),
        ({"workspaceFolders": None, "rootUri": "file:///w"}, 1),
        ({"workspaceFolders": [], "rootUri": None, "rootPath": ""}, 0),
        ({"rootPath": "relative"}, 0),
        ({}, 0),
    ],
)
def test_a_client_may_have_no_folder_or_name_it_badly(params: dict[str, Any], found: int) -> None:
    assert len(folder_uris(params)) == found


def test_a_file_is_named_from_a_folder_or_by_the_end_of_its_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path.resolve()
    monkeypatch.setenv("HOME", str(root / "home"))
    names = ["main.py", "src/main.py", "src/only.py", "lib/twin.py", "src/twin.py", "home/a.py"]
    buffers = opened(*((root / name).as_uri() for name in names))

    def found(raw: str) -> str | None:
        document = buffers.named(raw, [root])
        path = document and to_path(document.uri)
        return str(path.relative_to(root)) if path else None

    assert [found(name) for name in names] == names
    assert found(str(root / "src/main.py")) == "src/main.py"
    assert found("~/a.py") == "home/a.py"
    assert found("only.py") == "src/only.py"
    assert [found(raw) for raw in ("twin.py", "nly.py", "", "other.py")] == [None] * 4
