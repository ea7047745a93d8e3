"""Has the editor open a page of ours, or a place in a file, where it can."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from codex_lsp.lsp.capabilities import Client
from codex_lsp.lsp.connection.client import ClientFailure
from codex_lsp.lsp.person.messages import say
from codex_lsp.lsp.person.progress import Wire


class Screen(Protocol):
    """What is known of the client: a `Workbench` is one."""

    client: Client
    wire: Wire


async def show(screen: Screen, path: Path) -> bool:
    """Have the editor open a page of ours; False where it cannot."""
    if not screen.client.shows_documents:
        message = f"Codex wrote {path}"
        say(screen.wire, message)
        return False
    return await open_at(screen, path.as_uri())


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
