"""Where an edit went is read from the steps that a client reports."""

from __future__ import annotations

from typing import Any

from codex_lsp.edits.rebase import Conflict
from codex_lsp.edits.text import TextEdit
from codex_lsp.lsp.editing.documents import Document, Documents
from codex_lsp.lsp.editing.trail import Trail

BASE = "one\ntwo\nthree\n"
WANTED = (TextEdit(4, 7, "2"),)
ASKED = (
    0,
    [
        {
            "range": {"start": {"line": 1, "character": 0}, "end": {"line": 1, "character": 3}},
            "newText": "2",
        }
    ],
)


def trail(*steps: tuple[tuple[int, int, int, int], str]) -> Trail:
    return Trail(BASE, steps, "utf-16")


def test_an_edit_in_its_place_has_landed_whatever_was_typed_into_it_later() -> None:
    reading = trail(((0, 0, 0, 0), "x"), ((1, 0, 1, 3), "2"), ((1, 1, 1, 1), "y")).read(
        WANTED, [ASKED]
    )
    assert reading is not None
    assert reading.fate == "landed"
    assert reading.target == "xone\n2\nthree\n"


def test_an_edit_that_a_new_line_overtook_is_misplaced_and_the_right_text_is_known() -> None:
    reading = trail(((0, 0, 0, 0), "x\n"), ((1, 0, 1, 3), "2"), ((3, 0, 3, 0), "y")).read(
        WANTED, [ASKED]
    )
    assert reading is not None
    assert reading.fate == "misplaced"
    assert reading.target == "x\none\n2\nythree\n"


def test_typing_that_an_edit_swallowed_is_given_back_and_the_edit_refused() -> None:
    reading = trail(((1, 1, 1, 1), "x"), ((1, 0, 1, 3), "2")).read(WANTED, [ASKED])
    assert reading is not None
    assert reading.fate == "misplaced"
    assert isinstance(reading.moved, Conflict)
    assert reading.target == "one\ntxwo\nthree\n"


def test_what_was_passed_over_is_absent_and_moves_by_the_keys_themselves() -> None:
    reading = trail(((0, 0, 0, 0), "one\n")).read(WANTED, [ASKED])
    assert reading is not None
    assert reading.fate == "absent"
    assert reading.moved == (TextEdit(8, 11, "2"),)


def test_an_edit_told_as_one_change_of_more_text_is_recognised() -> None:
    reading = trail(((0, 0, 2, 0), "one\n2\n")).read(WANTED, [ASKED])
    assert reading is not None
    assert reading.fate == "landed"


def test_a_request_is_not_seen_in_what_came_before_it() -> None:
    steps = ((1, 0, 1, 3), "2"), ((1, 0, 1, 1), "two")
    later = trail(*steps).read(WANTED, [(2, ASKED[1])])
    assert later is not None
    assert later.fate == "absent"


def change(version: int, *changes: dict[str, Any]) -> dict[str, Any]:
    return {
        "textDocument": {"uri": "file:///a", "version": version},
        "contentChanges": list(changes),
    }


def typed(text: str) -> dict[str, Any]:
    start = {"line": 0, "character": 0}
    return {"range": {"start": start, "end": start}, "text": text}


def opened() -> tuple[Documents, Document]:
    documents = Documents("utf-16")
    item = {"uri": "file:///a", "languageId": "x", "version": 1, "text": BASE}
    documents.did_open({"textDocument": item})
    first = documents.get("file:///a")
    assert first is not None
    return documents, first


def test_the_mirror_knows_the_steps_between_two_of_its_texts() -> None:
    documents, first = opened()
    documents.did_change(change(2, typed("a"), typed("b")))
    documents.did_change(change(3, typed("c")))
    since = documents.since(first)
    assert since is not None
    reading = since.read((), [])
    assert reading is not None
    assert reading.person == "cba" + BASE


def test_the_mirror_does_not_know_the_way_over_a_whole_new_text_or_another_opening() -> None:
    documents, first = opened()
    documents.did_change(change(2, {"text": "new"}, typed("a")))
    assert documents.since(first) is None
    documents, first = opened()
    documents.did_open({"textDocument": {"uri": "file:///a", "languageId": "x", "text": BASE}})
    assert documents.since(first) is None
    documents, first = opened()
    documents.did_close({"textDocument": {"uri": "file:///a"}})
    assert documents.since(first) is None


def test_the_mirror_forgets_what_is_long_ago() -> None:
    documents, first = opened()
    for version in range(5_000):
        documents.did_change(change(version, typed("a")))
    assert documents.since(first) is None
    late = documents.get("file:///a")
    assert late is not None
    documents.did_change(change(9_999, typed("b" * 2_000_000)))
    assert documents.since(late) is None
