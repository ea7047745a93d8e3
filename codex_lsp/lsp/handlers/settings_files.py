"""`textDocument/hover` and `textDocument/completion` in config.toml, AGENTS.md and .codexignore.

For every other document the answer is null, and nothing is looked at for it.
"""

from __future__ import annotations

from typing import Any

from lsprotocol import types

from codex_lsp.lsp.connection.server import Server
from codex_lsp.lsp.editing.positions import offset_at, position_at
from codex_lsp.lsp.settings_files import file_at

_KINDS = {"key": 10, "table": 9, "value": 12}  # CompletionItemKind: property, module, value


def hover(server: Server, params: types.HoverParams) -> dict[str, Any] | None:
    """What the schema says of the key, or of the file, at the place."""
    if (found := _at(server, params)) is None:
        return None
    from codex_lsp.config.guide import note_at

    file, text, offset = found
    if (note := note_at(file, text, offset)) is None:
        return None
    contents = {"kind": "markdown", "value": note.text}
    return {"contents": contents, "range": _range(server, text, note.start, note.end)}


def completion(server: Server, params: types.CompletionParams) -> list[dict[str, Any]] | None:
    """The keys or values that may stand at the place."""
    if (found := _at(server, params)) is None:
        return None
    from codex_lsp.config.guide import suggestions

    file, text, offset = found
    items = []
    for one in suggestions(file, text, offset):
        typed = text[one.start : offset]
        quote = typed[:1] if typed[:1] in {'"', "'"} else ""
        items.append(
            {
                "label": one.label,
                "kind": _KINDS[one.kind],
                "documentation": {"kind": "markdown", "value": one.doc},
                "filterText": f"{quote}{one.label}",
                "textEdit": {
                    "range": _range(server, text, one.start, offset),
                    "newText": one.insert,
                },
            }
        )
    return items or None


def _at(server: Server, params: Any) -> tuple[Any, str, int] | None:
    """The file, its text and the offset that is asked about; None for what is none of ours."""
    uri = params.text_document.uri
    file = file_at(uri, server.bench.adapters.home)
    document = server.documents.get(uri) if file is not None else None
    if document is None:
        return None
    place = (params.position.line, params.position.character)
    return file, document.text, offset_at(document.text, place, server.encoding)


def _range(server: Server, text: str, start: int, end: int) -> dict[str, Any]:
    first = position_at(text, start, server.encoding)
    last = position_at(text, end, server.encoding)
    return {"start": first._asdict(), "end": last._asdict()}
