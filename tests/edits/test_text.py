from codex_lsp.edits.text import TextEdit, apply_edits


def test_edits_are_placed_in_the_text_as_it_was_before_any_of_them() -> None:
    assert apply_edits("abcdef", [TextEdit(1, 2, "XX"), TextEdit(4, 4, "-")]) == "aXXcd-ef"
