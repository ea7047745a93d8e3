"""A missing program must never pass unnoticed in CI."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.tools import require, tool


@pytest.fixture
def own_tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder of tools which is looked into first."""
    monkeypatch.setenv("CODEX_LSP_TOOLS", str(tmp_path))
    return tmp_path


def test_own_folder_of_tools_comes_before_path(own_tools: Path) -> None:
    program = own_tools / "sh"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)

    assert tool("sh") == program


def test_missing_program_skips_on_a_persons_machine(
    own_tools: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CI", raising=False)

    with pytest.raises(pytest.skip.Exception, match="install-tools"):
        require("no-such-editor")


def test_missing_program_fails_in_ci(own_tools: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")

    with pytest.raises(pytest.fail.Exception, match="install-tools"):
        require("no-such-editor")
