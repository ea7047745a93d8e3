"""The text of the pages that a client shows as documents of ours, not as files."""

from __future__ import annotations

import asyncio

from lsprotocol import types

from codex_lsp.lsp.connection.faults import Refused
from codex_lsp.lsp.connection.server import Server
from codex_lsp.lsp.person.showing import page_at


async def text_document_content(
    server: Server, params: types.TextDocumentContentParams
) -> types.TextDocumentContentResult:
    """`workspace/textDocumentContent` `{uri}`: the page as it is now."""
    path = page_at(server.bench.adapters.state_folder, params.uri)
    if path is None:
        raise Refused(f"{params.uri} is no page of Codex.")
    try:
        return types.TextDocumentContentResult(await asyncio.to_thread(path.read_text, "utf-8"))
    except OSError as error:
        raise Refused(f"{path.name} is gone: only the newest pages are kept.") from error
