"""The explorer is worth what it catches: each broken variant of the protocol must not survive."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.auth.explorer import explore, parsing_remembered
from tests.auth.mutants import MUTANTS

pytestmark = pytest.mark.timeout(600)  # busy machines are slow

MOST = 20_000


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.__name__)
def test_the_explorer_kills(
    mutant: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    mutant(monkeypatch)
    with parsing_remembered():
        assert any(_is_caught(seed) for seed in range(MOST))


def _is_caught(seed: int) -> bool:
    try:
        explore(seed)
    except AssertionError:
        return True
    return False


def test_there_are_the_fourteen_mutants_of_the_plan() -> None:
    assert len(MUTANTS) == 14
