"""A language server of somebody else's: reports a word that is no Python, and does nothing more."""

from __future__ import annotations

import sys

from lsprotocol import types
from pygls.lsp.server import LanguageServer

SERVER = LanguageServer("other", "1")
WORD, PROBLEM = sys.argv[1:]


def _report(uri: str) -> None:
    found = []
    for number, line in enumerate(SERVER.workspace.get_text_document(uri).lines):
        if WORD in line:
            start, end = types.Position(number, 0), types.Position(number, len(WORD))
            found.append(types.Diagnostic(types.Range(start, end), PROBLEM, source="other"))
    SERVER.text_document_publish_diagnostics(types.PublishDiagnosticsParams(uri, found))


@SERVER.feature(types.TEXT_DOCUMENT_DID_OPEN)
def _opened(params: types.DidOpenTextDocumentParams) -> None:
    _report(params.text_document.uri)


@SERVER.feature(types.TEXT_DOCUMENT_DID_CHANGE)
def _changed(params: types.DidChangeTextDocumentParams) -> None:
    _report(params.text_document.uri)


if __name__ == "__main__":
    SERVER.start_io()
