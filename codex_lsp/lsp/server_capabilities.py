"""What we tell the client that we can do: the answer to `initialize`, as a plain dict.

Built by hand from the registry, before pygls is imported; a test holds it equal to what pygls
derives from the same registrations. Reads the client's capabilities with distrust: whatever has
the wrong shape counts as absent.
"""

from __future__ import annotations

from codex_lsp import __version__
from codex_lsp.lsp.registry import Registry

ENCODINGS = ("utf-8", "utf-16", "utf-32")

_PROVIDERS: dict[str, tuple[str, object]] = {
    "textDocument/codeAction": ("codeActionProvider", True),
    "textDocument/codeLens": ("codeLensProvider", {"resolveProvider": False}),
    "textDocument/completion": ("completionProvider", {}),
    "textDocument/definition": ("definitionProvider", True),
    "textDocument/hover": ("hoverProvider", True),
    "textDocument/inlayHint": ("inlayHintProvider", {"resolveProvider": False}),
    "textDocument/inlineCompletion": ("inlineCompletionProvider", {}),
}
"""Method to the capability that offers it, and that capability's value without options."""


def initialize_result(params: object, registry: Registry) -> dict[str, object]:
    """The `InitializeResult` for a client that sent `params`."""
    return {
        "capabilities": server_capabilities(params, registry),
        "serverInfo": {"name": "codex-lsp", "version": __version__},
    }


def server_capabilities(params: object, registry: Registry) -> dict[str, object]:
    """The `ServerCapabilities` for a client that sent `params`."""
    offered: dict[str, object] = {
        "positionEncoding": choose_encoding(params),
        "textDocumentSync": {"openClose": True, "change": sync_kind(params), "save": True},
        "executeCommandProvider": {"commands": list(registry.commands)},
        "workspace": {
            "workspaceFolders": {"supported": True, "changeNotifications": True},
            "fileOperations": {},
        },
    }
    for method, (capability, plain) in _PROVIDERS.items():
        if method in registry.features and _at_once(params, method):
            offered[capability] = registry.options.get(method, plain)
    return offered


def _at_once(params: object, method: str) -> bool:
    if method == "textDocument/codeLens":
        return asks_for(params, LENSES)
    return not registers_later(params, method)


LENSES, PREVIEW = "codeLens", "edits.preview"
"""What a client gets only if it asks for it. That it declares to know them is not enough: lenses
move the lines of people who have the menu, and never asked for more; and what needs confirmation
is made unasked, or called made in spite of a no, by some that declare annotations.
"""


def asks_for(params: object, what: str) -> bool:
    """Whether `initializationOptions` say `what: true`: bare or under `codex`, nested or dotted."""
    options = dig(params, "initializationOptions")
    return any(
        dig(section, *path) is True
        for section in (options, dig(options, "codex"))
        for path in ((what,), what.split("."))
    )


WHOLE_TEXTS, RANGES = 1, 2  # TextDocumentSyncKind


def sync_kind(params: object) -> int:
    """How changes are to be sent: by their ranges, but not by Helix before 25.07.

    It leaves each to a task of its own, so that they overtake each other. Of whole texts the newest
    counts, whenever the others come.
    """
    if dig(params, "clientInfo", "name") != "helix":
        return RANGES
    year, _, rest = str(dig(params, "clientInfo", "version")).partition(".")
    month = rest.partition(".")[0]
    known = year.isdecimal() and month.isdecimal()
    return WHOLE_TEXTS if known and (int(year), int(month)) < (25, 7) else RANGES


LATER = ("textDocument/hover", "textDocument/completion")
"""What is offered for a few files alone, to clients that can be told for which."""


def registers_later(params: object, method: str) -> bool:
    """Whether the client takes `method` as a registration with a document selector."""
    name = method.removeprefix("textDocument/")
    path = ("capabilities", "textDocument", name, "dynamicRegistration")
    return method in LATER and dig(params, *path) is True


def choose_encoding(params: object) -> str:
    """The first encoding of the client's list that we know; UTF-16 where it names none.

    vim-lsp names none, and counts characters all the same.
    """
    if dig(params, "clientInfo", "name") == "vim-lsp":
        return "utf-32"
    wanted = dig(params, "capabilities", "general", "positionEncodings")
    if isinstance(wanted, list):
        for encoding in wanted:
            if encoding in ENCODINGS:
                return str(encoding)
    return "utf-16"


def dig(value: object, *path: str) -> object:
    """What stands at `path` in nested dicts; None where a step is missing or no dict."""
    for step in path:
        if not isinstance(value, dict):
            return None
        value = value.get(step)
    return value
