"""What a command is about: its argument, checked by hand, over the place the person was last at.

Arguments may name the file by `uri` or by `path` (absolute, or relative to a workspace folder) and
the place by an LSP `range` or by `line` and `endLine` counted from 1, which is what editors whose
key bindings only know line numbers can say.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from codex_lsp.agent.context.lines import LineRange
from codex_lsp.agent.prompt import Problem
from codex_lsp.lsp.connection.faults import Refused

SEVERITIES = {1: "error", 2: "warning", 3: "information", 4: "hint"}


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


def problems(diagnostics: Sequence[Mapping[str, object]]) -> tuple[Problem, ...]:
    """LSP diagnostics as the agent knows them; malformed ones are passed over."""
    found = []
    for diagnostic in diagnostics:
        lines = range_lines(diagnostic.get("range"))
        message = diagnostic.get("message")
        if lines is None or not isinstance(message, str):
            continue
        found.append(
            Problem(
                message=message,
                line=lines.start + 1,
                severity=_severity(diagnostic.get("severity")),
                source=_plain(diagnostic.get("source")),
                code=_plain(diagnostic.get("code")),
                related=tuple(_related(diagnostic.get("relatedInformation"))),
            )
        )
    return tuple(found)


def range_lines(value: object) -> LineRange | None:
    """The lines that an LSP range touches; one that ends at a line's start does not touch it."""
    start, end = _position(value, "start"), _position(value, "end")
    if start is None or end is None:
        return None
    last = end[0] if end[1] > 0 or end[0] == start[0] else end[0] - 1
    return LineRange(start[0], max(last, start[0]) + 1)


def _position(value: object, key: str) -> tuple[int, int] | None:
    position = value.get(key) if isinstance(value, Mapping) else None
    if not isinstance(position, Mapping):
        return None
    line, character = position.get("line"), position.get("character")
    if not isinstance(line, int) or not isinstance(character, int) or line < 0:
        return None
    return line, character


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


def _severity(value: object) -> str:
    return SEVERITIES.get(value, "error") if isinstance(value, int) else "error"


def _plain(value: object) -> str:
    return str(value) if isinstance(value, str | int) else ""


def _related(value: object) -> list[str]:
    found = []
    for entry in value if isinstance(value, list) else []:
        location = entry.get("location") if isinstance(entry, Mapping) else None
        if not isinstance(location, Mapping) or not isinstance(entry.get("message"), str):
            continue
        lines = range_lines(location.get("range"))
        name = _plain(location.get("uri")).rpartition("/")[2]
        found.append(f"{name}:{lines.start + 1 if lines else '?'}: {entry['message']}")
    return found
