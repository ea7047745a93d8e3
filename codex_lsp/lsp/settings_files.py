"""Our own files in the editor: what is wrong in a config.toml as diagnostics, and who may be asked
about which file. All other documents are none of ours, and that is said at once.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from codex_lsp.config.check import Origin, Problem, check
from codex_lsp.config.guide import File
from codex_lsp.lsp.editing.buffers import to_path
from codex_lsp.lsp.editing.documents import DocumentEvent, Documents
from codex_lsp.lsp.editing.positions import Encoding, split_lines, units
from codex_lsp.lsp.person.progress import Wire

PATTERNS = ("**/config.toml", "**/*.config.toml", "**/AGENTS.md", "**/AGENTS.override.md",
            "**/.codexignore")  # fmt: skip
SELECTOR = [{"scheme": "file", "pattern": pattern} for pattern in PATTERNS]
"""The documents that clients may ask us about, where they can be told so."""

_NAMES: dict[str, File] = {
    "AGENTS.md": "AGENTS.md",
    "AGENTS.override.md": "AGENTS.md",
    ".codexignore": ".codexignore",
}
_SEVERITIES = {"error": 1, "warning": 2}


def file_at(uri: str, home: Path | None) -> File | None:
    """Which of our files the document at `uri` is; None for all others, by the name alone."""
    name = uri.rpartition("/")[2]
    if (other := _NAMES.get(name)) is not None:
        return other
    if not name.endswith("config.toml") or (path := to_path(uri)) is None:
        return None
    own = home is not None and path.parent == home.resolve()
    if name == "config.toml" and (own or path.parent.name == ".codex"):
        return "config.toml"
    return "config.toml" if own and name.endswith(".config.toml") else None


class SettingsFiles:
    """Marks what is wrong in the settings files that are open."""

    def __init__(self, wire: Wire, documents: Documents, home: Path | None) -> None:
        self._wire = wire
        self._documents = documents
        self.home = home

    def follow(self, event: DocumentEvent) -> None:
        """Something happened to a document."""
        if file_at(event.uri, self.home) != "config.toml":
            return
        document = self._documents.get(event.uri)
        found: list[dict[str, Any]] = []
        if document is not None:
            problems = check(document.text.removeprefix("\ufeff"), self._origin(event.uri)).problems
            lines = split_lines(document.text)
            found = [_diagnostic(one, lines, self._documents.encoding) for one in problems]
        asked = {"uri": event.uri, "diagnostics": found}
        self._wire.notify("textDocument/publishDiagnostics", asked)

    def _origin(self, uri: str) -> Origin:
        path = to_path(uri)
        own = path is None or (self.home is not None and path.parent == self.home.resolve())
        return Origin(project=not own)


def _diagnostic(problem: Problem, lines: list[str], encoding: Encoding) -> dict[str, Any]:
    line = min((problem.line or 1) - 1, len(lines) - 1)
    body = lines[line].rstrip("\r\n")
    first, last = problem.column - 1, max(problem.end, problem.column + 1) - 1
    if problem.line is None:
        first, last = 0, len(body)
    return {
        "range": {
            "start": {"line": line, "character": units(body[:first], encoding)},
            "end": {"line": line, "character": units(body[:last], encoding)},
        },
        "severity": _SEVERITIES[problem.severity],
        "source": "codex",
        "message": problem.message,
    }
