"""Where chunks belong, and what the edits leave alone."""

from __future__ import annotations

import pytest

from codex_lsp.edits.locate import locate
from codex_lsp.edits.misfit import Misfit
from codex_lsp.edits.patch import Patch, UpdateFile, parse
from codex_lsp.edits.text import TextEdit, apply_edits


def update(body: str) -> UpdateFile:
    patch = parse(f"*** Begin Patch\n*** Update File: f\n{body}\n*** End Patch")
    assert isinstance(patch, Patch), patch
    (section,) = patch.sections
    assert isinstance(section, UpdateFile)
    return section


def changed(text: str, body: str, near: int | None = None) -> str:
    edits = locate(update(body), text, near)
    assert not isinstance(edits, Misfit), edits.text
    return apply_edits(text, edits)


@pytest.mark.parametrize(
    ("text", "body", "expected"),
    [
        ("a\r\nb\r\n", " a\n-b\n+B\n+C", "a\r\nB\r\nC\r\n"),
        ("a\r\nb\nc\n", " a\n+x\n b\n+y\n c", "a\r\nx\r\nb\ny\nc\n"),
        ("a\rb\r", " a\n-b\n+B\n+C", "a\rB\rC\r"),
        ("\ufeffa\nb", "-a\n+A\n b\n+c", "\ufeffA\nb\nc"),
        ("a\nb", "-b", "a"),
        ("a\nb", "-b\n+b", "a\nb\n"),
        ("", "+x", "x\n"),
    ],
)
def test_terminators_mark_and_end_of_the_file_stay(text: str, body: str, expected: str) -> None:
    assert changed(text, body) == expected


def test_edits_are_as_small_as_words() -> None:
    edits = locate(update("-total = count + 1\n+total = counter + 1"), "total = count + 1\n")
    assert edits == (TextEdit(13, 13, "er"),)


def test_loosely_found_context_keeps_the_files_own_spelling() -> None:
    text = "\tsay(\u201chi\u201d)  \nold\n"
    assert changed(text, '     say("hi")\n-old\n+new') == "\tsay(\u201chi\u201d)  \nnew\n"


def test_nearest_of_equal_places_is_taken_when_the_person_is_there() -> None:
    assert changed("x\ny\nx\ny\n", "-x\n+z", near=3) == "x\ny\nz\ny\n"
    assert changed("x\ny\nx\ny\n", "-x\n+z") == "z\ny\nx\ny\n"


def test_what_does_not_fit_says_what_is_there_instead() -> None:
    misfit = locate(update(" one\n-two\n+2\n three"), "zero\none\ntoo\nthree\n")
    assert isinstance(misfit, Misfit)
    assert misfit.nearest == ((2, "one"), (3, "too"), (4, "three"))
    assert "chunk 1 of 1" in misfit.text
