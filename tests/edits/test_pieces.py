"""Who did what to a text: the person's own text is known, whatever was done to it besides."""

from __future__ import annotations

from random import Random

import pytest

from codex_lsp.edits.pieces import Pieces
from codex_lsp.edits.text import TextEdit, apply_edits

BASE = "one two three"


def test_what_we_did_is_not_in_the_persons_text() -> None:
    pieces = Pieces(BASE)
    pieces.replace(4, 7, "TWO!", ours=True)
    pieces.replace(0, 0, "x", ours=False)
    assert pieces.person() == "x" + BASE
    assert pieces.typed() == (TextEdit(0, 0, "x"),)


def test_what_was_typed_into_what_we_made_stays_where_it_was_made() -> None:
    pieces = Pieces(BASE)
    pieces.replace(4, 7, "ours", ours=True)
    pieces.replace(6, 6, "x", ours=False)
    assert pieces.person() == "one xtwo three"


def test_what_we_took_away_of_the_typed_is_the_persons() -> None:
    pieces = Pieces(BASE)
    pieces.replace(5, 5, "x", ours=False)
    pieces.replace(3, 9, "", ours=True)
    assert pieces.person() == "one txwo three"
    assert pieces.typed() == (TextEdit(5, 5, "x"),)


def test_what_the_person_deletes_around_our_gap_is_gone() -> None:
    pieces = Pieces(BASE)
    pieces.replace(4, 7, "", ours=True)  # "one  three"
    pieces.replace(2, 6, "", ours=False)
    assert pieces.person() == "onhree"


@pytest.mark.parametrize("seed", range(300))
def test_without_our_steps_the_steps_add_up(seed: int) -> None:
    random = Random(seed)
    text = BASE
    pieces = Pieces(BASE)
    for _ in range(6):
        start = random.randrange(len(text) + 1)
        end = min(start + random.choice((0, 0, 1, 4)), len(text))
        new = random.choice(("", "a", "bc", "\n"))
        pieces.replace(start, end, new, ours=False)
        text = text[:start] + new + text[end:]
    assert pieces.person() == text
    assert apply_edits(BASE, pieces.typed()) == text
