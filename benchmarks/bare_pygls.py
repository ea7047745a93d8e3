"""The least that pygls can do, as a yardstick: documents kept in sync, and one code action."""

from lsprotocol import types
from pygls.lsp.server import LanguageServer

server = LanguageServer("bare", "1")


@server.feature(types.TEXT_DOCUMENT_CODE_ACTION)
def code_action(ls: LanguageServer, params: types.CodeActionParams) -> list[types.CodeAction]:
    """One action, made of what came."""
    document = ls.workspace.get_text_document(params.text_document.uri)
    command = types.Command("Do it", "bare.do", arguments=[{"uri": document.uri}])
    return [types.CodeAction("Do it", kind=types.CodeActionKind.QuickFix, command=command)]


server.start_io()
