"""Hunks are made, taken back and made again under typing; and each rule, broken, is noticed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from codex_lsp.agent.changes import hunks as engine
from codex_lsp.agent.changes.hunks import Advanced, advance
from codex_lsp.agent.ports import Applied, Change, ChangeFile, Editor, NotApplied
from codex_lsp.edits.diff import diff
from codex_lsp.edits.rebase import Conflict, rebase
from codex_lsp.edits.text import apply_edits, invert
from codex_lsp.workspace.ledger import Hunk, Ledger, Reversal, State

PATH = Path("/w/a.py")
OLD = "one\ntwo\nthree\nfour\nfive\n"
NEW = "ONE\ntwo\nTHREE\nfour\nFIVE\n"


class Buffer:
    """An editor of one text; `sends` counts requests, and `willing` says whether it takes any."""

    def __init__(self, text: str = OLD) -> None:
        self.text = text
        self.sends = 0
        self.willing = True

    async def apply(self, change: Change, *, label: str) -> Applied | NotApplied:
        assert isinstance(change, ChangeFile)
        self.sends += 1
        if not self.willing:
            return NotApplied(change.path, f"{label}: no")
        moved = rebase(change.edits, change.base.text, self.text)
        if isinstance(moved, Conflict):
            return NotApplied(change.path, moved.text, changed_meanwhile=True)
        before, self.text = self.text, apply_edits(self.text, moved)
        return Applied(PATH, self.text, Reversal(PATH, self.text, invert(moved, before)))


def proposed(new: str = NEW) -> tuple[Ledger, Buffer]:
    book = Ledger()
    book.propose("turn", Reversal(PATH, OLD, diff(OLD, new)))
    return book, Buffer()


async def go(book: Ledger, buffer: Buffer, *numbers: int) -> Advanced:
    """Advance all hunks, or those of these numbers."""
    found = book.hunks()
    chosen = [found[number] for number in numbers] or found
    return await engine.advance(chosen, ledger=book, editor=buffer, label="test")


def states(book: Ledger) -> list[str]:
    return [hunk.state.value for hunk in book.hunks()]


async def each_goes_there_and_back_by_itself() -> None:
    book, buffer = proposed()
    await go(book, buffer)
    assert (buffer.text, buffer.sends) == (NEW, 1)
    buffer.text = buffer.text.replace("two", "2")
    await go(book, buffer, 1)
    assert buffer.text == "ONE\n2\nthree\nfour\nFIVE\n"
    assert states(book) == ["landed", "undone", "landed"]
    await go(book, buffer, 0, 2)
    assert buffer.text == "one\n2\nthree\nfour\nfive\n"
    await go(book, buffer)
    assert buffer.text == NEW.replace("two", "2")


async def what_was_superseded_or_dropped_is_never_made() -> None:
    book, buffer = proposed()
    first, second, _ = book.hunks()
    book.put(replace(first, state=State.SUPERSEDED))
    book.put(replace(second, state=State.DROPPED))
    await go(book, buffer)
    assert buffer.text == "one\ntwo\nthree\nfour\nFIVE\n"


async def nothing_landed_that_the_editor_did_not_prove() -> None:
    book, buffer = proposed()
    buffer.willing = False
    outcome = await go(book, buffer)
    assert not outcome.done
    assert states(book) == ["proposed"] * 3
    assert {hunk.reason for hunk in book.hunks()} == {"test: no"}


async def what_was_typed_over_is_refused_and_the_rest_is_made() -> None:
    book, buffer = proposed()
    buffer.text = OLD.replace("three", "mine")
    await go(book, buffer)
    assert buffer.text == NEW.replace("THREE", "mine")
    assert states(book) == ["landed", "refused", "landed"]


async def a_patch_that_meets_typing_is_refused_whole() -> None:
    book, buffer = proposed()
    buffer.text = typed = OLD.replace("three", "mine")
    await engine.advance(book.hunks(), ledger=book, editor=buffer, label="test", whole=True)
    assert (buffer.text, states(book)) == (typed, ["refused"] * 3)


async def an_undo_that_meets_typing_leaves_the_hunk_as_it_is() -> None:
    book, buffer = proposed()
    await go(book, buffer)
    buffer.text = typed = NEW.replace("THREE", "mine")
    await go(book, buffer, 1)
    assert (buffer.text, states(book)) == (typed, ["landed"] * 3)


async def what_the_text_has_already_is_nothing_to_undo() -> None:
    book, buffer = proposed()
    buffer.text = OLD.replace("three", "THREE")
    await go(book, buffer)
    assert states(book) == ["landed", "superseded", "landed"]
    await go(book, buffer)
    assert buffer.text == OLD.replace("three", "THREE")


RULES = [
    each_goes_there_and_back_by_itself,
    what_was_superseded_or_dropped_is_never_made,
    nothing_landed_that_the_editor_did_not_prove,
    what_was_typed_over_is_refused_and_the_rest_is_made,
    a_patch_that_meets_typing_is_refused_whole,
    an_undo_that_meets_typing_leaves_the_hunk_as_it_is,
    what_the_text_has_already_is_nothing_to_undo,
]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
async def test_rule(rule: Callable[[], Awaitable[None]]) -> None:
    await rule()


# Mutants.


async def makes_what_was_superseded(
    hunks: Sequence[Hunk], *, ledger: Ledger, editor: Editor, label: str, whole: bool = False
) -> Advanced:
    for hunk in hunks:
        if hunk.state is State.SUPERSEDED:
            ledger.put(replace(hunk, state=State.PROPOSED))
    now = [ledger.find(hunk.id) or hunk for hunk in hunks]
    return await advance(now, ledger=ledger, editor=editor, label=label, whole=whole)


async def takes_the_whole_turn(
    hunks: Sequence[Hunk], *, ledger: Ledger, editor: Editor, label: str, whole: bool = False
) -> Advanced:
    same = ledger.hunks(hunks[0].state, turn=hunks[0].turn)
    return await advance(same, ledger=ledger, editor=editor, label=label, whole=whole)


async def says_landed_unproven(
    hunks: Sequence[Hunk], *, ledger: Ledger, editor: Editor, label: str, whole: bool = False
) -> Advanced:
    outcome = await advance(hunks, ledger=ledger, editor=editor, label=label, whole=whole)
    for hunk in ledger.hunks(State.PROPOSED, State.REFUSED):
        ledger.put(replace(hunk, state=State.LANDED))
    return outcome


async def one_request_a_hunk(
    hunks: Sequence[Hunk], *, ledger: Ledger, editor: Editor, label: str, whole: bool = False
) -> Advanced:
    for hunk in hunks:
        await advance([hunk], ledger=ledger, editor=editor, label=label, whole=whole)
    return Advanced((), ())


@pytest.mark.parametrize(
    "mutant",
    [makes_what_was_superseded, takes_the_whole_turn, says_landed_unproven, one_request_a_hunk],
    ids=lambda mutant: mutant.__name__,
)
async def test_a_broken_rule_is_noticed(
    mutant: Callable[..., Awaitable[Advanced]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "advance", mutant)
    failed = 0
    for rule in RULES:
        try:
            await rule()
        except AssertionError:
            failed += 1
    assert failed
