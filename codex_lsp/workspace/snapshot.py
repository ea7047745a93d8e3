"""What the agent sees: the open buffers, saved or not, over the files on disk.

A snapshot never changes. A turn works on one, and staleness is found when its edits are applied.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from codex_lsp.edits.lines import alike
from codex_lsp.workspace import containment, disk
from codex_lsp.workspace.containment import Outside
from codex_lsp.workspace.disk import DiskText, Unusable
from codex_lsp.workspace.ignore import ignored


@dataclass(frozen=True, slots=True)
class BufferText:
    """The text of an open document, as the editor last synchronised it."""

    path: Path
    text: str
    version: int | None
    language_id: str = ""


SourceText = BufferText | DiskText


@dataclass(frozen=True, slots=True)
class Found:
    """A file of the workspace: where it is, and its text at the time of asking."""

    path: Path
    source: SourceText
    protected: bool

    @property
    def text(self) -> str:
        """The text that the person would see."""
        return self.source.text


@dataclass(frozen=True, slots=True)
class Missing:
    """A place in the workspace where no file is."""

    path: Path
    protected: bool


@dataclass(frozen=True, slots=True)
class Snapshot:
    """`roots` are resolved folders, the first one being what relative paths are relative to."""

    roots: tuple[Path, ...]
    buffers: Mapping[Path, BufferText]

    def look(self, raw: str) -> Found | Missing | Outside | Unusable:
        """What stands at the path `raw`, as a model or a person would write it."""
        place = containment.resolve(raw, self.roots)
        if isinstance(place, Outside):
            return place
        buffer = self._buffer_at(place.path)
        if reason := ignored(place.path, place.root, is_open=buffer is not None):
            return Outside(reason)
        if buffer is not None:
            return Found(buffer.path, buffer, place.protected)
        if not place.path.exists():
            return Missing(place.path, place.protected)
        source = disk.read(place.path)
        return (
            source if isinstance(source, Unusable) else Found(place.path, source, place.protected)
        )

    def _buffer_at(self, path: Path) -> BufferText | None:
        """The buffer of the file at `path`, also where the file system takes two spellings for one.

        A buffer that is missed is a file that gets written behind the editor's back.
        """
        if (buffer := self.buffers.get(path)) is not None:
            return buffer
        name = containment.fold(path.name)
        spelled = (open_at for open_at in self.buffers if containment.fold(open_at.name) == name)
        return next((self.buffers[open_at] for open_at in spelled if _is_one(open_at, path)), None)

    def unsaved(self) -> list[Path]:
        """The open files of the workspace that the disk holds otherwise, or not at all. Reads them;
        a byte order mark and the kind of line ends count for nothing, as editors hide them.
        """
        return sorted(
            path
            for path, buffer in self.buffers.items()
            if any(path.is_relative_to(root) for root in self.roots) and _differs(buffer)
        )

    def name(self, path: Path) -> str:
        """`path` as it is called in prompts and messages, with slashes. `look` finds it by that:
        what is not in the first root has to be named whole.
        """
        if self.roots and path.is_relative_to(self.roots[0]):
            return path.relative_to(self.roots[0]).as_posix()
        return path.as_posix()

    def tops(self) -> tuple[Path, ...]:
        """The roots that are in no other one: a walk through them meets each file once."""
        return tuple(
            root
            for root in self.roots
            if not any(root != other and root.is_relative_to(other) for other in self.roots)
        )


def _differs(buffer: BufferText) -> bool:
    saved = disk.read(buffer.path)
    return isinstance(saved, Unusable) or not alike(saved.text, buffer.text)


def _is_one(path: Path, other: Path) -> bool:
    try:
        return path.samefile(other)
    except OSError:
        return False
