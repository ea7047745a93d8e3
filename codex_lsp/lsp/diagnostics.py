"""Our view of the problems in each document: what other servers reported, as far as we are told.

Two sources: the context of a code action request, and the feed `codex/didChangeDiagnostics` of
clients that can send it. Nothing is checked by us, and nothing is guessed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from codex_lsp.agent.context.lines import LineRange
from codex_lsp.agent.prompt import Problem
from codex_lsp.lsp.editing.positions import range_lines

Diagnostic = Mapping[str, object]

SEVERITIES = {1: "error", 2: "warning", 3: "information", 4: "hint"}


class Diagnostics:
    """The last fed diagnostics of each document, by the URI as the client spells it."""

    def __init__(self) -> None:
        self._fed: dict[str, tuple[Diagnostic, ...]] = {}
        self._seen: dict[str, tuple[Diagnostic, ...]] = {}

    def feed(self, uri: str, diagnostics: Sequence[object]) -> None:
        """Replace what is known of `uri`; entries without range or message are passed over."""
        usable = [
            entry
            for entry in diagnostics
            if isinstance(entry, Mapping)
            and isinstance(entry.get("message"), str)
            and range_lines(entry.get("range")) is not None
        ]
        self._fed[uri] = tuple(usable)

    def forget(self, uri: str) -> None:
        """The document was closed."""
        self._fed.pop(uri, None)
        self._seen.pop(uri, None)

    def reported(self, uri: str) -> tuple[Diagnostic, ...] | None:
        """What was fed of `uri`, or else what the last menu there came with; None if nothing was.

        A menu comes with the problems at its place alone, so that none of them means nothing.
        """
        return self._fed.get(uri, self._seen.get(uri))

    def known(self, uri: str, context: Sequence[Diagnostic] = ()) -> tuple[Diagnostic, ...]:
        """All that is known of `uri`, with what a request's `context` adds to it."""
        fed = self._fed.get(uri, ())
        context = [entry for entry in context if not _is_ours(entry)]
        if context:
            self._seen[uri] = tuple(context)
        seen = {_identity(entry) for entry in fed}
        return (*fed, *(entry for entry in context if _identity(entry) not in seen))


def touching(diagnostics: Sequence[Diagnostic], lines: LineRange) -> tuple[Diagnostic, ...]:
    """Those that share a line with `lines`."""
    found = []
    for entry in diagnostics:
        own = range_lines(entry.get("range"))
        if own is not None and own.start < lines.end and lines.start < own.end:
            found.append(entry)
    return tuple(found)


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


def _is_ours(entry: Diagnostic) -> bool:
    """What waits for the person (a hunk, a question) is no problem to fix.

    Not every client gives `data` back.
    """
    data = entry.get("data")
    return entry.get("source") == "Codex" or (isinstance(data, Mapping) and "hunkId" in data)


def _identity(entry: Diagnostic) -> tuple[object, ...]:
    lines = range_lines(entry.get("range"))
    return (lines, entry.get("message"), entry.get("source"))


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
