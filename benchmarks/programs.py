"""The programs that are measured: how each is started, and which of them are here.

The Codex CLI and GitHub's server come from npm (`.ci/install-tools` has the one; the other is
`npm install @github/copilot-language-server`) and are looked for where the tests look.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.doubles.editor_profiles import profile
from tests.e2e.tools import tool

OURS, BARE = "codex-lsp", "bare pygls"
EDITOR = "vscode-1.139.1-languageclient-11"
APP_SERVER, COPILOT = "codex app-server", "copilot-language-server"

PYTHON = os.environ.get("CODEX_LSP_BENCH_PYTHON", sys.executable)
"""What the Python servers run on. httpx imports far more where development tools are installed."""


@dataclass(frozen=True, slots=True)
class Program:
    """A server: its command line, and the params of the `initialize` that it takes."""

    name: str
    command: tuple[str, ...]
    initialize: dict[str, Any] = field(default_factory=dict)
    lines: bool = False


def lsp_params(folder: Path, editor: str = EDITOR) -> dict[str, Any]:
    """What `editor` sends, for a workspace in `folder`."""
    root = {"processId": None, "rootUri": folder.as_uri(), "rootPath": str(folder)}
    folders = [{"uri": folder.as_uri(), "name": folder.name}]
    return {**profile(editor).initialize, **root} | {"workspaceFolders": folders}


def ours(folder: Path, editor: str = EDITOR) -> Program:
    """The server that this is all about."""
    command = (PYTHON, "-m", "codex_lsp", "serve", "--stdio")
    return Program(OURS, command, lsp_params(folder, editor))


def bare(folder: Path) -> Program:
    """The yardstick."""
    command = (PYTHON, str(Path(__file__).with_name("bare_pygls.py")))
    return Program(BARE, command, lsp_params(folder))


def app_server() -> Program | None:
    """The Codex app-server, if the Codex CLI is here."""
    codex = tool("codex")
    if codex is None:
        return None
    client = {"name": "benchmark", "title": "Benchmark", "version": "0"}
    command = (str(_without_launcher(codex)), "app-server")
    return Program(APP_SERVER, command, {"clientInfo": client}, lines=True)


def copilot(folder: Path) -> Program | None:
    """GitHub's language server, if it is here."""
    found = tool("copilot-language-server")
    if found is None:
        return None
    info = {"name": "benchmark", "version": "0"}
    about = {"editorInfo": info, "editorPluginInfo": info}
    params = {**lsp_params(folder), "initializationOptions": about}
    return Program(COPILOT, (str(_without_launcher(found)), "--stdio"), params)


def codex_cli() -> Path | None:
    """The Codex CLI itself, not the script that starts it."""
    codex = tool("codex")
    return None if codex is None else _without_launcher(codex)


def _without_launcher(script: Path) -> Path:
    """npm installs a Node script that starts the real program: that is taken, to be fair."""
    real = script.resolve()
    packages = real.parents[2] if len(real.parents) > 2 else real
    for pattern in (
        f"{script.name}-*/vendor/*/bin/{script.name}",
        f"{script.name}-*/{script.name}",
    ):
        for found in packages.glob(pattern):
            return found
    return script
