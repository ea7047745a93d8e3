"""Has the editor open a page of ours, or a place in a file, where it can.

A page to read is a document `codex:/<kind>/<name>` in clients that ask us for the text of such: it
cannot be left unsaved there. Elsewhere, and where the person writes on it, it is the file it is.
"""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from codex_lsp.lsp.capabilities import Client
from codex_lsp.lsp.connection.client import ClientFailure
from codex_lsp.lsp.person.messages import say
from codex_lsp.lsp.person.progress import Wire

SCHEME = "codex"
KINDS = ("answers", "diffs")
"""The folders of pages that are only read."""


class Screen(Protocol):
    """What is known of the client: a `Workbench` is one."""

    client: Client
    wire: Wire


async def show(screen: Screen, path: Path) -> bool:
    """Have the editor open a page of ours; False where it cannot, and the person is told of it."""
    if await open_at(screen, path.as_uri()):
        return True
    message = f"Codex wrote {path}"
    say(screen.wire, message)
    return False


async def show_page(screen: Screen, path: Path) -> bool:
    """Have the editor show a page that is only read; False where it cannot."""
    if screen.client.shows_documents and screen.client.content:
        return await open_at(screen, page_uri(path))
    return await show(screen, path)


async def show_growth(screen: Screen, path: Path) -> None:
    """A page that is shown as a document of ours has changed."""
    if screen.client.content:
        changed = {"uri": page_uri(path)}
        with suppress(ClientFailure):
            await screen.wire.ask("workspace/textDocumentContent/refresh", changed, timeout=10)


def page_uri(path: Path) -> str:
    """The address of a page as a document of ours."""
    return f"{SCHEME}:/{path.parent.name}/{path.name}"


def page_at(folder: Path, uri: str) -> Path | None:
    """The page below the state directory `folder` that `page_uri` names so; None if none."""
    named = re.fullmatch(rf"{SCHEME}:/({'|'.join(KINDS)})/(\w[\w.-]*)", uri, re.ASCII)
    return folder / named[1] / named[2] if named else None


async def open_at(screen: Screen, uri: str, selection: object = None) -> bool:
    """Have the editor show a file, at an LSP range; False where it cannot."""
    if not screen.client.shows_documents:
        return False
    asked: dict[str, object] = {"uri": uri, "external": False, "takeFocus": True}
    if selection is not None:
        asked["selection"] = selection
    try:
        answer = await screen.wire.ask("window/showDocument", asked, timeout=10)
    except ClientFailure:
        return False
    return isinstance(answer, dict) and answer.get("success") is True
