"""Does what can be done next with hunks: makes what is proposed, takes back what landed, and makes
again what was taken back.

Each goes through the editor like any change: moved over what was typed since, or refused. Hunks of
one file that are for the same text go in one request. A state is what the editor proved.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import assert_never

from codex_lsp.agent.changes.undo import change_of
from codex_lsp.agent.ports import Applied, ChangeFile, Editor, Held, LeftOut, NotApplied
from codex_lsp.edits.text import TextEdit
from codex_lsp.workspace.ledger import Hunk, Ledger, Reversal, State, Undo

_DONE = {
    State.PROPOSED: State.LANDED,
    State.LANDED: State.UNDONE,
    State.UNDONE: State.LANDED,
}
"""The states that something can be done from, and the state when it is done."""
_GIVEN_UP = "the editor never answered"
UNWANTED = "you did not want it"
"""Why a hunk is dropped that the person decided against."""

Preview = Callable[[Sequence[ChangeFile]], Awaitable[Sequence[Applied | NotApplied | LeftOut]]]
"""Shows changes to the person, who says of each whether it is made; what became of each."""


@dataclass(frozen=True, slots=True)
class Advanced:
    """What came of it, in the order in which it was done."""

    done: tuple[Applied, ...]
    kept: tuple[NotApplied, ...]


async def advance(
    hunks: Sequence[Hunk], *, ledger: Ledger, editor: Editor, label: str, whole: bool = False
) -> Advanced:
    """Do the next step of each hunk that has one; what landed last is taken back first.

    Where one of a request meets what was typed, the others are done all the same, one by one;
    not if `whole`.
    """
    done: list[Applied] = []
    kept: list[NotApplied] = []
    for meant in _groups(hunks):
        # While others went, the person may have decided about these.
        group = [hunk for hunk in meant if ledger.find(hunk.id) == hunk and hunk.state in _DONE]
        if not group:
            continue
        outcomes = [await _advance(group, ledger, editor, label)]
        if len(group) > 1 and not whole and _meets_typing(outcomes[0]):
            outcomes = []
            for hunk in reversed(group):
                ledger.put(hunk)
                outcomes.append(await _advance([hunk], ledger, editor, label))
        done += [outcome for outcome in outcomes if isinstance(outcome, Applied)]
        kept += [outcome for outcome in outcomes if isinstance(outcome, NotApplied)]
    return Advanced(tuple(done), tuple(kept))


@dataclass(frozen=True, slots=True)
class Chosen(Advanced):
    """The same where the person had the choice: `left_out` is what they decided against."""

    left_out: tuple[LeftOut, ...]


async def choose(hunks: Sequence[Hunk], *, ledger: Ledger, preview: Preview) -> Chosen:
    """Let the person choose which of `hunks`, edits that are proposed still, are made."""
    asked = [hunk for hunk in hunks if ledger.find(hunk.id) == hunk]
    changes = [change_of(hunk.step) for hunk in asked]
    for hunk in asked:
        ledger.put(replace(hunk, state=State.SENT))
    settled = list(asked)
    try:
        outcomes = await preview([one for one in changes if isinstance(one, ChangeFile)])
        both = zip(asked, outcomes, strict=True)
        settled = [now for hunk, outcome in both for now in _settled([hunk], outcome)]
    finally:
        for hunk in settled:
            ledger.put(hunk)
    return Chosen(
        tuple(one for one in outcomes if isinstance(one, Applied)),
        tuple(one for one in outcomes if isinstance(one, NotApplied)),
        tuple(one for one in outcomes if isinstance(one, LeftOut)),
    )


async def _advance(
    group: Sequence[Hunk], ledger: Ledger, editor: Editor, label: str
) -> Applied | NotApplied | Held:
    for hunk in group:
        ledger.put(replace(hunk, state=State.SENT))
    settled = list(group)
    try:
        outcome = await editor.apply(change_of(_joined(group)), label=label)
        settled = list(_settled(group, outcome))
        if isinstance(outcome, NotApplied) and outcome.later is not None:
            outcome.later.add_done_callback(lambda later: _settle_late(group, later, ledger))
        return outcome
    finally:
        for hunk in settled:
            ledger.put(hunk)


def _meets_typing(outcome: Applied | NotApplied | Held) -> bool:
    return isinstance(outcome, NotApplied) and outcome.changed_meanwhile


def _settle_late(group: Sequence[Hunk], later: asyncio.Future[Applied], ledger: Ledger) -> None:
    """What the editor never answered was found to be made after all, or is given up."""
    given_up = later.cancelled() or later.exception() is not None
    settled = [replace(hunk, reason=_GIVEN_UP) for hunk in group]
    for hunk in settled if given_up else _settled(group, later.result()):
        if (now := ledger.find(hunk.id)) is not None and now.state is State.SENT:
            ledger.put(hunk)


def _settled(
    group: Sequence[Hunk], outcome: Applied | NotApplied | Held | LeftOut
) -> Iterator[Hunk]:
    match outcome:
        case Applied(undo=undo):
            for hunk, step in zip(group, _dealt(group, undo), strict=True):
                if step is None:
                    reason = "the text has it already"
                    yield replace(hunk, state=State.SUPERSEDED, reason=reason)
                else:
                    yield replace(hunk, state=_DONE[hunk.state], step=step, reason="")
        case NotApplied(reason=reason, later=later) if later is not None:
            yield from (replace(hunk, state=State.SENT, reason=reason) for hunk in group)
        case NotApplied(reason=reason, changed_meanwhile=changed):
            for hunk in group:
                lost = changed and hunk.state is State.PROPOSED
                state = State.REFUSED if lost else hunk.state
                yield replace(hunk, state=state, reason=reason)
        case LeftOut():
            yield from (replace(hunk, state=State.DROPPED, reason=UNWANTED) for hunk in group)
        case Held():
            yield from group
        case _:
            assert_never(outcome)


def taken_back_by(step: Undo, hunks: Sequence[Hunk]) -> list[Hunk]:
    """Those of landed `hunks` that `step` takes back, all at once."""
    return next((group for group in _groups(hunks) if _joined(group) == step), [])


def _groups(hunks: Sequence[Hunk]) -> Iterator[list[Hunk]]:
    """What can go in one request; the hunks of a group in the order of their places."""
    backward = any(hunk.state is State.LANDED for hunk in hunks)
    ordered = reversed(hunks) if backward else hunks
    for _, group in itertools.groupby(ordered, key=_request):
        yield sorted(group, key=lambda hunk: _edits(hunk)[:1])


def _request(hunk: Hunk) -> tuple[object, ...]:
    step = hunk.step
    if isinstance(step, Reversal):
        return step.path, step.base, hunk.state
    return (hunk.id,)


def _edits(hunk: Hunk) -> tuple[TextEdit, ...]:
    return hunk.step.edits if isinstance(hunk.step, Reversal) else ()


def _joined(group: Sequence[Hunk]) -> Undo:
    step = group[0].step
    if not isinstance(step, Reversal):
        return step
    return replace(step, edits=tuple(edit for hunk in group for edit in _edits(hunk)))


def _dealt(group: Sequence[Hunk], undo: Undo) -> Iterator[Undo | None]:
    """What leads back from each hunk of the group; None for one that was in the text already."""
    if not isinstance(undo, Reversal):
        yield undo
        return
    back = list(undo.edits)
    for hunk in group:
        own = [back.pop(0) for edit in _edits(hunk) if back and _leads_back(back[0], edit, undo)]
        yield replace(undo, edits=tuple(own)) if own else None


def _leads_back(back: TextEdit, edit: TextEdit, undo: Reversal) -> bool:
    """Whether `back` takes `edit` back; edits that were in the text already were not made."""
    return undo.base[back.start : back.end] == edit.new
