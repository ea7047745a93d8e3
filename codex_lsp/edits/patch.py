"""Codex's apply_patch language: text to sections. Forgives what has only one meaning.

A bad patch is an answer (`BadPatch`), never an exception. Paths are taken as written: what they
mean, and whether they may be touched, is for others to say.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

from codex_lsp.edits.unwrap import unwrap

Mark = Literal[" ", "-", "+"]
_MARKS: dict[str, Mark] = {" ": " ", "-": "-", "+": "+"}
_BEGIN, _END = "*** Begin Patch", "*** End Patch"
_ADD, _DELETE, _UPDATE = "*** Add File:", "*** Delete File:", "*** Update File:"
_MOVE, _EOF, _ENVIRONMENT = "*** Move to:", "*** End of File", "*** Environment ID:"
_HEADERS = "'*** Add File: PATH', '*** Delete File: PATH' or '*** Update File: PATH'"


@dataclass(frozen=True, slots=True)
class Chunk:
    """One place of change: kept (` `), removed (`-`) and added (`+`) lines, in order.

    `anchors` are lines that come before it, outermost first. `at_end`: its lines are the file's
    last. `near` is the 0-based line where it is said to be. `afresh`: it is searched from the top,
    in the text that the chunks before it have made.
    """

    lines: tuple[tuple[Mark, str], ...]
    anchors: tuple[str, ...] = ()
    at_end: bool = False
    near: int | None = None
    afresh: bool = False

    @property
    def old(self) -> tuple[str, ...]:
        """The lines that the file must have."""
        return tuple(text for mark, text in self.lines if mark != "+")

    @property
    def new(self) -> tuple[str, ...]:
        """The lines that the file has afterwards."""
        return tuple(text for mark, text in self.lines if mark != "-")


@dataclass(frozen=True, slots=True)
class AddFile:
    """A new file. `replaces`: the same patch deletes the old one first, so that is meant."""

    path: str
    text: str
    replaces: bool = False


@dataclass(frozen=True, slots=True)
class DeleteFile:
    """Remove a file."""

    path: str


@dataclass(frozen=True, slots=True)
class UpdateFile:
    """Change a file, and rename it if `move_to` is given. No chunks: a pure rename."""

    path: str
    move_to: str | None
    chunks: tuple[Chunk, ...]


Section = AddFile | DeleteFile | UpdateFile


@dataclass(frozen=True, slots=True)
class Patch:
    """What a patch asks for; each path is the source of at most one section."""

    sections: tuple[Section, ...]


@dataclass(frozen=True, slots=True)
class BadPatch:
    """Not a patch. `line` is 1-based, in the patch as sent without its wrappers; 0: the whole."""

    reason: str
    line: int = 0

    @property
    def text(self) -> str:
        """For the model."""
        return (
            f"invalid patch, line {self.line}: {self.reason}"
            if self.line
            else (f"invalid patch: {self.reason}")
        )


def parse(text: str) -> Patch | BadPatch:
    """Read `text`. See `unwrap` for the wrappers that are taken off first."""
    lines = unwrap(text).split("\n")
    if "\r" in text:
        lines = [line.removesuffix("\r") for line in lines]
    if lines[0].strip() != _BEGIN:
        return BadPatch(f"The first line of the patch must be '{_BEGIN}'", 1)
    if lines[-1].strip() != _END:
        return BadPatch(f"The last line of the patch must be '{_END}'", len(lines))
    sections: list[Section] = []
    reader = _Reader(lines)
    if reader.line.startswith(_ENVIRONMENT):
        reader.at += 1
    while not reader.at_end():
        if not reader.line.strip():
            reader.at += 1
            continue
        section = reader.section()
        if isinstance(section, BadPatch):
            return section
        sections.append(section)
    if not sections:
        return BadPatch("it has no section, so nothing would change")
    return merged(sections)


def merged(sections: Iterable[Section]) -> Patch | BadPatch:
    """One section a path: several updates in order, and delete-then-add as a replacement."""
    by_path: dict[str, Section] = {}
    for section in sections:
        key = same_path(section.path)
        before = by_path.get(key)
        joined = section if before is None else _join(before, section)
        if isinstance(joined, BadPatch):
            return joined
        by_path[key] = joined
    return _without_clashing_targets(tuple(by_path.values()))


def same_path(path: str) -> str:
    """A key under which spellings of one path meet, as far as the text alone can tell."""
    parts = [part for part in path.split("/") if part not in {"", "."}]
    return ("/" if path.startswith("/") else "") + "/".join(parts)


def _join(before: Section, section: Section) -> Section | BadPatch:
    match before, section:
        case UpdateFile(), UpdateFile():
            if before.move_to and section.move_to and before.move_to != section.move_to:
                return BadPatch(f"{section.path} is moved to two places")
            fresh = [replace(chunk, afresh=True) for chunk in section.chunks[:1]]
            chunks = (*before.chunks, *fresh, *section.chunks[1:])
            return UpdateFile(before.path, before.move_to or section.move_to, chunks)
        case DeleteFile(), AddFile():
            return replace(section, replaces=True)
    return BadPatch(
        f"several operations on {section.path} contradict each other; put all of a file's changes "
        "in one section"
    )


def _without_clashing_targets(sections: tuple[Section, ...]) -> Patch | BadPatch:
    seen: set[str] = set()
    for section in sections:
        path = section.move_to if isinstance(section, UpdateFile) else section.path
        if path is None or isinstance(section, DeleteFile):
            continue
        if same_path(path) in seen:
            return BadPatch(f"two sections write {path}")
        seen.add(same_path(path))
    return Patch(sections)


class _Reader:
    """Reads sections from `lines`, whose first and last are the patch's boundaries."""

    def __init__(self, lines: list[str]) -> None:
        self.lines = lines
        self.at = 1

    @property
    def line(self) -> str:
        return self.lines[self.at]

    def at_end(self) -> bool:
        return self.at >= len(self.lines) - 1

    def bad(self, reason: str) -> BadPatch:
        return BadPatch(reason, self.at + 1)

    def section(self) -> Section | BadPatch:
        header = self.line.strip()
        for prefix, read in ((_ADD, self.add), (_DELETE, self.delete), (_UPDATE, self.update)):
            if header.startswith(prefix):
                path = header.removeprefix(prefix).strip()
                if not path:
                    return self.bad("a path is missing after the colon")
                self.at += 1
                return read(path)
        if header == _END:
            return self.bad(f"text follows '{_END}'")
        return self.bad(f"'{header[:80]}' is no section header; expected {_HEADERS}")

    def add(self, path: str) -> Section | BadPatch:
        content: list[str] = []
        lines, at, last = self.lines, self.at, len(self.lines) - 1
        blanks = 0
        while at < last:
            line = lines[at]
            if line[:1] == "+":
                if blanks:
                    content += [""] * blanks
                    blanks = 0
                content.append(line[1:])
            elif not (bare := line.strip()):
                blanks += 1
            elif bare.startswith("*** "):
                break
            else:
                self.at = at
                return self.bad("each line of an added file starts with '+'")
            at += 1
        self.at = at
        return AddFile(path, "".join([line + "\n" for line in content]))

    def delete(self, path: str) -> Section | BadPatch:
        return DeleteFile(path)

    def update(self, path: str) -> Section | BadPatch:
        move_to = None
        if not self.at_end() and self.line.strip().startswith(_MOVE):
            move_to = self.line.strip().removeprefix(_MOVE).strip()
            if not move_to:
                return self.bad("a path is missing after the colon")
            self.at += 1
        chunks: list[Chunk] = []
        while not self.at_end() and not self._section_ends():
            chunk = self._chunk()
            if isinstance(chunk, BadPatch):
                return chunk
            chunks.append(chunk)
            self._skip_blank_after_end_of_file(chunk)
        if not chunks and move_to is None:
            return self.bad(f"the update of {path} has no lines")
        return UpdateFile(path, move_to, tuple(chunks))

    def _section_ends(self) -> bool:
        return self.line.startswith("***") and self.line.rstrip() != _EOF

    def _skip_blank_after_end_of_file(self, chunk: Chunk) -> None:
        while chunk.at_end and not self.at_end() and not self.line.strip():
            self.at += 1

    def _chunk(self) -> Chunk | BadPatch:
        anchors: list[str] = []
        all_lines, at, last = self.lines, self.at, len(self.lines) - 1
        while at < last and _is_anchor(line := all_lines[at]):
            if line[3:].strip():
                anchors.append(line[3:])
            at += 1
        lines: list[tuple[Mark, str]] = []
        while at < last:
            line = all_lines[at]
            mark = _MARKS.get(line[:1])
            if mark is not None:
                lines.append((mark, line[1:]))
            elif line[:3] == "***" or _is_anchor(line):
                break
            else:
                # An empty line lost the space of an empty context line; another that lost its
                # mark is taken as context, too: context is only compared, never written.
                lines.append((" ", line))
            at += 1
        self.at = at
        if not lines:
            return self.bad("a chunk has no lines")
        at_end = at < last and all_lines[at].rstrip() == _EOF
        self.at += at_end
        return Chunk(tuple(lines), tuple(anchors), at_end)


def _is_anchor(line: str) -> bool:
    return line[:2] == "@@" and (line[2:3] == " " or not line[2:].strip())
