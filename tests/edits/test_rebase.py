"""Edits move over typing, or are refused; no typed character is lost. This is TE1's pure part: the
races through the whole editor are in `tests/lsp/test_typing_races.py`.

`TYPING_SCHEDULES` sets how many schedules are explored; a failure names its seeds, and
`explore_moves(iter([seed]), by_texts, sees_keystrokes=False)` replays one.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

import pytest

from codex_lsp.edits.rebase import Conflict, carry, landed, rebase
from codex_lsp.edits.text import TextEdit, apply_edits
from tests.edits.schedules import Char, explore_landed, explore_moves, keystrokes, text_of

PARTS = 8
SCHEDULES = int(os.environ.get("TYPING_SCHEDULES", "20000")) // PARTS


def seeds(part: int, count: int) -> Iterator[str]:
    return (f"{part}/{n}" for n in range(count))


def by_texts(
    edits: Sequence[TextEdit], base: str, live: Sequence[Char]
) -> tuple[TextEdit, ...] | Conflict:
    return rebase(edits, base, text_of(live))


def by_keystrokes(
    edits: Sequence[TextEdit], base: str, live: Sequence[Char]
) -> tuple[TextEdit, ...] | Conflict:
    return carry(edits, keystrokes(live, len(base)), base)


@pytest.mark.parametrize("part", range(PARTS))
def test_edits_land_apart_from_typing_and_are_refused_where_they_meet_it(part: int) -> None:
    move, sees = (by_keystrokes, True) if part % 4 == 0 else (by_texts, False)
    findings = explore_moves(seeds(part, SCHEDULES), move, sees_keystrokes=sees)
    assert findings.wrong == []
    counts = findings.counts
    assert counts["overlapping landed"] == 0
    assert counts["overlapping refused"] > 0
    assert rare(counts["apart refused"], beside=counts["apart landed"])


@pytest.mark.parametrize("part", range(4))
def test_only_what_is_in_the_text_is_said_to_have_landed(part: int) -> None:
    findings = explore_landed(seeds(part, SCHEDULES // 4), landed)
    assert findings.wrong == []
    counts = findings.counts
    assert rare(counts["apart unclear"], beside=counts["apart landed"])
    assert counts["apart not made missing"] > 0


def rare(count: int, *, beside: int) -> bool:
    """At most one in a hundred; of few, a few."""
    return count <= max(3, 0.01 * (count + beside))


BASE = "alpha beta\ngamma\ndelta\n"


def moved(edits: list[TextEdit], base: str, live: str) -> str:
    outcome = rebase(edits, base, live)
    assert not isinstance(outcome, Conflict), outcome.text
    return apply_edits(live, outcome)


def test_edits_shift_by_what_was_typed_before_them() -> None:
    edits = [TextEdit(11, 16, "GAMMA")]
    assert moved(edits, BASE, "# note\n" + BASE) == "# note\nalpha beta\nGAMMA\ndelta\n"


def test_typing_in_another_word_of_the_line_stays() -> None:
    assert (
        moved([TextEdit(6, 10, "b")], BASE, BASE.replace("alpha", "al")) == "al b\ngamma\ndelta\n"
    )


def test_typing_in_the_word_that_is_changed_is_a_conflict() -> None:
    outcome = rebase([TextEdit(5, 5, "s")], BASE, BASE.replace("alpha", "Xalpha"))
    assert isinstance(outcome, Conflict)
    assert "line 1" in outcome.text
    assert outcome.clashes[0].theirs == TextEdit(0, 0, "X")


def test_typing_in_a_removed_line_is_a_conflict_that_shows_both_sides() -> None:
    outcome = rebase([TextEdit(11, 17, "")], BASE, BASE.replace("gamma", "gam-ma"))
    assert isinstance(outcome, Conflict)
    assert outcome.text == (
        "line 2: the edit makes 'gamma\\n' into '', but meanwhile '-' was typed there"
    )


def test_insertions_at_one_point_conflict_unless_they_are_alike() -> None:
    edits = [TextEdit(11, 11, "new\n")]
    assert isinstance(rebase(edits, BASE, BASE.replace("gamma", "old\ngamma")), Conflict)
    assert rebase(edits, BASE, BASE.replace("gamma", "new\ngamma")) == ()


def test_what_is_there_already_is_not_made_again() -> None:
    edits = [TextEdit(0, 5, "ALPHA"), TextEdit(17, 22, "DELTA")]
    assert rebase(edits, BASE, apply_edits(BASE, edits)) == ()
    halfway = apply_edits(BASE, edits[:1]).replace("gamma", "gam")
    assert moved(edits, BASE, halfway) == "ALPHA beta\ngam\nDELTA\n"


def test_one_of_several_equal_lines_is_not_taken_for_another() -> None:
    base = "x\nx\nx\n"
    assert isinstance(rebase([TextEdit(2, 3, "y")], base, "x\nx\n"), Conflict)


def test_a_deleted_line_that_came_back_has_not_landed() -> None:
    assert landed([TextEdit(2, 4, "")], "a\na\na\n", "a\na\na\n") == ("missing",)
    assert landed([TextEdit(2, 4, "")], "a\na\na\n", "a\na\n") == ("landed",)


def test_an_edit_that_was_typed_into_is_unclear() -> None:
    assert landed([TextEdit(0, 1, "new")], "x\n", "neXw\n") == ("unclear",)
