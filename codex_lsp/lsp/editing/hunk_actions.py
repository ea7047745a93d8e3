"""What a person can do with a hunk: one table, for the code actions and for the commands."""

from __future__ import annotations

from dataclasses import dataclass

from codex_lsp.workspace.ledger import State

FIX, SOURCE = "quickfix.codex.hunk", "source.codex.hunks"


@dataclass(frozen=True, slots=True)
class HunkAction:
    """`command` on a hunk in one of `states`. Fixes are offered unasked, too.

    `lens`: what it is called above the hunk, where it is a code lens as well.
    """

    command: str
    title: str
    kind: str
    states: frozenset[State]
    lens: str | None = None


def _action(
    command: str, title: str, kind: str, *states: State, lens: str | None = None
) -> HunkAction:
    return HunkAction(command, f"Codex: {title}", kind, frozenset(states), lens)


_WAITS = State.PROPOSED, State.REFUSED
HUNK_ACTIONS = (
    _action("codex.hunk.accept", "keep this change", FIX, State.PROPOSED, lens="Keep"),
    _action("codex.hunk.reject", "undo this change", FIX, State.PROPOSED, lens="Undo"),
    _action("codex.hunk.reject", "dismiss this suggestion", FIX, State.REFUSED),
    _action("codex.hunk.explain", "explain this change", FIX, *_WAITS),
    _action("codex.hunk.redo", "redo this change with a note…", FIX, *_WAITS),
    _action("codex.hunk.undo", "undo what was changed here", SOURCE, State.LANDED),
    _action("codex.hunk.accept", "make this change again", SOURCE, State.UNDONE),
    _action("codex.hunk.explain", "explain what was changed here", SOURCE, State.LANDED),
    _action("codex.hunk.diff", "show this change as a diff", SOURCE, *_WAITS, State.LANDED),
)


def states_for(command: str) -> tuple[State, ...]:
    """The states of the hunks that `command` is for."""
    found = {state for row in HUNK_ACTIONS if row.command == command for state in row.states}
    return tuple(state for state in State if state in found)
