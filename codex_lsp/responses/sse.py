"""Splits bytes into server-sent events, whatever chunks they come in.

A line ends at CR, LF or CRLF and nowhere else: JSON may hold U+2028, U+0085 or a form feed raw,
where splitters of text lines would cut it. Of the fields only `event` and `data` matter here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_BOM = b"\xef\xbb\xbf"
_LINE_END = re.compile(rb"\r\n|\r|\n")


@dataclass(frozen=True, slots=True)
class ServerEvent:
    """One event that had data: its lines, joined by LF. `name` is empty if none was given."""

    name: str
    data: bytes


class EventTooLarge(Exception):
    """An event, or a line of one, outgrew the limit."""


class EventSplitter:
    """Feed it chunks in order; an event that is not ended by an empty line never comes out.

    `limit` bounds the bytes held for one event, so that a server cannot fill the memory.
    """

    def __init__(self, limit: int = 16 * 2**20) -> None:
        self._limit = limit
        self._held = 0
        self._line: list[bytes] = []
        self._data: list[bytes] = []
        self._name = ""
        self._first = True
        self._after_cr = False

    def feed(self, chunk: bytes) -> list[ServerEvent]:
        """The events that `chunk` completes; raises `EventTooLarge`."""
        if self._after_cr and chunk:
            # The CR ended the line already; an LF here belongs to it.
            self._after_cr = False
            chunk = chunk.removeprefix(b"\n")
        if not chunk:
            return []
        self._after_cr = chunk.endswith(b"\r")
        *ended, rest = _LINE_END.split(chunk) if b"\r" in chunk else chunk.split(b"\n")
        events: list[ServerEvent] = []
        for piece in ended:
            self._hold(piece)
            line = b"".join(self._line)
            self._line.clear()
            if (event := self._take(line)) is not None:
                events.append(event)
        self._hold(rest)
        return events

    def _hold(self, piece: bytes) -> None:
        self._held += len(piece)
        if self._held > self._limit:
            raise EventTooLarge(f"an event of more than {self._limit} bytes")
        if piece:
            self._line.append(piece)

    def _take(self, line: bytes) -> ServerEvent | None:
        if self._first:
            self._first = False
            line = line.removeprefix(_BOM)
        if not line:
            return self._dispatch()
        field, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if field == b"data":
            self._data.append(value)
        else:
            self._held -= len(line)  # comments without end must not add up
            if field == b"event":
                self._name = value.decode("utf-8", "replace")
        return None

    def _dispatch(self) -> ServerEvent | None:
        event = ServerEvent(self._name, b"\n".join(self._data)) if self._data else None
        self._name = ""
        self._data.clear()
        self._held = 0
        return event
