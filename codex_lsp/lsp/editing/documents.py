"""The open documents as the editor last said they are: the mirror that every edit is checked with.

Fed with the plain params of didOpen, didChange and didClose, without pygls: one didChange with
hundreds of ranges costs milliseconds. It says what the text is now and who wants to know; files
that are not open, and what the agent may do with any of it, are not its business.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from codex_lsp.lsp.editing.positions import Encoding, column_index, column_indices, split_lines

if TYPE_CHECKING:
    from codex_lsp.lsp.editing.trail import Trail

log = logging.getLogger(__name__)
_STEPS = 1_000  # changes of a document that are remembered, at least
_STEP_CHARACTERS = 1_000_000
_NEVER = 1 << 40


@dataclass(frozen=True, slots=True)
class Document:
    """One open document at one moment."""

    uri: str
    language_id: str
    version: int | None
    """As the client counts: it may start at 0 and jump. Compare it, never compute with it."""
    text: str
    number: int = field(default=0, compare=False)
    """Of the changes of all documents, how many came before it: for `Documents.since`."""


@dataclass(frozen=True, slots=True)
class DocumentEvent:
    """Something happened to the document at `uri`; `Documents.get` has what it is now."""

    kind: Literal["opened", "changed", "closed"]
    uri: str


Listener = Callable[[DocumentEvent], object]


@dataclass(frozen=True, slots=True)
class _Change:
    range: tuple[int, int, int, int] | None
    text: str


@dataclass(slots=True)
class _Open:
    language_id: str
    version: int | None
    lines: list[str]
    number: int
    steps: list[_Change] = field(default_factory=list)  # the last of them, each one a number
    weight: int = 0  # characters of `steps`
    snapshot: Document | None = None


@dataclass(slots=True, eq=False)
class _Wait:
    uri: str
    predicate: Callable[[Document | None], bool]
    done: asyncio.Future[Document | None] = field(default_factory=asyncio.Future)


class Documents:
    """The open documents by URI, exactly as the client spells it.

    `unordered`: the client sends whole texts, and one may be overtaken by a newer one on the way
    (see `offer.sync_kind`). It is passed over. What any other client sends last is what counts.
    """

    def __init__(self, encoding: Encoding, *, unordered: bool = False) -> None:
        self.encoding: Encoding = encoding
        self._unordered = unordered
        self._open: dict[str, _Open] = {}
        self._listeners: list[Listener] = []
        self._waits: list[_Wait] = []
        self._opened = 0

    def get(self, uri: str) -> Document | None:
        """The document at `uri` as it is now; None if it is not open."""
        if (entry := self._open.get(uri)) is None:
            return None
        if entry.snapshot is None:
            text = "".join(entry.lines)
            entry.snapshot = Document(uri, entry.language_id, entry.version, text, entry.number)
        return entry.snapshot

    def since(self, document: Document) -> Trail | None:
        """How `document` became what it is now; None where that is not known (any more)."""
        entry = self._open.get(document.uri)
        count = -1 if entry is None else entry.number - document.number
        if entry is None or not 0 <= count <= len(entry.steps):
            return None
        from codex_lsp.lsp.editing.trail import Trail

        steps = entry.steps[len(entry.steps) - count :]
        return Trail(document.text, tuple((step.range, step.text) for step in steps), self.encoding)

    def lines(self, uri: str, start: int, end: int) -> str:
        """Lines `[start, end)` of the document at `uri`; empty if it is not open."""
        entry = self._open.get(uri)
        return "" if entry is None else "".join(entry.lines[start:end])

    def uris(self) -> list[str]:
        """The URIs of all open documents, in the order of opening."""
        return list(self._open)

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Call `listener` after every event, synchronously; the result ends that."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    async def wait_for(
        self,
        uri: str,
        predicate: Callable[[Document | None], bool],
        timeout: float,  # noqa: ASYNC109  every wait for the client has its deadline in the call
    ) -> Document | None:
        """The document at `uri` once `predicate` holds for it; None stands for "not open".

        Asks at once and after each event. Raises TimeoutError after `timeout` seconds.
        """
        now = self.get(uri)
        if predicate(now):
            return now
        wait = _Wait(uri, predicate)
        self._waits.append(wait)
        try:
            async with asyncio.timeout(timeout):
                return await wait.done
        finally:
            self._waits.remove(wait)

    def did_open(self, params: dict[str, Any]) -> None:
        """Take `DidOpenTextDocumentParams`. Opening again replaces the text (Eglot does it)."""
        try:
            item = params["textDocument"]
            uri, text = _string(item["uri"]), _string(item["text"])
            self._opened += _NEVER  # so that no number of an earlier opening is near
            lines = split_lines(text)
            entry = _Open(_string(item["languageId"]), _version(item), lines, self._opened)
        except (LookupError, TypeError, ValueError):
            log.error("didOpen has not the shape of its params; ignored")  # noqa: TRY400  the values are the person's text
            return
        self._open[uri] = entry
        self._tell("opened", uri)

    def did_change(self, params: dict[str, Any]) -> None:
        """Take `DidChangeTextDocumentParams`: all of its changes, or none if one is no change."""
        try:
            uri = _string(params["textDocument"]["uri"])
            version = _version(params["textDocument"])
            changes = [_read_change(change) for change in params["contentChanges"]]
        except (LookupError, TypeError, ValueError):
            log.error("didChange has not the shape of its params; ignored")  # noqa: TRY400  see did_open
            return
        if (entry := self._open.get(uri)) is None:
            log.warning("didChange for a document that is not open; ignored")
            return
        whole = self._unordered and all(one.range is None for one in changes)
        if whole and _overtaken(version, entry.version):
            return
        for change in changes:
            if change.range is None:
                entry.lines = split_lines(change.text)
            else:
                _replace(entry.lines, change.range, change.text, self.encoding)
        entry.version, entry.snapshot = version, None
        _remember(entry, changes)
        self._tell("changed", uri)

    def did_close(self, params: dict[str, Any]) -> None:
        """Take `DidCloseTextDocumentParams`."""
        item = params.get("textDocument")
        uri = item.get("uri") if isinstance(item, dict) else None
        if not isinstance(uri, str) or self._open.pop(uri, None) is None:
            log.warning("didClose for a document that is not open; ignored")
            return
        self._tell("closed", uri)

    def _tell(self, kind: Literal["opened", "changed", "closed"], uri: str) -> None:
        for wait in [wait for wait in self._waits if wait.uri == uri and not wait.done.done()]:
            if wait.predicate(now := self.get(uri)):
                wait.done.set_result(now)
        for listener in list(self._listeners):
            listener(DocumentEvent(kind, uri))


def _overtaken(version: int | None, known: int | None) -> bool:
    return version is not None and known is not None and version < known


def _remember(entry: _Open, changes: Sequence[_Change]) -> None:
    """Keep what a turn may want to know of the steps, and no more."""
    entry.number += len(changes)
    for change in changes:
        if change.range is None:
            entry.steps, entry.weight = [], 0
            continue
        entry.steps.append(change)
        entry.weight += len(change.text)
    if len(entry.steps) > 2 * _STEPS or entry.weight > _STEP_CHARACTERS:
        del entry.steps[: -_STEPS if entry.weight <= _STEP_CHARACTERS else None]
        entry.weight = sum(len(step.text) for step in entry.steps)


def _read_change(change: Any) -> _Change:
    text = _string(change["text"])
    where = change.get("range")
    if where is None:
        return _Change(None, text)
    start, end = where["start"], where["end"]
    first = _count(start["line"]), _count(start["character"])
    last = _count(end["line"]), _count(end["character"])
    if last < first:
        first, last = last, first
    return _Change((*first, *last), text)


def _replace(
    lines: list[str], where: tuple[int, int, int, int], text: str, encoding: Encoding
) -> None:
    """Replace a range in `lines`, which stay split as `split_lines` would split the new text."""
    (first, first_column), (last, last_column) = _places(lines, where, encoding)
    new = f"{lines[first][:first_column]}{text}{lines[last][last_column:]}"
    within = first == last and "\n" not in text and "\r" not in text
    if new.startswith("\n") and first > 0 and lines[first - 1].endswith("\r"):
        first -= 1  # a CR and the LF that now follows it are one line end
        new = lines[first] + new
    elif within:
        lines[first] = new  # without a look for line ends in what may be a line of 2 MB
        return
    pieces = split_lines(new)
    if last + 1 < len(lines):
        pieces.pop()  # what follows the last line end here is the next line, which stays
    lines[first : last + 1] = pieces


def _places(
    lines: list[str], where: tuple[int, int, int, int], encoding: Encoding
) -> tuple[tuple[int, int], tuple[int, int]]:
    line = where[0]
    if line == where[2] < len(lines):
        start, end = column_indices(lines[line], where[1], where[3], encoding)
        return (line, start), (line, end)
    return _place(lines, where[0], where[1], encoding), _place(lines, where[2], where[3], encoding)


def _place(lines: list[str], line: int, character: int, encoding: Encoding) -> tuple[int, int]:
    if line >= len(lines):
        return len(lines) - 1, len(lines[-1])
    return line, column_index(lines[line], character, encoding)


def _string(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _count(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise TypeError
    return value


def _version(item: dict[str, Any]) -> int | None:
    version = item.get("version")
    return version if isinstance(version, int) else None
