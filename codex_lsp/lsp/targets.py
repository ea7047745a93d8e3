"""What a command is about: its argument, checked by hand, over the place the person was last at.

Arguments may name the file by `uri` or by `path` (absolute, or relative to a workspace folder) and
the place by an LSP `range` or by `line` and `endLine` counted from 1, which is what editors whose
key bindings only know line numbers can say.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from codex_lsp.agent.context.lines import LineRange
from codex_lsp.agent.workplace import Place
from codex_lsp.lsp.connection.faults import Refused
from codex_lsp.lsp.editing.buffers import to_path
from codex_lsp.lsp.editing.documents import Document
from codex_lsp.lsp.editing.positions import range_lines
from codex_lsp.lsp.workbench import Location, Workbench


class BadArguments(Refused):
    """The argument cannot be used; `str()` says what it should look like."""


@dataclass(frozen=True, slots=True)
class Target:
    """A command's argument; a field is None where it was not given."""

    uri: str | None = None
    path: str | None = None
    lines: LineRange | None = None
    diagnostics: tuple[Mapping[str, object], ...] | None = None
    prompt: str | None = None
    preset: str | None = None
    task_id: str | None = None
    hunk_id: str | None = None
    server: str | None = None
    queue: bool = False
    thread_id: str | None = None


def parse_target(arguments: Sequence[object] | None) -> Target:
    """Read the arguments of `workspace/executeCommand`: nothing, or one JSON object."""
    given = one_object(arguments, '{"path": "src/main.py", "line": 3}')
    return Target(
        uri=_string(given, "uri"),
        path=_string(given, "path"),
        lines=_lines(given),
        diagnostics=_diagnostics(given.get("diagnostics")),
        prompt=_string(given, "prompt"),
        preset=_string(given, "preset"),
        task_id=_string(given, "taskId"),
        hunk_id=_string(given, "hunkId"),
        server=_string(given, "server"),
        queue=given.get("queue") is True,
        thread_id=_string(given, "threadId"),
    )


def one_object(arguments: Sequence[object] | None, example: str) -> Mapping[str, object]:
    """The one JSON object that a command takes; empty where nothing was given."""
    if not arguments:
        return {}
    given = arguments[0]
    if len(arguments) != 1 or not isinstance(given, Mapping):
        raise BadArguments(f"Give one JSON object, for example {example}.")
    return given


def find(bench: Workbench, target: Target) -> tuple[Document, Place]:
    """The document and place that a command is about; raises `BadArguments`."""
    uri = target.uri or _uri_of(bench, target.path) or (bench.last.uri if bench.last else None)
    if uri is None:
        raise BadArguments('Name a file: {"path": "src/main.py", "line": 3}.')
    document = bench.documents.get(uri)
    if document is None:
        raise BadArguments(f"{_name(uri)} is not open here: open it in the editor first.")
    path = to_path(uri)
    if path is None:
        raise BadArguments("Save the buffer once, so that it has a file name.")
    lines = target.lines
    if lines is None:
        lines = bench.last.lines if bench.last and bench.last.uri == uri else LineRange(0, 1)
    bench.last = Location(uri, lines)
    return document, Place(path, lines, document.language_id)


def _lines(given: Mapping[str, object]) -> LineRange | None:
    if "range" in given:
        lines = range_lines(given["range"])
        if lines is None:
            raise BadArguments('"range" has to be an LSP range with "start" and "end".')
        return lines
    first = _line_number(given, "line")
    if first is None:
        return None
    last = _line_number(given, "endLine") or first
    return LineRange(min(first, last) - 1, max(first, last))


def _line_number(given: Mapping[str, object], key: str) -> int | None:
    value = given.get(key)
    if value is None:
        return None
    # Editors that fill in a template send numbers as text.
    if isinstance(value, str) and value.strip().isdigit():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise BadArguments(f'"{key}" has to be a line number, counted from 1.')
    return value


def _string(given: Mapping[str, object], key: str) -> str | None:
    value = given.get(key)
    if value is not None and not isinstance(value, str):
        raise BadArguments(f'"{key}" has to be a string.')
    return value or None


def _diagnostics(value: object) -> tuple[Mapping[str, object], ...] | None:
    if value is None:
        return None
    if not isinstance(value, list):
        raise BadArguments('"diagnostics" has to be a list of LSP diagnostics.')
    return tuple(entry for entry in value if isinstance(entry, Mapping))


def _uri_of(bench: Workbench, raw: str | None) -> str | None:
    """The open document that `raw` means."""
    if raw is None:
        return None
    document = bench.buffers.named(raw, (*bench.roots, Path.cwd()))
    if document is None:
        raise BadArguments(f"{raw} is not open here: open it in the editor first.")
    return document.uri


def _name(uri: str) -> str:
    return uri.rpartition("/")[2]
