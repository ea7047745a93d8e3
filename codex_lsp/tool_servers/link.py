"""What a session speaks over: two streams of messages, and why they ended."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from mcp.shared._stream_protocols import ReadStream, WriteStream
from mcp.shared.message import SessionMessage


@dataclass(frozen=True, slots=True)
class Link:
    """`ended` comes true, with the reason as a clause, when the other side has gone by itself."""

    read: ReadStream[SessionMessage | Exception]
    write: WriteStream[SessionMessage]
    ended: asyncio.Future[str] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )
