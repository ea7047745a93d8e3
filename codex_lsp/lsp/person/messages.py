"""Messages to the person, and messages with buttons: what every editor has in some form."""

from __future__ import annotations

from collections.abc import Iterable

from codex_lsp.lsp.person.progress import Wire

ERROR, WARNING, INFO = 1, 2, 3  # MessageType


def say(wire: Wire, message: str, kind: int = INFO) -> None:
    """Show `message`; nothing waits for it."""
    wire.notify("window/showMessage", {"type": kind, "message": message})


async def choose(
    wire: Wire,
    message: str,
    titles: Iterable[str],
    *,
    patience: float,
    kind: int = INFO,
) -> str | None:
    """The title that the person chose, None for none of them.

    Raises `ClientFailure` where the editor cannot ask, or nobody answered for `patience` seconds.
    """
    actions = [{"title": title} for title in titles]
    asked = {"type": kind, "message": message, "actions": actions}
    answer = await wire.ask("window/showMessageRequest", asked, timeout=patience)
    title = answer.get("title") if isinstance(answer, dict) else None
    return title if {"title": title} in actions else None
