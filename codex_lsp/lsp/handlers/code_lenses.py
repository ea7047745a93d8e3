"""`textDocument/codeLens`: what waits for the person, with a click to settle it above its line.

The commands are those of the code actions. What is asked is not quoted, as an editor may take parts
of a title for icons; nor is it answered here: a lens comes under the mouse of who clicks elsewhere.
"""

from __future__ import annotations

from typing import Any

from lsprotocol import types

from codex_lsp.lsp.connection.server import Server
from codex_lsp.lsp.editing.buffers import to_path
from codex_lsp.lsp.editing.hunk_actions import HUNK_ACTIONS
from codex_lsp.workspace.ledger import State


def code_lens(server: Server, params: types.CodeLensParams) -> list[dict[str, Any]] | None:
    """Those of a document: keep and undo at each change, and where the agent asks, what it asks."""
    bench, uri = server.bench, params.text_document.uri
    path = to_path(uri)
    if path is None or bench.documents.get(uri) is None or not bench.settings.code_lens:
        return None
    found = [
        _lens(row.lens, row.command, bench.review.places.lines(hunk).start, {"hunkId": hunk.id})
        for hunk in bench.ledger.hunks(State.PROPOSED, path=path)
        for row in HUNK_ACTIONS
        if row.lens is not None and hunk.state in row.states
    ]
    found += [
        _lens("Codex asks you…", "codex.approval.show", asker.line, {"approvalId": pending.id})
        for pending in bench.approvals.pending()
        if (asker := pending.asker).uri == uri
    ]
    return found or None


def _lens(title: str, command: str, line: int, argument: dict[str, str]) -> dict[str, Any]:
    start = {"line": line, "character": 0}
    run = {"title": title, "command": command, "arguments": [argument]}
    return {"range": {"start": start, "end": start}, "command": run}
