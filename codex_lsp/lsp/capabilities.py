"""What the client on the other side can do, resolved once into plain values.

Capabilities are what a client says; quirks are what it was measured to do (they differ). The
quirks profile is chosen by `clientInfo.name`. Stdlib only: this runs before the first answer.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from codex_lsp.lsp.server_capabilities import LENSES, PREVIEW, asks_for


@dataclass(frozen=True, slots=True)
class Quirks:
    """How a client behaves where the protocol leaves it open, or where it departs from it.

    `patience`: seconds until text that was applied has come back as `didChange`.
    `pause`: seconds between the answer to a command and the first message of its task. lsp-mode
    throws away what it reads in one go after an answer that it was waiting for.
    `least_version`: the lowest version that it compares. Neovim makes an edit for version 0, which
    is a document's first there, whatever was typed meanwhile; 1 says the same and is compared.
    `hides_answers`: nobody sees what a command is answered with, be it an error.
    `types_edits`: it types an edit's text as keys, a CR as one more line end; and the byte order
    mark is a setting of the file there, and not in its first line. Its own messages have both.
    `answers`: how many answers to a question can be given. vim-lsp hands over the first, or none.
    `faintest`: the type (1 is an error) down to which it shows messages, if nobody set it.
    `shows_ends`: it shows how a progress ended. coc.nvim does for a moment, if it was not short.
    """

    profile: str = "unknown"
    patience: float = 2.0
    pause: float = 0.0
    least_version: int = 0
    hides_answers: bool = False
    types_edits: bool = False
    answers: float = math.inf
    faintest: int = 3
    shows_ends: bool = True


_PROFILES: tuple[tuple[str, Quirks], ...] = (
    ("neovim", Quirks("neovim", patience=2.0, least_version=1)),
    ("eglot", Quirks("eglot", patience=4.0)),
    ("emacs", Quirks("lsp-mode", patience=3.0, pause=0.1)),
    ("helix", Quirks("helix", patience=2.0, hides_answers=True)),
    ("visual studio code", Quirks("vscode", patience=2.0)),
    ("code-server", Quirks("vscode", patience=2.0)),
    ("vscodium", Quirks("vscode", patience=2.0)),
    ("cursor", Quirks("vscode", patience=2.0)),
    ("vim-lsp", Quirks("vim-lsp", answers=1, faintest=2, shows_ends=False)),
    ("coc.nvim", Quirks("coc", shows_ends=False)),
    ("vim", Quirks("yegappan", hides_answers=True, shows_ends=False)),
    ("kakoune-lsp", Quirks("kakoune", hides_answers=True, types_edits=True)),
)


@dataclass(frozen=True, slots=True)
class Client:
    """The resolved client. A field is True only where the client declares the capability.

    `apply_edit`: it makes edits at any time. Others (Kate) make them right after the person chose
    one of our commands, so there changes wait to be chosen.
    `resource_operations`: what it declares to do with whole files (create, rename, delete).
    `content`: it shows documents that are no files, and asks us for their text.
    `renews_lenses`: it asked for code lenses, and asks again when told that they changed.
    `previews`: it asked for this; an edit that needs confirmation opens a view with tick boxes.
    """

    name: str
    version: str
    apply_edit: bool
    document_changes: bool
    resource_operations: frozenset[str]
    configuration: bool
    configuration_registration: bool
    work_done_progress: bool
    show_document: bool
    content: bool
    renews_lenses: bool
    previews: bool
    llm_tag: bool
    checks: bool
    status: bool
    quirks: Quirks

    @property
    def shows_documents(self) -> bool:
        """Ask it to open files. Helix does, and did not always declare it; yegappan's declares
        nothing that its person added, and otherwise says at once that it cannot.
        """
        return self.show_document or self.quirks.profile in {"helix", "yegappan"}

    @property
    def shows_ends(self) -> bool:
        """It shows how a task ended, with its progress."""
        return self.work_done_progress and self.quirks.shows_ends

    @property
    def versioned_edits(self) -> bool:
        """Send `documentChanges` with versions. Several clients honour them undeclared."""
        return self.document_changes or self.quirks.profile in {"neovim", "vim-lsp", "yegappan"}

    @property
    def shows_status(self) -> bool:
        """Send `codex/status` and the like. lsp-mode, for one, warns of what it does not know."""
        return self.status or self.quirks.profile in {"neovim", "vscode"}


def resolve_client(params: Mapping[str, object]) -> Client:
    """Resolve the parameters of `initialize`; whatever is malformed counts as not declared."""
    capabilities = params.get("capabilities")
    info = params.get("clientInfo")
    name = _text(_at(info, "name"))
    return Client(
        name=name,
        version=_text(_at(info, "version")),
        apply_edit=_flag(capabilities, "workspace", "applyEdit"),
        document_changes=_flag(capabilities, "workspace", "workspaceEdit", "documentChanges"),
        resource_operations=frozenset(
            _texts(_at(capabilities, "workspace", "workspaceEdit", "resourceOperations"))
        ),
        configuration=_flag(capabilities, "workspace", "configuration"),
        configuration_registration=_flag(
            capabilities, "workspace", "didChangeConfiguration", "dynamicRegistration"
        ),
        work_done_progress=_flag(capabilities, "window", "workDoneProgress"),
        show_document=_flag(capabilities, "window", "showDocument", "support"),
        content=_flag(capabilities, "workspace", "textDocumentContent", "dynamicRegistration"),
        renews_lenses=asks_for(params, LENSES)
        and _flag(capabilities, "workspace", "codeLens", "refreshSupport"),
        previews=asks_for(params, PREVIEW) and _can_preview(capabilities),
        llm_tag=1
        in _list(_at(capabilities, "textDocument", "codeAction", "tagSupport", "valueSet")),
        checks=_flag(capabilities, "experimental", "codexCheck"),
        status=_flag(capabilities, "experimental", "codexStatus"),
        quirks=_quirks(name),
    )


def _can_preview(capabilities: object) -> bool:
    edit = _at(capabilities, "workspace", "workspaceEdit")
    annotated = isinstance(_at(edit, "changeAnnotationSupport"), Mapping)
    versioned = _flag(edit, "documentChanges")
    return annotated and versioned and "create" in _texts(_at(edit, "resourceOperations"))


def _quirks(name: str) -> Quirks:
    folded = name.casefold()
    return next((quirks for part, quirks in _PROFILES if part in folded), Quirks())


def _at(value: object, *keys: str) -> object:
    for key in keys:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def _flag(value: object, *keys: str) -> bool:
    return _at(value, *keys) is True


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _texts(value: object) -> list[str]:
    return [entry for entry in _list(value) if isinstance(entry, str)]


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
