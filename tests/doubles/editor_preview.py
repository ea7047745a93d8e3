"""VS Code's Refactor Preview, as its workbench does it: a box for each edit, ticked unless the edit
needs confirmation; what changes a file of it meanwhile makes Apply do nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from tests.doubles.editor_text import Document

Row = tuple[str, int]
"""A file's URI, and which of its edits."""


@dataclass(slots=True)
class Preview:
    """An open view. `answer` gets the edits that are ticked, file by file, or None for a no."""

    documents: Mapping[str, Document]
    changes: Sequence[dict[str, Any]]
    ticks: dict[Row, bool]
    answer: Callable[[list[dict[str, Any]] | None], None]
    versions: dict[str, int] = field(init=False)

    def __post_init__(self) -> None:
        uris = [change["textDocument"]["uri"] for change in self.changes]
        self.versions = {uri: self.documents[uri].version for uri in uris if uri in self.documents}

    def untick(self, *words: str) -> None:
        """Untick the boxes of what has these words in it."""
        for change in self.changes:
            for number, edit in enumerate(change["edits"]):
                if any(word in edit["newText"] for word in words):
                    self.ticks[change["textDocument"]["uri"], number] = False

    def apply(self) -> None:
        """Press Apply; where a file has changed, that is a no."""
        ticked = []
        for change in self.changes:
            uri = change["textDocument"]["uri"]
            edits = [edit for n, edit in enumerate(change["edits"]) if self.ticks[uri, n]]
            if edits:
                ticked.append({**change, "edits": edits})
        same = all(self.documents[uri].version == was for uri, was in self.versions.items())
        self.answer(ticked if ticked and same else None)

    def discard(self) -> None:
        """Press Discard."""
        self.answer(None)


def opened(
    edit: Mapping[str, Any],
    documents: Mapping[str, Document],
    answer: Callable[[list[dict[str, Any]] | None], None],
) -> Preview | None:
    """The view that `edit` opens; None if nothing in it needs confirmation."""
    notes = edit.get("changeAnnotations") or {}

    def ticked(one: Mapping[str, Any]) -> bool:
        return not notes.get(one.get("annotationId"), {}).get("needsConfirmation", False)

    changes = edit.get("documentChanges") or []
    operations = [change for change in changes if "kind" in change]
    texts = [change for change in changes if "kind" not in change]
    if all(map(ticked, [*operations, *(one for change in texts for one in change["edits"])])):
        return None
    for operation in operations:
        exists = Path(unquote(urlsplit(operation["uri"]).path)).exists()
        hidden = operation["kind"] == "create" and operation["options"].get("ignoreIfExists")
        assert exists, "a file to make is shown in the view"
        assert hidden, "an operation is shown in the view"
        assert not ticked(operation), "what is hidden would be done"
    ticks = {
        (change["textDocument"]["uri"], number): ticked(one)
        for change in texts
        for number, one in enumerate(change["edits"])
    }
    return Preview(documents, texts, ticks, answer)
