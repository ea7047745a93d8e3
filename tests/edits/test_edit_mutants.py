"""Each defence of the engine, taken away, is noticed by the tests that the real engine passes.

A mutant is the engine with one rule broken. It is run through the same checks as the engine; one
that nothing notices would mean that a rule is not tested.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import pytest

from codex_lsp.edits.locate import locate
from codex_lsp.edits.misfit import Misfit
from codex_lsp.edits.patch import Mark, Patch, UpdateFile, parse
from codex_lsp.edits.rebase import Conflict, Landing, carry, landed, rebase
from codex_lsp.edits.text import TextEdit, apply_edits
from tests.edits.fidelity import CONTENT, EOLS, Locate, broken, cases
from tests.edits.scenarios import Files, Scenario, load, names
from tests.edits.schedules import (
    Char,
    Move,
    explore_landed,
    explore_moves,
    text_of,
)

Edits = tuple[TextEdit, ...]


# What notices: bytes, scenarios, typing.


def bytes_are_kept(engine: Locate) -> bool:
    kinds = itertools.product(EOLS, CONTENT)
    return not any(broken(engine, case) for kind in kinds for case in cases(*kind, count=2))


def scenarios_hold(engine: Locate) -> bool:
    return all(holds(engine, load(name)) for name in names())


def holds(engine: Locate, scenario: Scenario) -> bool:
    """For patches of updates alone: the engine makes what is expected, or refuses as expected."""
    patch = parse(scenario.patch)
    if not isinstance(patch, Patch):
        return True
    result: Files | None = dict(scenario.files)
    for section in patch.sections:
        if not isinstance(section, UpdateFile) or section.path not in scenario.files:
            return True
        edits = engine(section, scenario.files[section.path])
        if isinstance(edits, Misfit):
            result = None
        elif result is not None:
            text = result.pop(section.path)
            result[section.move_to or section.path] = apply_edits(text, edits)
    return result == scenario.expected or scenario.folder.name in REFUSED_BY_THE_PLAN


REFUSED_BY_THE_PLAN = {"move-over-existing"}


def typing_is_kept(move: Move) -> bool:
    seeds = (f"mutant/{n}" for n in range(1500))
    findings = explore_moves(seeds, move, sees_keystrokes=False)
    counts = findings.counts
    apart, refused = counts["apart landed"], counts["apart refused"]
    return not findings.wrong and apart >= 0.98 * (apart + refused)


def only_the_proven_landed(
    prove: Callable[[Sequence[TextEdit], str, str], tuple[Landing, ...]],
) -> bool:
    findings = explore_landed((f"mutant/{n}" for n in range(500)), prove)
    counts = findings.counts
    proven = counts["apart landed"]
    return not findings.wrong and proven >= 0.98 * (proven + counts["apart unclear"])


# What is broken.


def shows_context_as_the_patch_has_it(update: UpdateFile, text: str) -> Edits | Misfit:
    """Fuzzy context: the patch's spelling of unchanged lines is written into the file."""
    chunks = [replace(chunk, lines=tuple(rewritten(chunk.lines))) for chunk in update.chunks]
    return locate(replace(update, chunks=tuple(chunks)), text)


def rewritten(lines: Sequence[tuple[Mark, str]]) -> Iterator[tuple[Mark, str]]:
    for mark, text in lines:
        if mark == " ":
            yield "-", text
            yield "+", text
        else:
            yield mark, text


def makes_terminators_uniform(update: UpdateFile, text: str) -> Edits | Misfit:
    edits = locate(update, text.replace("\r\n", "\n"))
    if isinstance(edits, Misfit):
        return edits
    return (TextEdit(0, len(text), apply_edits(text.replace("\r\n", "\n"), edits)),)


def adds_a_final_newline(update: UpdateFile, text: str) -> Edits | Misfit:
    edits = locate(update, text)
    if isinstance(edits, Misfit) or text.endswith(("\n", "\r")):
        return edits
    return (TextEdit(0, len(text), apply_edits(text, edits) + "\n"),)


def drops_the_byte_order_mark(update: UpdateFile, text: str) -> Edits | Misfit:
    edits = locate(update, text)
    if isinstance(edits, Misfit) or not text.startswith("\ufeff"):
        return edits
    return (TextEdit(0, len(text), apply_edits(text, edits).removeprefix("\ufeff")),)


def counts_utf16_units(update: UpdateFile, text: str) -> Edits | Misfit:
    """Off by one for each character outside the basic plane that is before the edit."""
    edits = locate(update, text)
    if isinstance(edits, Misfit):
        return edits

    def units(offset: int) -> int:
        return min(len(text[:offset].encode("utf-16-le")) // 2, len(text))

    return tuple(TextEdit(units(e.start), units(e.end), e.new) for e in edits)


def forgets_anchors(update: UpdateFile, text: str) -> Edits | Misfit:
    chunks = tuple(replace(chunk, anchors=()) for chunk in update.chunks)
    return locate(replace(update, chunks=chunks), text)


def searches_each_chunk_from_the_top(update: UpdateFile, text: str) -> Edits | Misfit:
    chunks = tuple(replace(chunk, afresh=True) for chunk in update.chunks)
    return locate(replace(update, chunks=chunks), text)


def makes_what_fits_of_it(update: UpdateFile, text: str) -> Edits | Misfit:
    """Partly applied: chunks without a place are left out."""
    fitting = [
        c
        for c in update.chunks
        if not isinstance(locate(replace(update, chunks=(c,)), text), Misfit)
    ]
    return locate(replace(update, chunks=tuple(fitting)), text)


def rewrites_the_whole_file(update: UpdateFile, text: str) -> Edits | Misfit:
    edits = locate(update, text)
    if isinstance(edits, Misfit):
        return edits
    return (TextEdit(0, len(text), apply_edits(text, edits)),)


def moves_by_texts(edits: Sequence[TextEdit], base: str, live: Sequence[Char]) -> Edits | Conflict:
    return rebase(edits, base, text_of(live))


def applies_on_the_newest_text(
    edits: Sequence[TextEdit], base: str, live: Sequence[Char]
) -> Edits | Conflict:
    length = len(live)
    return tuple(TextEdit(min(e.start, length), min(e.end, length), e.new) for e in edits)


def overwrites_with_its_own_result(
    edits: Sequence[TextEdit], base: str, live: Sequence[Char]
) -> Edits | Conflict:
    return (TextEdit(0, len(live), apply_edits(base, edits)),)


def is_off_by_one(edits: Sequence[TextEdit], base: str, live: Sequence[Char]) -> Edits | Conflict:
    moved = rebase(edits, base, text_of(live))
    if isinstance(moved, Conflict) or len(live) == len(base):
        return moved
    return tuple(TextEdit(max(e.start - 1, 0), max(e.end - 1, 0), e.new) for e in moved)


def ignores_what_meets(
    edits: Sequence[TextEdit], base: str, live: Sequence[Char]
) -> Edits | Conflict:
    kept = [edit for edit in edits if not isinstance(rebase([edit], base, text_of(live)), Conflict)]
    return rebase(kept, base, text_of(live))


def refuses_whenever_something_was_typed(
    edits: Sequence[TextEdit], base: str, live: Sequence[Char]
) -> Edits | Conflict:
    typed = (TextEdit(0, len(base), text_of(live)),)
    return carry(edits, typed, base)


def believes_the_client(edits: Sequence[TextEdit], before: str, after: str) -> tuple[Landing, ...]:
    """Skips the proof: what was sent has landed."""
    return tuple("landed" for _ in edits)


def proves_only_without_typing(
    edits: Sequence[TextEdit], before: str, after: str
) -> tuple[Landing, ...]:
    exact = apply_edits(before, edits) == after
    return tuple("landed" if exact else "unclear" for _ in edits)


# The real engine passes; each mutant fails where it must.


def test_the_engine_passes_what_kills_its_mutants() -> None:
    assert bytes_are_kept(locate)
    assert scenarios_hold(locate)
    assert typing_is_kept(moves_by_texts)
    assert only_the_proven_landed(landed)


@pytest.mark.parametrize(
    "mutant",
    [
        makes_terminators_uniform,
        adds_a_final_newline,
        drops_the_byte_order_mark,
        counts_utf16_units,
    ],
)
def test_bytes_kill(mutant: Locate) -> None:
    assert not bytes_are_kept(mutant)


@pytest.mark.parametrize(
    "mutant",
    [
        shows_context_as_the_patch_has_it,
        forgets_anchors,
        searches_each_chunk_from_the_top,
        makes_what_fits_of_it,
    ],
)
def test_scenarios_kill(mutant: Locate) -> None:
    assert not scenarios_hold(mutant)


@pytest.mark.parametrize(
    "mutant",
    [
        applies_on_the_newest_text,
        overwrites_with_its_own_result,
        is_off_by_one,
        ignores_what_meets,
        refuses_whenever_something_was_typed,
    ],
)
def test_typing_kills(mutant: Move) -> None:
    assert not typing_is_kept(mutant)


@pytest.mark.parametrize("mutant", [believes_the_client, proves_only_without_typing])
def test_proof_kills(mutant: Callable[[Sequence[TextEdit], str, str], tuple[Landing, ...]]) -> None:
    assert not only_the_proven_landed(mutant)


def test_a_whole_file_edit_is_killed_by_typing_elsewhere() -> None:
    patch = parse("*** Begin Patch\n*** Update File: f\n-b\n+B\n*** End Patch")
    assert isinstance(patch, Patch)
    (update,) = (s for s in patch.sections if isinstance(s, UpdateFile))
    base, live = "a\nb\n", "a, typed\nb\n"
    assert not isinstance(rebase(edits_of(locate, update, base), base, live), Conflict)
    assert isinstance(rebase(edits_of(rewrites_the_whole_file, update, base), base, live), Conflict)


def test_a_replayed_step_is_killed_by_rebase() -> None:
    base = "a\nb\n"
    edits = [TextEdit(2, 2, "new\n")]
    once = apply_edits(base, edits)
    assert rebase(edits, base, once) == ()
    assert rebase(edits, base, once + "typed\n") == ()
    assert apply_edits(once, edits) != once, "replaying without rebase would double the line"


def edits_of(engine: Locate, update: UpdateFile, text: str) -> Edits:
    edits = engine(update, text)
    assert not isinstance(edits, Misfit)
    return edits
