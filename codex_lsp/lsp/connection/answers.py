"""What a command answers with, as a line to read: for clients that show people no answers.

It knows no command: a task says by itself how it goes on, and so does what has a message.
"""

from __future__ import annotations

from codex_lsp.lsp.connection.faults import Outcome

ERROR, INFO = 1, 3  # MessageType


def shown(outcome: Outcome) -> dict[str, object] | None:
    """The params of `window/showMessage` for the outcome of a command; None for nothing to say."""
    if outcome.failed:
        return {"type": ERROR, "message": f"Codex: {outcome.message}"}
    match outcome.value:
        case {"taskId": _} | {"ok": _} | {"message": _}:
            return None
        case {"files": list(rows)} | list(rows):
            found = "; ".join(map(_row, rows)) or "there is none."
            return {"type": INFO, "message": f"Codex: {found}"}
        case _:
            return None


def _row(row: object) -> str:
    """Its texts, but for what only a program reads."""
    if isinstance(row, dict):
        texts = [text for key, text in row.items() if key != "uri" and not key.endswith("Id")]
    else:
        texts = [row]
    return ", ".join(text for text in texts if isinstance(text, str) and text)
