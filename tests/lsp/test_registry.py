"""The tables are texts: what they name is there."""

from __future__ import annotations

from codex_lsp.lsp.connection.host import load
from codex_lsp.lsp.registry import COMMANDS, FEATURES


def test_each_line_names_a_handler() -> None:
    for name in (*FEATURES.values(), *COMMANDS.values()):
        assert callable(load(name)), name
