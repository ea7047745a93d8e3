"""What an editor can show about our files while they are written: hover and completion, from the
one table of the schema. Pure text: places are offsets in characters.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from codex_lsp.config import schema
from codex_lsp.config.check import dotted
from codex_lsp.config.schema import ANY, Key
from codex_lsp.config.toml_text import Path, Place, places, section_at

File = Literal["config.toml", "AGENTS.md", ".codexignore"]

_HEADER = re.compile(r"^\s*\[+\s*([^\]]*)$")
_KEY = re.compile(
    r"""^\s*((?:[\w\-]+|"[^"]*"|'[^']*')?(?:\s*\.\s*(?:[\w\-]+|"[^"]*"|'[^']*')?)*)$"""
)
_HERE = re.compile(r"[\w\-]*$")


@dataclass(frozen=True, slots=True)
class Note:
    """Markdown about `[start, end)`."""

    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Suggestion:
    """`insert` goes in place of `[start, offset)`."""

    label: str
    insert: str
    doc: str
    start: int
    kind: Literal["key", "table", "value"] = "key"


def note_at(file: File, text: str, offset: int) -> Note | None:
    """What is known of the thing at `offset`."""
    if file != "config.toml":
        start, end = _line(text, offset)
        line = text[start:end].strip()
        entries = dict(schema.ENTRIES[file])
        doc = entries.get(line) or schema.FILES[file]
        return Note(f"**{file}**: {doc}", start, end)
    for place in reversed(places(text)):
        first, last = place.value or (place.start, place.end)
        if place.start <= offset < place.end or (place.value and first <= offset < last):
            key = schema.find(_meant(place.path))
            if key is not None and not key.path.endswith(ANY):
                return Note(_described(key), place.start, place.end)
            if place.start <= offset < place.end:
                return None
    return None


def suggestions(file: File, text: str, offset: int) -> list[Suggestion]:
    """What may stand at `offset`."""
    start, end = _line(text, offset)
    before = text[start:offset]
    if file != "config.toml":
        if before.strip(" \t") and not any(e.startswith(before) for e, _ in schema.ENTRIES[file]):
            return []
        return [Suggestion(entry, entry, doc, start) for entry, doc in schema.ENTRIES[file]]
    if before.lstrip().startswith("#"):
        return []
    found = places(text)
    if (inside := _value_at(found, start, offset)) is not None:
        return _values(text, inside, offset)
    if header := _HEADER.match(before):
        return _keys((), header[1], offset, tables=True)
    if written := _KEY.match(before):
        section = section_at(found, start)
        plain = "=" in text[offset:end]
        return _keys(section, written[1], offset, assign=not plain)
    return []


def _keys(
    above: Path, written: str, offset: int, *, tables: bool = False, assign: bool = False
) -> list[Suggestion]:
    *parents, typed = [part.strip().strip("\"'") for part in written.split(".")]
    inner = _HERE.search(written)
    start = offset - (len(inner[0]) if inner else 0)
    found = []
    for key in schema.under(_meant((*above, *parents, typed))[:-1]):
        name = key.parts[-1]
        if name == ANY or (tables and not key.is_table) or not name.startswith(typed):
            continue
        insert = f"{name} = " if assign and not key.is_table else name
        kind: Literal["key", "table"] = "table" if key.is_table else "key"
        found.append(Suggestion(name, insert, _described(key), start, kind))
    return found


def _values(text: str, place: Place, offset: int) -> list[Suggestion]:
    key = schema.find(_meant(place.path))
    if key is None or place.value is None:
        return []
    start = min(place.value[0], offset)
    quote = text[start : start + 1]
    closed = place.value[1] > offset
    values = key.choices or (("true", "false") if key.kind == "flag" else ())
    found = []
    for value in values:
        if key.kind == "flag":
            insert = value
        else:
            mark = quote if quote in {'"', "'"} else '"'
            insert = f"{mark}{value}" if closed and quote == mark else f"{mark}{value}{mark}"
        doc = f"{key.doc} Default: {key.default}." if value == key.default else key.doc
        found.append(Suggestion(value, insert, doc, start, "value"))
    return found


def _value_at(found: Sequence[Place], line: int, offset: int) -> Place | None:
    """The key whose value is written at `offset`, on the line that starts at `line`."""
    for place in reversed(found):
        if place.value is not None and place.start >= line and place.end < offset:
            if place.value[0] <= offset <= place.value[1]:
                return place
            # Nothing is written yet: `key = ` and the cursor.
            if place.value[0] == place.value[1] and offset >= place.end + 1:
                return Place(place.path, place.start, place.end, (offset, offset))
    return None


def _described(key: Key) -> str:
    """A row of the schema as Markdown."""
    facts = [f"**`{dotted(key.parts).replace(chr(34), '')}`** ({key.kind})", key.doc]
    if key.choices:
        facts.append("One of " + ", ".join(f"`{choice}`" for choice in key.choices) + ".")
    if key.default:
        facts.append(f"Default: {key.default}.")
    if not key.heeded:
        facts.append("Only the Codex CLI heeds it.")
    if not key.project:
        facts.append("Not taken from a project's own file.")
    return "\n\n".join(facts)


def _meant(path: Path) -> Path:
    """A profile holds what the top may hold."""
    return path[2:] if path[:1] == ("profiles",) and len(path) > 2 else path  # noqa: PLR2004 - below the profile's name


def _line(text: str, offset: int) -> tuple[int, int]:
    start = text.rfind("\n", 0, offset) + 1
    end = text.find("\n", offset)
    return start, len(text) if end < 0 else end
