"""Conversations are kept in CODEX_HOME, unless the person wants none kept."""

from __future__ import annotations

from pathlib import Path

from codex_lsp.cli.adapters import archive_for
from codex_lsp.config.codex_toml import CodexToml


def test_where_conversations_are_kept(tmp_path: Path) -> None:
    assert archive_for(CodexToml(), tmp_path, None) is not None
    assert archive_for(CodexToml(history_persistence="none"), tmp_path, None) is None
    assert archive_for(CodexToml(), None, None) is None
