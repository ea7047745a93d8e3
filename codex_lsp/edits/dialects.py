"""Other ways to write a change, read into the sections of `patch`: unified diffs, search/replace.

For models that are bad at apply_patch. Line numbers are only hints here; text decides the place.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from codex_lsp.edits.align import aligned
from codex_lsp.edits.patch import (
    AddFile,
    BadPatch,
    Chunk,
    DeleteFile,
    Mark,
    Patch,
    Section,
    UpdateFile,
    merged,
    parse,
)
from codex_lsp.edits.unwrap import unwrap

_SEARCH = re.compile(r"<{5,9} ?(?:SEARCH|ORIGINAL)[ \t]*(?P<path>\S.*)?")
_MIDDLE = re.compile(r"={5,9}[ \t]*")
_REPLACE = re.compile(r">{5,9} ?(?:REPLACE|UPDATED)[ \t]*")
_HUNK = re.compile(r"@@ -(\d{1,9})(?:,(\d+))? \+\d+(?:,\d+)? @@.*")
_LINK_MODES = ("120000", "160000")  # a symbolic link; another repository


def parse_any(text: str, path: str | None = None) -> Patch | BadPatch:
    """Read `text` in whichever language it is. `path` is the file that blocks without one mean."""
    inner = unwrap(text)
    if inner.startswith("*** Begin Patch"):
        return parse(text)
    lines = [line.removesuffix("\r") for line in inner.split("\n")]
    if any(_SEARCH.fullmatch(line.rstrip()) for line in lines):
        return _search_replace(lines, path)
    if any(_HUNK.match(line) for line in lines) or "diff --git " in inner:
        return _unified(lines, path)
    return parse(text)


def _search_replace(lines: Sequence[str], path: str | None) -> Patch | BadPatch:
    sections: list[Section] = []
    at = 0
    while at < len(lines):
        start = _SEARCH.fullmatch(lines[at].rstrip())
        if start is None:
            at += 1
            continue
        middle = _next(lines, at + 1, _MIDDLE)
        end = None if middle is None else _next(lines, middle + 1, _REPLACE)
        if middle is None or end is None:
            return BadPatch(
                "a SEARCH block has no '=======' and '>>>>>>> REPLACE' after it", at + 1
            )
        named = start["path"] or _path_above(lines, at) or path
        if named is None:
            return BadPatch("the line above a SEARCH block must be the file's path", at + 1)
        path = named
        sections.append(_replacement(path, lines[at + 1 : middle], lines[middle + 1 : end]))
        at = end + 1
    return merged(sections)


def _next(lines: Sequence[str], at: int, pattern: re.Pattern[str]) -> int | None:
    return next((n for n in range(at, len(lines)) if pattern.fullmatch(lines[n].rstrip())), None)


def _path_above(lines: Sequence[str], at: int) -> str | None:
    for line in reversed(lines[max(at - 3, 0) : at]):
        if _REPLACE.fullmatch(line.rstrip()):
            return None
        text = line.strip().removeprefix("#").strip().strip("`*").removesuffix(":").strip()
        if text and not line.startswith(("```", "~~~")):
            return text if " " not in text or "/" in text else None
    return None


def _replacement(path: str, old: Sequence[str], new: Sequence[str]) -> Section:
    if not any(old):
        return AddFile(path, "".join(line + "\n" for line in new))
    lines: list[tuple[Mark, str]] = []
    at = 0
    for i, j, k, m in aligned(old, new):
        lines += [(" ", line) for line in old[at:i]]
        lines += [("-", line) for line in old[i:j]]
        lines += [("+", line) for line in new[k:m]]
        at = j
    lines += [(" ", line) for line in old[at:]]
    return UpdateFile(path, None, (Chunk(tuple(lines)),))


def _unified(lines: Sequence[str], path: str | None) -> Patch | BadPatch:
    sections: list[Section] = []
    for first, part in _files(lines):
        section = _file(part, path)
        if isinstance(section, BadPatch):
            return BadPatch(section.reason, first + section.line)
        if section is not None:
            sections.append(section)
    return merged(sections) if sections else BadPatch("the diff changes nothing")


def _files(lines: Sequence[str]) -> list[tuple[int, Sequence[str]]]:
    """The diff's parts, one a file, each with the number of its first line."""
    git = any(line.startswith("diff --git ") for line in lines)
    firsts = [
        n
        for n, line in enumerate(lines)
        if line.startswith("diff --git ") or (not git and _is_header(lines, n))
    ] or [0]
    return [
        (first, lines[first:end])
        for first, end in zip(firsts, [*firsts[1:], len(lines)], strict=True)
    ]


def _is_header(lines: Sequence[str], n: int) -> bool:
    return lines[n].startswith("--- ") and n + 1 < len(lines) and lines[n + 1].startswith("+++ ")


def _file(lines: Sequence[str], path: str | None) -> Section | BadPatch | None:
    start = next((n for n, line in enumerate(lines) if _HUNK.match(line)), len(lines))
    head = lines[:start]
    modes = [line.rsplit(" ", 1)[-1] for line in head if " mode " in f" {line}"]
    if any(mode in _LINK_MODES for mode in modes):
        return BadPatch("links and submodules cannot be patched", 1)
    if any(line.startswith(("GIT binary patch", "Binary files ")) for line in head):
        return BadPatch("binary files cannot be patched", 1)
    old, new = _named(head, "--- ", "rename from "), _named(head, "+++ ", "rename to ")
    created = old == "/dev/null" or any(line.startswith("new file mode") for line in head)
    source = (None if created else old) or new or path
    if source is None:
        return BadPatch("the diff does not say which file it is for", 1)
    if new == "/dev/null":
        return DeleteFile(source)
    chunks = _hunks(lines[start:], start)
    if isinstance(chunks, BadPatch):
        return chunks
    if created:
        return _added(source, chunks)
    move_to = new if new not in {None, source} else None
    return UpdateFile(source, move_to, chunks) if chunks or move_to else None


def _named(head: Sequence[str], *prefixes: str) -> str | None:
    for prefix in prefixes:
        for line in head:
            if line.startswith(prefix):
                name = line.removeprefix(prefix).split("\t")[0].strip().strip('"')
                side = {"--- ": "a/", "+++ ": "b/"}.get(prefix, "")
                return name.removeprefix(side) if side else name
    return None


def _added(path: str, chunks: Sequence[Chunk]) -> AddFile:
    return AddFile(path, "".join(line + "\n" for chunk in chunks for line in chunk.new))


def _hunks(lines: Sequence[str], first: int) -> tuple[Chunk, ...] | BadPatch:
    chunks: list[Chunk] = []
    near, marked = 0, list[tuple[Mark, str]]()
    for n, line in enumerate([*lines, "@@ -0,0 +0,0 @@"]):
        header = _HUNK.match(line)
        if header:
            if marked:
                chunks.append(Chunk(_trimmed_end(marked), near=near))
            empty = header[2] == "0"
            near, marked = max(int(header[1]) - (not empty), 0), []
        elif line.startswith("\\"):
            continue
        elif line[:1] == "+":
            marked.append(("+", line[1:]))
        elif line[:1] == "-":
            marked.append(("-", line[1:]))
        elif line[:1] in {" ", ""}:
            marked.append((" ", line[1:]))
        else:
            return BadPatch("a line of a diff starts with ' ', '+' or '-'", first + n + 1)
    return tuple(chunks)


def _trimmed_end(lines: list[tuple[Mark, str]]) -> tuple[tuple[Mark, str], ...]:
    # An empty line after a hunk belongs to the message, not to the file.
    while len(lines) > 1 and lines[-1] == (" ", ""):
        lines.pop()
    return tuple(lines)
