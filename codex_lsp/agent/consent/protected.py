"""The question about files that configure tools or hold secrets: asked every time, in every mode,
whoever wants to change them, and answered by the person alone (E12).
"""

from __future__ import annotations

from pathlib import Path

from codex_lsp.agent.consent.actions import Denied, Permit, TouchProtected, covers

MOST_SHOWN = 50_000  # characters that a person can be asked to read


async def withheld(path: Path, preview: str | None, permit: Permit | None) -> str | None:
    """Why the change of `path` may not be made, as words that follow "and"; None if it may.

    `preview` shows all of the change; None where it is nothing to be read.
    """
    if preview is None or len(preview) > MOST_SHOWN:
        return "the change cannot be shown in full: the person has to make it"
    action = TouchProtected(path, preview)
    decision = Denied() if permit is None else await permit(action)
    if isinstance(decision, Denied):
        return f"the person said no{decision.reason and f': {decision.reason}'}"
    return None if covers(decision, action) else "something else was allowed"
