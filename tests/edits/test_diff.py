"""Differences: they make one text into the other, are small, and cost little."""

from __future__ import annotations

import random

import pytest

from codex_lsp.edits.dialects import parse_any
from codex_lsp.edits.diff import diff, unified
from codex_lsp.edits.locate import locate
from codex_lsp.edits.misfit import Misfit
from codex_lsp.edits.patch import Patch, UpdateFile
from codex_lsp.edits.text import TextEdit, apply_edits, invert

EOLS = ("\n", "\n", "\r\n", "\r", "")
WORDS = ("alpha", "beta", "gam", "x", " ", "  ", "(", "\t", "é", "\U0001f600", "e\u0301", "\u2028")


def some_text(rng: random.Random, lines: int) -> str:
    return "".join(
        "".join(rng.choices(WORDS, k=rng.randrange(5))) + rng.choice(EOLS) for _ in range(lines)
    )


def changed_text(rng: random.Random, text: str) -> str:
    for _ in range(rng.randrange(4)):
        start = rng.randrange(len(text) + 1)
        end = min(start + rng.choice((0, 1, 3, 40)), len(text))
        text = text[:start] + some_text(rng, rng.randrange(4)) + text[end:]
    return text


def assert_placeable(text: str, edits: tuple[TextEdit, ...]) -> None:
    """Sorted, apart, and never between the halves of a CRLF."""
    at = -1
    for edit in edits:
        assert at < edit.start <= edit.end <= len(text)
        assert text[edit.start - 1 : edit.start + 1] != "\r\n" or edit.start == 0
        assert text[max(edit.end - 1, 0) : edit.end + 1] != "\r\n"
        at = edit.end


@pytest.mark.parametrize("seed", range(8))
def test_a_difference_makes_the_new_text_and_its_inverse_the_old(seed: int) -> None:
    for n in range(250):
        rng = random.Random(f"{seed}/{n}")
        old = some_text(rng, rng.choice((0, 1, 3, 10, 60, 1500)) if n % 25 == 0 else 8)
        new = changed_text(rng, old) if rng.random() < 0.9 else some_text(rng, 8)
        edits = diff(old, new)
        assert apply_edits(old, edits) == new, (seed, n)
        assert_placeable(old, edits)
        back = invert(edits, old)
        assert apply_edits(new, back) == old, (seed, n)
        assert_placeable(new, back)


@pytest.mark.parametrize("seed", range(4))
def test_a_unified_diff_read_back_makes_the_same_change(seed: int) -> None:
    for n in range(100):
        rng = random.Random(f"{seed}/{n}")
        old = "".join(f"{rng.choice('abcdef')}{rng.randrange(9)}\n" for _ in range(30))
        lines = old.splitlines(keepends=True)
        for _ in range(rng.randrange(1, 4)):
            lines[rng.randrange(len(lines))] = f"new {rng.randrange(99)}\n"
        new = "".join(lines)
        shown = unified(old, new, "f", context=rng.randrange(4))
        patch = parse_any(shown)
        assert isinstance(patch, Patch), (seed, n, patch)
        (update,) = patch.sections
        assert isinstance(update, UpdateFile)
        edits = locate(update, old)
        assert not isinstance(edits, Misfit), (seed, n, edits.text)
        assert apply_edits(old, edits) == new, (seed, n, shown)


@pytest.mark.parametrize(
    ("old", "new", "edits"),
    [
        ("same", "same", ()),
        ("count = 1", "counter = 1", (TextEdit(5, 5, "er"),)),
        ("f(a, b)\n", "f(c, d)\n", (TextEdit(2, 3, "c"), TextEdit(5, 6, "d"))),
        ("a\nb\nc\n", "a\nc\n", (TextEdit(2, 4, ""),)),
        ("a\r\n", "a\n", (TextEdit(1, 3, "\n"),)),
        ("a\n", "a\r\n", (TextEdit(1, 2, "\r\n"),)),
        ("", "new\n", (TextEdit(0, 0, "new\n"),)),
    ],
)
def test_differences_are_as_small_as_they_can_be_understood(
    old: str, new: str, edits: tuple[TextEdit, ...]
) -> None:
    assert diff(old, new) == edits


def test_far_apart_changes_in_a_huge_file_stay_apart() -> None:
    lines = [f"line {n}\n" for n in range(100_000)]
    old = "".join(lines)
    lines[10] = "line ten\n"
    lines[50_000:50_000] = ["new\n"] * 300
    del lines[90_000:90_100]
    edits = diff(old, "".join(lines))
    assert apply_edits(old, edits) == "".join(lines)
    assert len(edits) == 3
    assert sum(edit.end - edit.start + len(edit.new) for edit in edits) < 3_000


def test_a_small_change_in_a_line_of_two_megabytes_is_a_small_edit() -> None:
    old = "0123456789 " * 200_000
    middle = len(old) // 2
    assert diff(old, old[:middle] + "_" + old[middle:]) == (TextEdit(middle, middle, "_"),)


def test_wholly_different_large_texts_are_replaced() -> None:
    old = "".join(f"a{n}\n" for n in range(20_000))
    new = "".join(f"b{n}\n" for n in range(20_000))
    assert apply_edits(old, diff(old, new)) == new


def test_a_unified_diff_marks_a_missing_newline() -> None:
    assert unified("a\nb", "a\nb\n", "f") == (
        "--- a/f\n+++ b/f\n@@ -1,2 +1,2 @@\n a\n-b\n\\ No newline at end of file\n+b\n"
    )
    assert unified("a", "a", "f") == ""
