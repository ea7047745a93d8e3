"""The open documents by file: from the client's URIs to the paths that the agent knows."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from pygls.uris import to_fs_path

from codex_lsp.edits.text import TextEdit, off_the_end
from codex_lsp.lsp.editing.documents import Document, DocumentEvent, Documents
from codex_lsp.lsp.editing.positions import position_at
from codex_lsp.workspace.snapshot import BufferText, Snapshot

if TYPE_CHECKING:
    from codex_lsp.lsp.editing.proof import OpenDocument
    from codex_lsp.lsp.editing.trail import Trail


def to_path(uri: str) -> Path | None:
    """The resolved path of a `file:` URI; None for other schemes and for what is no file."""
    if not uri.startswith("file:"):
        return None
    try:
        raw = to_fs_path(uri)
        return Path(raw).resolve() if raw else None
    except (ValueError, OSError, RuntimeError):  # a null character, links in a circle
        return None


class OpenBuffers:
    """Looks documents up by path; implements `lsp.editing.proof.Buffers`."""

    def __init__(self, documents: Documents) -> None:
        self._documents = documents

    def at(self, path: Path) -> Document | None:
        """The document that shows `path`; if a client opened it under two names, the latest."""
        found = None
        for uri in self._documents.uris():
            if to_path(uri) == path:
                found = self._documents.get(uri)
        return found

    def named(self, raw: str, bases: Sequence[Path]) -> Document | None:
        """The document that a person's editor calls `raw`: absolute, below `~`, or below a base.

        Helix names files from the folder where it was started, which it does not tell: so the one
        document whose path ends so counts, too.
        """
        folded = Path.home() / raw[2:] if raw.startswith("~/") else Path(raw)
        for base in bases:
            if (found := self.at((base / folded).resolve())) is not None:
                return found
        parts = folded.parts
        paths = {path for uri in self._documents.uris() if (path := to_path(uri)) is not None}
        ending = [path for path in paths if parts and path.parts[-len(parts) :] == parts]
        return self.at(ending[0]) if len(ending) == 1 else None

    def text_at(self, path: Path) -> BufferText | None:
        """The same, as the agent knows it."""
        document = self.at(path)
        return None if document is None else _buffer(path, document)

    async def next_change(self, uri: str, seconds: float) -> None:
        """See `lsp.editing.proof.Buffers`."""
        seen = self._documents.get(uri)
        with suppress(TimeoutError):
            await self._documents.wait_for(uri, lambda now: now is not seen, seconds)

    async def until(self, holds: Callable[[], bool], seconds: float) -> bool:
        """See `lsp.editing.proof.Buffers`."""
        happened = asyncio.Event()
        end = self._documents.listen(lambda _: happened.set())
        try:
            async with asyncio.timeout(seconds):
                while not holds():
                    happened.clear()
                    await happened.wait()
        except TimeoutError:
            return False
        finally:
            end()
        return True

    def watch(self, path: Path, heard: Callable[[str], object]) -> Callable[[], None]:
        """See `lsp.editing.proof.Buffers`."""

        def listen(event: DocumentEvent) -> None:
            document = self._documents.get(event.uri)
            if document is not None and to_path(event.uri) == path:
                heard(document.text)

        return self._documents.listen(listen)

    def since(self, document: OpenDocument) -> Trail | None:
        """See `lsp.editing.proof.Buffers`."""
        return self._documents.since(document) if isinstance(document, Document) else None

    def ranges(self, text: str, edits: Sequence[TextEdit]) -> list[dict[str, object]]:
        """See `lsp.editing.proof.Buffers`."""
        sent = off_the_end(text, edits)
        return [{"range": self._range(text, edit), "newText": edit.new} for edit in sent]

    def _range(self, text: str, edit: TextEdit) -> dict[str, object]:
        encoding = self._documents.encoding
        start = position_at(text, edit.start, encoding)
        end = position_at(text, edit.end, encoding)
        return {"start": start._asdict(), "end": end._asdict()}

    def snapshot(self, roots: Sequence[Path]) -> Snapshot:
        """What the agent sees now."""
        buffers = {}
        for uri in self._documents.uris():
            path, document = to_path(uri), self._documents.get(uri)
            if path is not None and document is not None:
                buffers[path] = _buffer(path, document)
        return Snapshot(tuple(roots), buffers)


def _buffer(path: Path, document: Document) -> BufferText:
    return BufferText(path, document.text, document.version, document.language_id)
