"""What the person typed of late: each open document as it was before, to be compared with what it
is now. The agent's own changes are taken out as they land.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from codex_lsp.lsp.editing.buffers import to_path
from codex_lsp.lsp.editing.documents import Document, DocumentEvent, Documents

if TYPE_CHECKING:
    from codex_lsp.agent.context.briefing import Edited

MOST_TOLD = 5
_LARGEST = 1_000_000  # characters of a document that is kept for this


class Recent:
    """One per window; fed with the events of its documents."""

    def __init__(self, documents: Documents) -> None:
        self._documents = documents
        self._before: dict[str, str] = {}
        self._used: dict[str, None] = {}

    def follow(self, event: DocumentEvent) -> None:
        """Something happened to a document."""
        self._used.pop(event.uri, None)
        if event.kind == "closed":
            self._before.pop(event.uri, None)
            return
        self._used[event.uri] = None
        if event.kind == "opened":
            self._begin(event.uri)

    def opened(self) -> tuple[Path, ...]:
        """The open files, the last one used first."""
        return tuple(path for uri in reversed(self._used) if (path := to_path(uri)) is not None)

    def edited(self) -> tuple[Edited, ...]:
        """What was typed since each document was opened, or last told of; the latest first."""
        from codex_lsp.agent.context.briefing import Edited

        found = []
        for uri, document, before in self._changed():
            if (path := to_path(uri)) is not None:
                found.append(Edited(path, before, document.text))
        return tuple(found[:MOST_TOLD])

    def told(self) -> None:
        """The model knows of it: from now on only what is new counts."""
        for uri, _, _ in list(self._changed()):
            self._begin(uri)

    def landed(self, path: Path) -> None:
        """A change of the agent's is in the text at `path`: it is none of the person's."""
        for uri in self._used:
            if to_path(uri) == path:
                self._begin(uri)

    def _changed(self) -> Iterator[tuple[str, Document, str]]:
        for uri in reversed(self._used):
            document, before = self._documents.get(uri), self._before.get(uri)
            if document is not None and before is not None and document.text != before:
                yield uri, document, before

    def _begin(self, uri: str) -> None:
        document = self._documents.get(uri)
        if document is not None and len(document.text) <= _LARGEST:
            self._before[uri] = document.text
