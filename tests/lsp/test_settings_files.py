"""config.toml, AGENTS.md and .codexignore in the editor; every other document is none of ours."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from codex_lsp.lsp.adapters import Adapters
from codex_lsp.lsp.registry import REGISTRY
from codex_lsp.lsp.settings_files import file_at
from codex_lsp.lsp.workbench import Workbench
from tests.doubles.hosted import Hosted, hosted

BAD = 'model = "m"\nsandbox_mode = "é everything"\n[x.y]\n'


def no_model(_name: str | None) -> Any:
    raise AssertionError


@asynccontextmanager
async def window(home: Path, **capabilities: Any) -> AsyncIterator[Hosted]:
    async with hosted(REGISTRY, capabilities=capabilities) as one:
        adapters = Adapters(no_model, home / "state", home=home)
        one.server.bench = Workbench(one.server, one.server.initialize_params, adapters)
        yield one


def opened(path: Path, text: str) -> dict[str, Any]:
    item = {"uri": path.as_uri(), "languageId": "toml", "version": 1, "text": text}
    return {"method": "textDocument/didOpen", "params": {"textDocument": item}}


def asked(method: str, path: Path, line: int, character: int) -> dict[str, Any]:
    params = {
        "textDocument": {"uri": path.as_uri()},
        "position": {"line": line, "character": character},
    }
    return {"id": 1, "method": f"textDocument/{method}", "params": params}


def marked(one: Hosted, path: Path) -> list[tuple[int, int, int, int, str]]:
    found = [
        m["params"] for m in one.sent() if m.get("method") == "textDocument/publishDiagnostics"
    ]
    assert [params["uri"] for params in found] == [path.as_uri()]
    return [
        (
            d["range"]["start"]["line"],
            d["range"]["start"]["character"],
            d["range"]["end"]["character"],
            d["severity"],
            d["message"].split(" ")[0],
        )
        for d in found[0]["diagnostics"]
    ]


async def test_what_is_wrong_is_marked_while_it_is_typed(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    async with window(tmp_path) as one:
        one.receive(opened(path, BAD))
        assert marked(one, path) == [
            (1, 0, 12, 1, "sandbox_mode"),
            (2, 1, 2, 2, "x"),
        ]
        version = {"uri": path.as_uri(), "version": 2}
        change = {"textDocument": version, "contentChanges": [{"text": "a = \n"}]}
        one.receive({"method": "textDocument/didChange", "params": change})
        assert marked(one, path) == [(0, 4, 4, 1, "is")]
        one.receive({"method": "textDocument/didClose", "params": {"textDocument": version}})
        assert marked(one, path) == []


async def test_a_projects_file_is_told_what_it_may_not_set(tmp_path: Path) -> None:
    path = tmp_path / "work" / ".codex" / "config.toml"
    async with window(tmp_path) as one:
        one.receive(opened(path, 'openai_base_url = "x"\n'))
        assert marked(one, path) == [(0, 0, 15, 2, "a")]


async def test_hover_and_completion_come_from_the_schema(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    async with window(tmp_path) as one:
        one.receive(opened(path, 'sandbox_mode = "re"\n'))
        one.sent()
        one.receive(asked("hover", path, 0, 3))
        (hover,) = one.sent()
        assert "What a command may do." in hover["result"]["contents"]["value"]
        assert hover["result"]["range"]["end"] == {"line": 0, "character": 12}
        one.receive(asked("completion", path, 0, 18))
        (completion,) = one.sent()
        first = completion["result"][0]
        assert (first["label"], first["filterText"]) == ("read-only", '"read-only')
        assert first["textEdit"] == {
            "range": {
                "start": {"line": 0, "character": 15},
                "end": {"line": 0, "character": 18},
            },
            "newText": '"read-only',
        }


@pytest.mark.parametrize("name", ["main.py", "config.toml", "AGENTS.txt", "xconfig.toml"])
async def test_other_documents_are_answered_null_and_not_looked_at(
    tmp_path: Path, name: str
) -> None:
    path = tmp_path / "elsewhere" / name
    async with window(tmp_path / "home") as one:
        one.receive(opened(path, BAD))
        for method in ("hover", "completion"):
            one.receive(asked(method, path, 0, 1))
            assert one.sent() == [{"jsonrpc": "2.0", "id": 1, "result": None}]


@pytest.mark.parametrize(
    ("place", "kind"),
    [
        ("home/config.toml", "config.toml"),
        ("home/fast.config.toml", "config.toml"),
        ("work/.codex/config.toml", "config.toml"),
        ("work/sub/AGENTS.md", "AGENTS.md"),
        ("work/AGENTS.override.md", "AGENTS.md"),
        ("work/.codexignore", ".codexignore"),
        ("work/config.toml", None),
        ("work/fast.config.toml", None),
        ("work/.codex/fast.config.toml", None),
        ("work/README.md", None),
    ],
)
def test_our_files_are_known_by_where_they_are(
    tmp_path: Path, place: str, kind: str | None
) -> None:
    home = tmp_path.resolve() / "home"
    assert file_at((tmp_path.resolve() / place).as_uri(), home) == kind


async def test_a_client_that_can_is_told_for_which_files(tmp_path: Path) -> None:
    text = {"hover": {"dynamicRegistration": True}, "completion": {}}
    async with window(tmp_path, textDocument=text) as one:
        one.receive({"method": "initialized", "params": {}})
        for _ in range(5):
            await asyncio.sleep(0)
        (asked,) = [m for m in one.sent() if m.get("method") == "client/registerCapability"]
        (registration,) = asked["params"]["registrations"]
        assert registration["method"] == "textDocument/hover"
        patterns = [
            entry["pattern"] for entry in registration["registerOptions"]["documentSelector"]
        ]
        assert "**/AGENTS.md" in patterns
        one.receive({"id": asked["id"], "result": None})
