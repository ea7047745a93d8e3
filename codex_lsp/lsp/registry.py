"""What the server serves: one line per LSP method and per command, as `module:function`.

Plain tables without imports: the answer to `initialize` is built from them before the protocol
library is loaded. Handlers of methods are imported right afterwards, those of commands when one is
first called (`connection/host`); a test looks every name up.
"""

from __future__ import annotations

from collections.abc import Mapping

_HANDLERS = "codex_lsp.lsp.handlers"

FEATURES: dict[str, str] = {
    "initialized": f"{_HANDLERS}.session:initialized",
    "workspace/didChangeConfiguration": f"{_HANDLERS}.session:did_change_configuration",
    "workspace/didChangeWorkspaceFolders": f"{_HANDLERS}.session:did_change_folders",
    "workspace/textDocumentContent": f"{_HANDLERS}.pages:text_document_content",
    "textDocument/codeAction": f"{_HANDLERS}.code_actions:code_action",
    "textDocument/codeLens": f"{_HANDLERS}.code_lenses:code_lens",
    "textDocument/hover": f"{_HANDLERS}.settings_files:hover",
    "textDocument/completion": f"{_HANDLERS}.settings_files:completion",
    "window/workDoneProgress/cancel": f"{_HANDLERS}.progress:cancel",
    "codex/account/read": f"{_HANDLERS}.account:account_read",
    "codex/account/login/start": f"{_HANDLERS}.account:account_login_start",
    "codex/account/login/cancel": f"{_HANDLERS}.account:account_login_cancel",
    "codex/account/logout": f"{_HANDLERS}.account:account_logout",
    "codex/didChangeDiagnostics": f"{_HANDLERS}.diagnostics:did_change_diagnostics",
}
"""LSP method, or `codex/...` extension, to its handler `(server, params)`."""

OPTIONS: dict[str, dict[str, object]] = {
    "textDocument/codeAction": {
        "codeActionKinds": ["quickfix", "refactor", "source", "source.fixAll"],
        "resolveProvider": False,
    },
}
"""LSP method to its registration options, as they stand in the server capabilities."""

COMMANDS: dict[str, str] = {
    "codex.fix": f"{_HANDLERS}.commands:fix",
    "codex.fixAll": f"{_HANDLERS}.commands:fix_all",
    "codex.explain": f"{_HANDLERS}.commands:explain",
    "codex.edit": f"{_HANDLERS}.commands:edit",
    "codex.document": f"{_HANDLERS}.commands:document",
    "codex.tests": f"{_HANDLERS}.commands:tests",
    "codex.implementTodo": f"{_HANDLERS}.commands:implement_todo",
    "codex.ask": f"{_HANDLERS}.commands:ask",
    "codex.do": f"{_HANDLERS}.jobs:do",
    "codex.task.steer": f"{_HANDLERS}.jobs:steer",
    "codex.thread.resume": f"{_HANDLERS}.jobs:resume",
    "codex.context.add": f"{_HANDLERS}.context:add",
    "codex.context.remove": f"{_HANDLERS}.context:remove",
    "codex.context.clear": f"{_HANDLERS}.context:clear",
    "codex.context.list": f"{_HANDLERS}.context:listed",
    "codex.context.preview": f"{_HANDLERS}.context:shown",
    "codex.model.select": f"{_HANDLERS}.choices:model",
    "codex.effort.select": f"{_HANDLERS}.choices:effort",
    "codex.usage": f"{_HANDLERS}.choices:usage",
    "codex.auth.login": f"{_HANDLERS}.account:login",
    "codex.auth.loginDevice": f"{_HANDLERS}.account:login_device",
    "codex.auth.logout": f"{_HANDLERS}.account:logout",
    "codex.auth.status": f"{_HANDLERS}.account:status",
    "codex.auth.retry": f"{_HANDLERS}.account:retry",
    "codex.hunk.accept": f"{_HANDLERS}.review:accept",
    "codex.hunk.reject": f"{_HANDLERS}.review:reject",
    "codex.hunk.explain": f"{_HANDLERS}.review:explain",
    "codex.hunk.redo": f"{_HANDLERS}.review:redo",
    "codex.hunk.undo": f"{_HANDLERS}.review:undo",
    "codex.hunk.acceptFile": f"{_HANDLERS}.review:accept_file",
    "codex.hunk.rejectFile": f"{_HANDLERS}.review:reject_file",
    "codex.hunk.list": f"{_HANDLERS}.review:list_hunks",
    "codex.hunk.next": f"{_HANDLERS}.review:next_hunk",
    "codex.hunk.previous": f"{_HANDLERS}.review:previous_hunk",
    "codex.hunk.diff": f"{_HANDLERS}.review:diff",
    "codex.file.undo": f"{_HANDLERS}.review:undo_file",
    "codex.file.redo": f"{_HANDLERS}.review:redo_file",
    "codex.turn.accept": f"{_HANDLERS}.review:accept_turn",
    "codex.turn.reject": f"{_HANDLERS}.review:reject_turn",
    "codex.approval.respond": f"{_HANDLERS}.approvals:respond",
    "codex.approval.list": f"{_HANDLERS}.approvals:listed",
    "codex.approval.show": f"{_HANDLERS}.approvals:shown",
    "codex.trust": f"{_HANDLERS}.approvals:trust",
    "codex.rules.open": f"{_HANDLERS}.approvals:rules_open",
    "codex.turn.undo": f"{_HANDLERS}.review:undo_turn",
    "codex.turn.redo": f"{_HANDLERS}.review:redo_turn",
    "codex.task.list": f"{_HANDLERS}.commands:task_list",
    "codex.task.cancel": f"{_HANDLERS}.commands:task_cancel",
    "codex.mcp.list": f"{_HANDLERS}.tool_servers:listed",
    "codex.mcp.reconnect": f"{_HANDLERS}.tool_servers:reconnect",
    "codex.doctor": f"{_HANDLERS}.doctor:doctor",
}
"""Command id to its handler `(server, arguments)`, where `arguments` is the list of JSON values."""


class Registry:
    """The three tables as one value, so that tests can serve others."""

    def __init__(
        self,
        features: Mapping[str, str],
        options: Mapping[str, Mapping[str, object]],
        commands: Mapping[str, str],
    ) -> None:
        self.features = features
        self.options = options
        self.commands = commands


REGISTRY = Registry(FEATURES, OPTIONS, COMMANDS)
