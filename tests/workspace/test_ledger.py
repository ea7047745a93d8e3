from __future__ import annotations

from pathlib import Path

from codex_lsp.edits.text import TextEdit
from codex_lsp.workspace import ledger
from codex_lsp.workspace.ledger import Creation, Ledger, Reversal

A, B = Path("/w/a.py"), Path("/w/b.py")


def change(path: Path = A, size: int = 1) -> Reversal:
    return Reversal(path, "x" * size, (TextEdit(0, 0, "y"),))


def test_the_newest_turn_is_found_or_the_one_that_is_named() -> None:
    book = Ledger()
    book.note("1", change())
    book.note("2", change(B))
    newest, named = book.find(None, undone=False), book.find("1", undone=False)
    assert newest is not None
    assert named is not None
    assert (newest.id, named.id) == ("2", "1")
    assert book.find("3", undone=False) is None
    assert book.find(None, undone=True) is None
    assert book.touches(A)
    assert not book.touches(Path("/w/c.py"))


def test_an_undone_turn_waits_to_be_redone() -> None:
    book = Ledger()
    book.note("1", change())
    turn = book.find(None, undone=False)
    assert turn is not None
    book.settle(turn, [change()], undone=True)
    assert book.find(None, undone=False) is None
    assert book.find(None, undone=True) is turn
    assert not book.touches(A)


def test_the_oldest_turns_go_first_but_the_newest_stays_whatever_its_size() -> None:
    book = Ledger()
    for number in range(ledger.MOST_TURNS + 1):
        book.note(str(number), change())
    assert book.find("0", undone=False) is None
    assert book.find("1", undone=False) is not None
    book.note("big", Creation(B, "x" * (ledger.MOST_CHARACTERS + 1)))
    assert book.find("1", undone=False) is None
    assert book.find("big", undone=False) is not None
