"""`codex-lsp local` as a person types it."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from codex_lsp.agent.conversation import Message, ModelRequest
from codex_lsp.agent.events import Misconfigured
from codex_lsp.cli import serve
from codex_lsp.cli.adapters import open_adapters
from codex_lsp.cli.main import main

MODEL = b"GGUF" + bytes(5_000)


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    path = tmp_path / "mine.gguf"
    path.write_bytes(MODEL)
    return path


def test_an_unknown_file_is_refused_with_the_way_to_insist(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["local", "add", str(file)]) == 1
    assert "--any" in capsys.readouterr().err


def test_insisting_needs_an_explicit_yes(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["local", "add", "--any", str(file)]) == 1
    assert main(["local", "list"]) == 0
    assert "No model is here yet" in capsys.readouterr().out


def test_a_file_is_added_listed_and_removed(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["local", "add", "--any", "--yes", str(file)]) == 0
    assert main(["local", "list"]) == 0
    assert main(["local", "remove", "mine"]) == 0
    assert main(["local", "remove", "mine"]) == 1
    said = capsys.readouterr()
    assert "mine is ready" in said.out
    assert "your own, unchecked" in said.out
    assert "no model is called mine" in said.err
    assert file.read_bytes() == MODEL


def options(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    serve.configure(parser)
    return parser.parse_args(words)


@pytest.mark.parametrize("by", ["option", "config"])
async def test_the_embedded_model_is_for_fixes_and_all_else_names_the_way_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, by: str
) -> None:
    monkeypatch.setenv("CODEX_HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    if by == "config":
        (tmp_path / "config.toml").write_text('model_provider = "embedded"\n')
    async with open_adapters(options(*["--provider", "embedded"] * (by == "option"))) as adapters:
        assert adapters.small is not None
        with pytest.raises(Misconfigured, match="codex-lsp local fetch"):
            async with adapters.small():
                pytest.fail("there is no model here")
        request = ModelRequest("c", "t", "", (Message("user", "explain"),))
        events = adapters.open_model(None).stream(request)
        with pytest.raises(Misconfigured, match="codex-lsp login"):
            await anext(events)


async def test_without_it_fixes_go_to_the_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CODEX_HOME", str(tmp_path))
    async with open_adapters(options()) as adapters:
        assert adapters.small is None
