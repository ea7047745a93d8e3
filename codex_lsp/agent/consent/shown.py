"""The question whether a change may be made, which shows all of it: where files configure tools or
hold secrets every time, in every mode, whoever wants to change them (E12); else as the policy says.
"""

from __future__ import annotations

from codex_lsp.agent.consent.actions import ChangeFiles, Denied, Permit, TouchProtected, covers

MOST_SHOWN = 50_000  # characters that a person can be asked to read


async def withheld(change: TouchProtected | ChangeFiles | None, permit: Permit | None) -> str:
    """Why the change may not be made, as words that follow "and"; "" if it may.

    None is a change that is nothing to be read.
    """
    if change is None or len(change.preview) > MOST_SHOWN:
        return "the change cannot be shown in full: the person has to make it"
    decision = Denied() if permit is None else await permit(change)
    if isinstance(decision, Denied):
        return f"the person said no{decision.reason and f': {decision.reason}'}"
    return "" if covers(decision, change) else "something else was allowed"
