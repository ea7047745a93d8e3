from typing import Any

import pytest

from codex_lsp.lsp.documents import Documents
from codex_lsp.lsp.positions import Encoding, split_lines

URI = "file:///a.py"


def opened(text: str, encoding: Encoding = "utf-16", version: int = 1) -> Documents:
    documents = Documents(encoding)
    item = {"uri": URI, "languageId": "python", "version": version, "text": text}
    documents.did_open({"textDocument": item})
    return documents


def span(line: int, character: int, end_line: int, end_character: int) -> dict[str, Any]:
    return {
        "start": {"line": line, "character": character},
        "end": {"line": end_line, "character": end_character},
    }


def change(documents: Documents, *changes: dict[str, Any], version: int = 2) -> str:
    item = {"uri": URI, "version": version}
    documents.did_change({"textDocument": item, "contentChanges": list(changes)})
    return text_of(documents)


def text_of(documents: Documents) -> str:
    document = documents.get(URI)
    assert document is not None
    return document.text


@pytest.mark.parametrize(
    ("before", "where", "new", "after"),
    [
        ("abc\n", span(0, 1, 0, 2), "XY", "aXYc\n"),
        ("abc", span(0, 0, 0, 99), "X", "X"),
        ("abc\ndef", span(0, 0, 99, 0), "X", "X"),
        ("abc\ndef", span(7, 3, 9, 0), "X", "abc\ndefX"),
        ("a\x0cb\nc", span(1, 0, 1, 0), "X", "a\x0cb\nXc"),
        ("a\u2028b\u0085c\nd", span(1, 0, 1, 1), "X", "a\u2028b\u0085c\nX"),
        ("a\r\nb", span(0, 1, 1, 0), "", "ab"),
        ("a\r\nb", span(0, 99, 0, 99), "X", "aX\r\nb"),
        ("a\rb\n", span(1, 0, 1, 1), "X", "a\rX\n"),
        ("a\rX\nb", span(1, 0, 1, 1), "", "a\r\nb"),
        ("a\n", span(1, 0, 1, 0), "b", "a\nb"),
        ("", span(0, 0, 0, 0), "x\r\ny", "x\r\ny"),
        ("ab", span(0, 2, 0, 1), "X", "aX"),
    ],
)
def test_a_change_with_a_range_does_what_the_editor_did(
    before: str, where: dict[str, Any], new: str, after: str
) -> None:
    documents = opened(before)
    assert change(documents, {"range": where, "text": new}) == after
    assert documents._open[URI].lines == split_lines(after)
