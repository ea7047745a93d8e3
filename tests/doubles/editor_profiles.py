"""How each real editor behaves towards a language server, as measured, and what it declared.

The captured `initialize` parameters are in `tests/golden/capabilities`; what an editor does
beyond what it declares is in the table below. Vim's clients, Kakoune's and Kate were not measured
in all of it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from enum import Enum, auto
from pathlib import Path
from typing import Any

GOLDEN = Path(__file__).parents[1] / "golden" / "capabilities"


class VersionRule(Enum):
    """What happens to an edit whose version is not the document's."""

    STRICT = auto()  # refused, and said so
    NEOVIM = auto()  # an older one is skipped yet called applied; only the first file is checked
    HOLE = auto()  # refused on arrival; applied a moment later without another look
    VERSIONLESS = auto()  # applied wherever its positions now point


class Refusal(Enum):
    """How a refused edit is answered."""

    REASON = auto()  # applied: false, with failureReason and failedChange
    BARE = auto()  # applied: false
    ERROR = auto()  # a JSON-RPC error


class Timing(Enum):
    """When a change of a document is announced."""

    AT_ONCE = auto()  # so, for an edit, before it is answered
    AFTER_REPLY = auto()  # keystrokes at once, an edit right after its answer
    DEBOUNCED = auto()  # after a fixed delay, or before the next request
    IDLE = auto()  # once the person rests and no command blocks, or before the next request


class Answer(Enum):
    """What becomes of a request that a client need not know."""

    GIVEN = auto()
    FIRST = auto()  # of a question: the first choice; whoever takes another chooses nothing
    NOT_FOUND = auto()
    NEVER = auto()


@dataclass(frozen=True, slots=True)
class Profile:
    """One editor. `initialize` is what it sent, word for word; `delay` is in seconds."""

    name: str
    initialize: dict[str, Any]
    rule: VersionRule = VersionRule.STRICT
    refusal: Refusal = Refusal.BARE
    all_or_nothing: bool = True  # every version is checked before the first file is changed
    timing: Timing = Timing.AT_ONCE
    delay: float = 0.0
    first_version: int = 0
    first_step: int = 1  # from version 0 to the next one
    sees_foreign_diagnostics: bool = True
    trigger_kind: int | None = 1
    command_blocks: bool = False
    saves_renamed: bool = False  # a buffer whose file is renamed is saved under the new name
    closes_deleted: bool = False  # a buffer whose file is deleted goes too, saved or not
    previews: bool = False  # asks about what needs confirmation; the others make it unasked
    questions: Answer = Answer.GIVEN
    show_document: Answer = Answer.GIVEN

    @property
    def encodings(self) -> list[str]:
        """The position encodings on offer, the best first. vim-lsp does not say how it counts."""
        if self.name.startswith("vim-9.2-vim-lsp"):
            return ["utf-32"]
        general = self.initialize["capabilities"].get("general", {})
        return list(general.get("positionEncodings", ["utf-16"]))

    @property
    def makes_edits(self) -> bool:
        """It declares that it makes edits whenever it is asked to."""
        return self.initialize["capabilities"]["workspace"].get("applyEdit") is True

    @property
    def resource_operations(self) -> list[str]:
        """The kinds of file operation that it carries out."""
        workspace = self.initialize["capabilities"]["workspace"]
        return list(workspace.get("workspaceEdit", {}).get("resourceOperations", []))


_NEOVIM: dict[str, Any] = {
    "rule": VersionRule.NEOVIM,
    "all_or_nothing": False,
    "timing": Timing.DEBOUNCED,
    "delay": 0.15,
    "first_step": 3,
    "saves_renamed": True,
    "closes_deleted": True,
    "sees_foreign_diagnostics": False,
    "questions": Answer.NEVER,  # headless; with a screen it asks by numbers
}
_HELIX: dict[str, Any] = {"refusal": Refusal.REASON, "all_or_nothing": False}
_VSCODE: dict[str, Any] = {"timing": Timing.AFTER_REPLY, "first_version": 1, "previews": True}
_BEHAVIOUR: dict[str, dict[str, Any]] = {
    "neovim-0.11": _NEOVIM,
    "neovim-0.12": _NEOVIM,
    "helix-25.01": _HELIX | {"questions": Answer.NOT_FOUND},
    "helix-25.07": _HELIX,
    "emacs-eglot": {
        "refusal": Refusal.ERROR,
        "all_or_nothing": False,
        "timing": Timing.IDLE,
        "delay": 0.5,
        "sees_foreign_diagnostics": False,
        "trigger_kind": None,
        "command_blocks": True,
    },
    "emacs-lsp-mode": {"trigger_kind": None, "command_blocks": True, "saves_renamed": True},
    "vscode": _VSCODE,
    "vim-9.2-coc": {"first_version": 1},
    "vim-9.2-vim-lsp": {
        "rule": VersionRule.VERSIONLESS,
        "questions": Answer.FIRST,
        "show_document": Answer.NEVER,
    },
    "kakoune": {
        "rule": VersionRule.VERSIONLESS,
        "timing": Timing.AFTER_REPLY,
        "first_version": 1,
        "show_document": Answer.NOT_FOUND,
    },
    "kate": {
        "rule": VersionRule.VERSIONLESS,
        "timing": Timing.AFTER_REPLY,
        "first_version": 2,
        "sees_foreign_diagnostics": False,
        "trigger_kind": None,
        "show_document": Answer.NEVER,
    },
    "vim-9.2-yegappan": {"rule": VersionRule.VERSIONLESS, "show_document": Answer.NOT_FOUND},
}

NAMES = sorted(path.stem for path in GOLDEN.glob("*.json"))


def profile(name: str, **changes: Any) -> Profile:
    """The editor whose captured file begins with `name`, with single traits changed."""
    [stem] = [stem for stem in NAMES if stem.startswith(name)]
    [behaviour] = [traits for key, traits in _BEHAVIOUR.items() if stem.startswith(key)]
    captured = json.loads((GOLDEN / f"{stem}.json").read_text())
    return replace(Profile(name=stem, initialize=captured, **behaviour), **changes)
