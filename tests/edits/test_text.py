import pytest

from codex_lsp.edits.text import TextEdit, apply_edits, off_the_end


def test_edits_are_placed_in_the_text_as_it_was_before_any_of_them() -> None:
    assert apply_edits("abcdef", [TextEdit(1, 2, "XX"), TextEdit(4, 4, "-")]) == "aXXcd-ef"


@pytest.mark.parametrize(
    ("text", "edits", "moved"),
    [
        ("a\n", (TextEdit(2, 2, "b\n"),), (TextEdit(1, 1, "\nb"),)),
        ("a\nb\n", (TextEdit(2, 4, ""),), (TextEdit(1, 3, ""),)),
        ("a\r\n", (TextEdit(3, 3, "b\r\nc\r\n"),), (TextEdit(1, 1, "\r\nb\r\nc"),)),
        ("a\nb\n", (TextEdit(0, 1, "c"), TextEdit(4, 4, "d\n")),
         (TextEdit(0, 1, "c"), TextEdit(3, 3, "\nd"))),
        ("a\n", (TextEdit(0, 1, "c"), TextEdit(2, 2, "d\n")), (TextEdit(0, 1, "c\nd"),)),
        # Nothing that would be the same: no line end before it, or none at its own end.
        ("a", (TextEdit(1, 1, "\nb\n"),), None),
        ("a\n", (TextEdit(2, 2, "b"),), None),
        ("a\n", (TextEdit(0, 2, ""),), None),
        ("ab\n", (TextEdit(0, 3, "c"), TextEdit(3, 3, "d\n")), None),
        ("a\nb", (TextEdit(2, 3, "c"),), None),
        ("", (TextEdit(0, 0, "a\n"),), None),
        ("a\n", (), None),
    ],
)  # fmt: skip
def test_whole_lines_at_the_end_go_before_the_last_line_end(
    text: str, edits: tuple[TextEdit, ...], moved: tuple[TextEdit, ...] | None
) -> None:
    found = off_the_end(text, edits)
    assert found == (edits if moved is None else moved)
    assert apply_edits(text, found) == apply_edits(text, edits)
