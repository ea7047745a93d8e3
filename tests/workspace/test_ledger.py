from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from codex_lsp.edits.text import TextEdit
from codex_lsp.workspace import ledger
from codex_lsp.workspace.ledger import Creation, Ledger, Reversal, State

A, B = Path("/w/a.py"), Path("/w/b.py")
LINES = "one\ntwo\nthree\nfour\n"


def change(path: Path = A, size: int = 1) -> Reversal:
    return Reversal(path, "x" * size, (TextEdit(0, 0, "y"),))


def land(book: Ledger, turn: str, step: ledger.Undo) -> None:
    for hunk in book.propose(turn, step):
        book.put(replace(hunk, state=State.LANDED))


def edits_at(*words: str) -> tuple[TextEdit, ...]:
    return tuple(TextEdit(LINES.index(word), LINES.index(word) + 1, "X") for word in words)


def test_a_hunk_is_the_edits_of_lines_next_to_each_other() -> None:
    made = Ledger().propose("1", Reversal(A, LINES, edits_at("one", "two", "four")))
    steps = [hunk.step for hunk in made]
    assert steps == [
        Reversal(A, LINES, edits_at("one", "two")),
        Reversal(A, LINES, edits_at("four")),
    ]
    assert {hunk.state for hunk in made} == {State.PROPOSED}


def test_hunks_are_found_by_state_file_and_turn_and_the_newest_turn_by_itself() -> None:
    book = Ledger()
    land(book, "1", change())
    land(book, "2", change(B))
    [waiting] = book.propose("3", change(B))
    assert [hunk.turn for hunk in book.hunks(State.LANDED)] == ["1", "2"]
    assert [hunk.turn for hunk in book.hunks(path=B)] == ["2", "3"]
    assert book.hunks(State.PROPOSED, State.UNDONE) == book.hunks(turn="3") == [waiting]
    assert [hunk.turn for hunk in book.newest(State.LANDED)] == ["2"]
    assert [hunk.turn for hunk in book.newest(State.LANDED, path=A)] == ["1"]
    assert book.newest(State.UNDONE) == []


def test_the_oldest_turns_go_first_but_the_newest_stays_whatever_its_size() -> None:
    book = Ledger()
    for number in range(ledger.MOST_TURNS + 1):
        land(book, str(number), change())
    assert not book.hunks(turn="0")
    assert book.hunks(turn="1")
    land(book, "big", Creation(B, "x" * (ledger.MOST_CHARACTERS + 1)))
    assert [hunk.turn for hunk in book.hunks()] == ["big"]


def test_what_waits_for_the_person_is_not_forgotten() -> None:
    book = Ledger()
    book.propose("waits", change())
    for number in range(ledger.MOST_TURNS + 1):
        land(book, str(number), change())
    assert book.hunks(turn="waits")
    assert not book.hunks(turn="0")


def test_the_hunks_of_one_change_count_their_text_once() -> None:
    book = Ledger()
    text = "x\n\n\n" * (ledger.MOST_CHARACTERS // 6)
    edits = tuple(TextEdit(at, at + 1, "y") for at in range(0, 40, 4))
    land(book, "1", Reversal(A, text, edits))
    land(book, "2", change())
    assert len(book.hunks(turn="1")) == 10
