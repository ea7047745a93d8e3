"""Outside its hunks a patch changes no byte: terminators, mark, final newline, any character."""

from __future__ import annotations

import itertools

import pytest

from codex_lsp.edits.locate import locate
from tests.edits.fidelity import CONTENT, EOLS, broken, cases

COUNT = 21  # for each of the 24 kinds, with and without byte order mark and final newline: 2 016


@pytest.mark.parametrize(("eol", "content"), list(itertools.product(EOLS, CONTENT)))
def test_only_the_bytes_of_the_hunk_change(eol: str, content: str) -> None:
    wrong = [case for case in cases(eol, content, COUNT) if broken(locate, case)]
    assert wrong == []
