"""`window/workDoneProgress/cancel`: the person gave up on a task."""

from __future__ import annotations

from lsprotocol import types

from codex_lsp.lsp.connection.server import Server


def cancel(server: Server, params: types.WorkDoneProgressCancelParams) -> None:
    """Cancel the task whose progress it is; its token is the task's id."""
    server.bench.tasks.cancel(str(params.token))
