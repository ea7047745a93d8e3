"""The base protocol's framing: bytes in, message bodies out, and back.

Pure: no I/O, so the same code is fuzzed in tests and runs in the reader thread. It knows nothing
of JSON. Garbage between frames is skipped up to the next `Content-Length`, wherever that stands in
a line, so one broken frame costs one message and not the session.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

MAX_BODY = 64 * 1024 * 1024
"""Bytes. More than any editor sends; a larger claim is a broken or hostile client."""

_MAX_LINE = 8 * 1024
_TAIL = 64  # enough to keep a `Content-Length: N` that garbage was cut inside of
_LENGTH = re.compile(rb"content-length[ \t]*:[ \t]*([0-9]+)[ \t]*\Z", re.IGNORECASE)
_HEADER = re.compile(rb"[!#-'*+.0-9A-Z^-z|~-]+[ \t]*:")


class Oversize(Exception):
    """A frame claims more than `MAX_BODY` bytes. The stream cannot be trusted after it."""


class Framer:
    """Cuts a byte stream into bodies. `noise` counts the header lines that were no headers."""

    def __init__(self) -> None:
        self.noise = 0
        self._buffer = bytearray()
        self._scanned = 0
        self._length: int | None = None
        self._in_body = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The bodies that `data` completes, in order. Raises `Oversize`."""
        self._buffer += data
        while True:
            if self._in_body:
                length = self._length or 0
                if len(self._buffer) < length:
                    return
                body = bytes(self._buffer[:length])
                del self._buffer[:length]
                self._length, self._in_body = None, False
                yield body
            elif (line := self._take_line()) is None:
                return
            else:
                self._read_header(line)

    def _take_line(self) -> bytes | None:
        end = self._buffer.find(b"\n", self._scanned)
        if end < 0:
            if len(self._buffer) > _MAX_LINE:
                self.noise += 1
                del self._buffer[:-_TAIL]
            self._scanned = len(self._buffer)
            return None
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        self._scanned = 0
        return line.removesuffix(b"\r")

    def _read_header(self, line: bytes) -> None:
        if not line:
            self._in_body = self._length is not None
        elif found := _LENGTH.search(line):
            digits = found[1].lstrip(b"0") or b"0"
            if len(digits) > len(str(MAX_BODY)) or int(digits) > MAX_BODY:
                raise Oversize(f"a frame of {digits[:20].decode()} bytes; the limit is {MAX_BODY}")
            self._length = int(digits)
        elif not _HEADER.match(line):
            self.noise += 1


def frame(body: bytes) -> bytes:
    """`body` with the header that goes before it."""
    return b"Content-Length: %d\r\n\r\n%b" % (len(body), body)
