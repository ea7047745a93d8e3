"""`view_image`: shows the model a picture of the workspace, known by its first bytes, not its name.

A picture is sent as it is: nothing is scaled or converted.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

from codex_lsp.agent.conversation import FunctionTool, Image
from codex_lsp.agent.ports import Snapshots
from codex_lsp.agent.tools.arguments import BadCall, arguments_of, needed
from codex_lsp.agent.tools.tool import Answer
from codex_lsp.workspace import containment, places
from codex_lsp.workspace.containment import Outside
from codex_lsp.workspace.ignore import ignored
from codex_lsp.workspace.snapshot import Snapshot

MOST_BYTES = 8 * 1024 * 1024

SPEC = FunctionTool(
    name="view_image",
    description="Shows you an image file of the workspace (PNG, JPEG, GIF or WebP).",
    parameters={
        "type": "object",
        "properties": {
            "path": {"type": "string", "description": "Path relative to the workspace."},
        },
        "required": ["path"],
        "additionalProperties": False,
    },
)


class ViewImage:
    """The tool for one turn; reads the file as it is when called."""

    spec = SPEC
    reads_only = True

    def __init__(self, snapshots: Snapshots) -> None:
        self._snapshots = snapshots

    async def run(self, arguments: str) -> Answer:
        """Answer with the picture, or with why there is none."""
        try:
            path = needed(arguments_of(arguments), "path")
        except BadCall as error:
            return Answer(f"view_image: {error}")
        found = await asyncio.to_thread(_look, self._snapshots(), path)
        if isinstance(found, str):
            return Answer(f"view_image: {found}")
        return Answer("", images=(found,))


def _look(snapshot: Snapshot, raw: str) -> Image | str:
    """The picture at `raw`, or why it is not shown."""
    place = containment.resolve(raw, snapshot.roots)
    if isinstance(place, Outside):
        return place.reason
    if place.protected:
        return f"{raw} is protected and is not sent"
    if reason := ignored(place.path, place.root, is_open=False):
        return reason
    return _read(place.path, raw)


def _read(path: Path, raw: str) -> Image | str:
    try:
        data = places.read(path, MOST_BYTES)
    except FileNotFoundError:
        return f"{raw} does not exist"
    except OSError as error:
        return f"{raw} cannot be read: {error.strerror}"
    if len(data) > MOST_BYTES:
        return f"{raw} is larger than {MOST_BYTES >> 20} MiB"
    media = media_type(data)
    return f"{raw} is no PNG, JPEG, GIF or WebP" if media is None else Image(media, data)


def media_type(data: bytes) -> str | None:
    """The type of a picture by its first bytes; None if it is none that models take."""
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if data.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if data.startswith((b"GIF87a", b"GIF89a")):
        return "image/gif"
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return "image/webp"
    return None
