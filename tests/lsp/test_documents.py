"""The mirror of the open documents, held against a model of the editor that feeds it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codex_lsp.lsp.editing.documents import Document, DocumentEvent, Documents
from codex_lsp.lsp.editing.positions import Encoding, offset_at, position_at, split_lines

ENCODINGS: tuple[Encoding, ...] = ("utf-8", "utf-16", "utf-32")
URI = "file:///a.py"


def opened(
    text: str, encoding: Encoding = "utf-16", version: int = 1, *, unordered: bool = False
) -> Documents:
    documents = Documents(encoding, unordered=unordered)
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


TEXTS = st.text(alphabet="ab\r\n\r\né中😀\u2028\x0c", max_size=20)


@given(st.data(), TEXTS, st.sampled_from(ENCODINGS))
def test_any_series_of_changes_gives_the_text_that_the_editor_has(
    data: st.DataObject, text: str, encoding: Encoding
) -> None:
    """Model: the editor replaces a stretch of one string; the server gets it as a range."""
    documents = opened(text, encoding)
    for _ in range(data.draw(st.integers(0, 6))):
        start, end = sorted(data.draw(st.integers(0, len(text))) for _ in range(2))
        first, last = position_at(text, start, encoding), position_at(text, end, encoding)
        start, end = offset_at(text, first, encoding), offset_at(text, last, encoding)
        new = data.draw(TEXTS)
        text = text[:start] + new + text[end:]
        assert change(documents, {"range": span(*first, *last), "text": new}) == text
        assert documents._open[URI].lines == split_lines(text)


def test_a_snapshot_stays_as_it_was() -> None:
    documents = opened("a\n")
    before = documents.get(URI)
    change(documents, {"text": "b\n"})
    assert before == Document(URI, "python", 1, "a\n")
    assert documents.get(URI) == Document(URI, "python", 2, "b\n")
    assert documents.get(URI) is documents.get(URI)


def test_a_listener_hears_what_happens_until_it_is_removed() -> None:
    documents = opened("a\n")
    heard: list[DocumentEvent] = []
    remove = documents.listen(heard.append)
    change(documents, {"text": "b"})
    documents.did_close({"textDocument": {"uri": URI}})
    remove()
    opened_again = {"uri": URI, "languageId": "python", "version": 0, "text": ""}
    documents.did_open({"textDocument": opened_again})
    assert heard == [DocumentEvent("changed", URI), DocumentEvent("closed", URI)]
    assert documents.uris() == [URI]


async def test_waiting_ends_when_the_text_is_there() -> None:
    documents = opened("a")

    async def type_later() -> None:
        change(documents, {"text": "b"})
        change(documents, {"text": "c"})

    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(documents.wait_for(URI, lambda now: shows(now, "c"), 60))
        group.create_task(type_later())
    document = waiting.result()
    assert document is not None
    assert document.text == "c"
    assert documents._waits == []


async def test_waiting_does_not_wait_for_what_is_there_already() -> None:
    documents = opened("a")
    assert await documents.wait_for(URI, lambda now: shows(now, "a"), 0) == documents.get(URI)


async def test_waiting_can_be_for_the_close() -> None:
    documents = opened("a")
    asyncio.get_running_loop().call_soon(documents.did_close, {"textDocument": {"uri": URI}})
    assert await documents.wait_for(URI, lambda now: now is None, 60) is None


async def test_waiting_has_a_deadline() -> None:
    documents = opened("a")
    with pytest.raises(TimeoutError):
        await documents.wait_for(URI, lambda now: shows(now, "never"), 0.01)
    assert documents._waits == []


def shows(document: Document | None, text: str) -> bool:
    return document is not None and document.text == text


def test_a_whole_text_that_a_newer_one_has_overtaken_changes_nothing() -> None:
    documents = opened("", version=0, unordered=True)
    heard: list[DocumentEvent] = []
    documents.listen(heard.append)
    for version in (1, 4, 2, 5, 3):  # as Helix 25.01 was seen to send them
        change(documents, {"text": "mine "[:version]}, version=version)
    assert text_of(documents) == "mine "
    assert len(heard) == 3
    change(documents, {"range": span(0, 0, 0, 4), "text": "ours"}, version=2)
    assert text_of(documents) == "ours "


def test_a_client_that_keeps_the_order_may_count_back() -> None:
    documents = opened("", version=0)
    for version in (7, 3):
        change(documents, {"text": f"text {version}"}, version=version)
    assert text_of(documents) == "text 3"
