"""`codex-lsp local` as a person types it."""

from __future__ import annotations

from pathlib import Path

import pytest

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
