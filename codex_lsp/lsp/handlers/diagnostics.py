"""What other servers report, where the client can pass it on."""

from __future__ import annotations

from typing import Any

from codex_lsp.lsp.connection.server import Server


def did_change_diagnostics(server: Server, params: Any) -> None:
    """`codex/didChangeDiagnostics` `{uri, diagnostics}`: all diagnostics of a document."""
    uri, diagnostics = params.get("uri"), params.get("diagnostics")
    if isinstance(uri, str) and isinstance(diagnostics, list):
        server.bench.diagnostics.feed(uri, diagnostics)
