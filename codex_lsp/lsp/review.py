"""Changes that wait for the person: held back, shown as diagnostics, kept or dropped one by one.

For `codex.edits.apply = "propose"`. A hunk remembers the text it was made for; it moves with what
is typed, and goes when the person types over it. Keeping one is an edit like any other.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from codex_lsp.agent.lines import LineRange
from codex_lsp.agent.ports import (
    Applied,
    Change,
    ChangeFile,
    CreateFile,
    Editor,
    Held,
    NotApplied,
)
from codex_lsp.edits.diff import diff
from codex_lsp.edits.rebase import Conflict, carry
from codex_lsp.edits.text import TextEdit
from codex_lsp.lsp.buffers import OpenBuffers
from codex_lsp.lsp.documents import Document, DocumentEvent
from codex_lsp.lsp.progress import Wire
from codex_lsp.lsp.targets import range_lines
from codex_lsp.workspace.ledger import Ledger

SOURCE = "Codex"
_INFORMATION = 3  # DiagnosticSeverity
_SHOWN_LINES = 12
REST = 0.2  # seconds


@dataclass(frozen=True, slots=True)
class Hunk:
    """One change that waits: a single edit of a file, or a new file."""

    id: str
    turn: str
    change: ChangeFile | CreateFile

    @property
    def path(self) -> Path:
        """The file that it is about."""
        return self.change.path


class Review:
    """The hunks of one window, oldest first."""

    def __init__(self, wire: Wire, buffers: OpenBuffers, editor: Editor, ledger: Ledger) -> None:
        self._wire = wire
        self._buffers = buffers
        self._editor = editor
        self._ledger = ledger
        self._hunks: dict[str, Hunk] = {}
        self._ids = itertools.count(1)
        self._due: set[Path] = set()
        self._known: dict[Path, tuple[Document | None, dict[str, TextEdit | None]]] = {}

    def for_turn(self, turn: str) -> Editor:
        """An editor that holds the changes of `turn` back."""
        return _Holding(self, self._editor, turn)

    def hold(self, turn: str, change: ChangeFile | CreateFile) -> int:
        """Let a change wait; returns in how many hunks."""
        parts = _parts(change)
        for part in parts:
            hunk = Hunk(f"hunk-{next(self._ids)}", turn, part)
            self._hunks[hunk.id] = hunk
        self._publish(change.path)
        return len(parts)

    def at(self, path: Path, lines: LineRange | None = None) -> list[Hunk]:
        """The hunks of a file, or of some lines of it."""
        return [
            hunk
            for hunk in self._hunks.values()
            if hunk.path == path and (lines is None or self._touches(hunk, lines))
        ]

    def find(self, hunk_id: str) -> Hunk | None:
        """The hunk of that id, if it still waits."""
        return self._hunks.get(hunk_id)

    def of_turn(self, turn: str) -> list[Hunk]:
        """The hunks of one turn."""
        return [hunk for hunk in self._hunks.values() if hunk.turn == turn]

    async def keep(self, hunks: Sequence[Hunk], *, label: str) -> list[NotApplied]:
        """Make the changes; what could not be made is returned, and waits on."""
        failed: list[NotApplied] = []
        for hunk in hunks:
            if hunk.id not in self._hunks:
                continue
            outcome = await self._editor.apply(hunk.change, label=label)
            match outcome:
                case Applied(undo=undo):
                    self._hunks.pop(hunk.id, None)
                    self._ledger.note(hunk.turn, undo)
                case NotApplied():
                    failed.append(outcome)
                case Held():
                    pass
        self._publish_all(hunk.path for hunk in hunks)
        return failed

    def drop(self, hunks: Sequence[Hunk]) -> None:
        """Forget the changes."""
        for hunk in hunks:
            self._hunks.pop(hunk.id, None)
        self._publish_all(hunk.path for hunk in hunks)

    def follow(self, event: DocumentEvent, path: Path | None) -> None:
        """A document changed: its hunks move with it, and go where they were typed over.

        Shown a moment later: not each key is worth a message, nor a comparison of the texts.
        """
        if path is None or event.kind == "closed" or path in self._due or not self.at(path):
            return
        self._due.add(path)
        asyncio.get_running_loop().call_later(REST, self._refresh, path)

    def _refresh(self, path: Path) -> None:
        self._due.discard(path)
        for hunk_id, edit in self._places(path).items():
            if edit is None:
                del self._hunks[hunk_id]
        self._publish(path)

    def _touches(self, hunk: Hunk, lines: LineRange) -> bool:
        own = range_lines(self._range(hunk))
        return own is not None and own.start < lines.end and lines.start < own.end

    def _places(self, path: Path) -> dict[str, TextEdit | None]:
        """Where the edits of a file's hunks are in its live text; None for one typed over.

        The texts are compared once for each text that hunks were made for.
        """
        document = self._buffers.at(path)
        waiting = [
            (hunk.id, hunk.change) for hunk in self.at(path) if isinstance(hunk.change, ChangeFile)
        ]
        known, places = self._known.get(path, (None, {}))
        if document is not None and known is document and {*places} == {id_ for id_, _ in waiting}:
            return places
        typed: dict[str, tuple[TextEdit, ...]] = {}
        places = {}
        for hunk_id, change in waiting:
            base = change.base.text
            if base not in typed:
                typed[base] = () if document is None else diff(base, document.text)
            moved = carry(change.edits, typed[base], base)
            places[hunk_id] = None if isinstance(moved, Conflict) or not moved else moved[0]
        self._known[path] = (document, places)
        return places

    def _range(self, hunk: Hunk) -> object:
        edit = self._places(hunk.path).get(hunk.id)
        if edit is None or not isinstance(hunk.change, ChangeFile):
            start = {"line": 0, "character": 0}
            return {"start": start, "end": start}
        document = self._buffers.at(hunk.path)
        live = hunk.change.base.text if document is None else document.text
        return self._buffers.ranges(live, (edit,))[0]["range"]

    def _publish_all(self, paths: Iterable[Path]) -> None:
        for path in dict.fromkeys(paths):
            self._publish(path)

    def _publish(self, path: Path) -> None:
        document = self._buffers.at(path)
        uri = path.as_uri() if document is None else document.uri
        found = [
            {
                "range": self._range(hunk),
                "severity": _INFORMATION,
                "source": SOURCE,
                "message": describe(hunk.change),
                "data": {"hunkId": hunk.id},
            }
            for hunk in self.at(path)
        ]
        shown = {"uri": uri, "diagnostics": found}
        self._wire.notify("textDocument/publishDiagnostics", shown)


class _Holding:
    """The `Editor` of a turn whose changes wait."""

    def __init__(self, review: Review, editor: Editor, turn: str) -> None:
        self._review = review
        self._editor = editor
        self._turn = turn

    async def apply(self, change: Change, *, label: str) -> Applied | NotApplied | Held:
        """Hold the change back."""
        if isinstance(change, ChangeFile | CreateFile):
            return Held(change.path, self._review.hold(self._turn, change))
        return await self._editor.apply(change, label=label)


def describe(change: ChangeFile | CreateFile) -> str:
    """The change as a person reads it: what goes, and what comes in its place."""
    if isinstance(change, CreateFile):
        return f"Codex suggests this new file:\n{_marked('+', change.text)}"
    edit = change.edits[0]
    text = change.base.text
    start = text.rfind("\n", 0, edit.start) + 1
    end = text.find("\n", edit.end)
    end = len(text) if end < 0 else end
    old = text[start:end]
    new = text[start : edit.start] + edit.new + text[edit.end : end]
    return f"Codex suggests:\n{_marked('-', old)}\n{_marked('+', new)}"


def _marked(mark: str, text: str) -> str:
    lines = text.splitlines()
    shown = [f"{mark} {line}" for line in lines[:_SHOWN_LINES]]
    if len(lines) > _SHOWN_LINES:
        shown.append(f"{mark} … ({len(lines) - _SHOWN_LINES} more lines)")
    return "\n".join(shown)


def _parts(change: ChangeFile | CreateFile) -> list[ChangeFile | CreateFile]:
    """One change for each place; places on the same line stay together."""
    if isinstance(change, CreateFile):
        return [change]
    groups: list[list[TextEdit]] = []
    for edit in change.edits:
        if groups and "\n" not in change.base.text[groups[-1][-1].end : edit.start]:
            groups[-1].append(edit)
        else:
            groups.append([edit])
    return [ChangeFile(change.path, change.base, (_joined(change, group),)) for group in groups]


def _joined(change: ChangeFile, edits: Sequence[TextEdit]) -> TextEdit:
    """One edit that does what several on one line do."""
    text, new, at = change.base.text, "", edits[0].start
    for edit in edits:
        new += text[at : edit.start] + edit.new
        at = edit.end
    return TextEdit(edits[0].start, at, new)
