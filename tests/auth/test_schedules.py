"""The real code under 100 000 seeded schedules, with faults at every point of the protocol.

`CODEX_LSP_SCHEDULES` sets their number, `CODEX_LSP_SEED` replays the one that failed.
"""

from __future__ import annotations

import os
from collections import Counter

import pytest

from tests.auth.codex import ACTIONS
from tests.auth.explorer import FAULTS, PAIRS, explore, parsing_remembered

pytestmark = pytest.mark.timeout(600)  # busy machines are slow

CHUNK = 10_000
SCHEDULES = int(os.environ.get("CODEX_LSP_SCHEDULES", "100000"))
REPLAY = os.environ.get("CODEX_LSP_SEED")

HITS = 50  # of each fault in each chunk, so 500 in all


@pytest.mark.skipif(REPLAY is not None, reason="one schedule is replayed instead")
@pytest.mark.parametrize("first", range(0, SCHEDULES, CHUNK))
def test_no_schedule_breaks_a_rule(first: int) -> None:
    hits: Counter[str] = Counter()
    with parsing_remembered():
        for seed in range(first, first + CHUNK):
            hits.update(explore(seed))
    missed = {fault: hits[fault] for fault in FAULTS if hits[fault] < HITS and fault != "none"}
    assert not missed, "the schedules do not reach these faults often enough"


@pytest.mark.on_demand("CODEX_LSP_SEED")
def test_replay_one_schedule() -> None:
    assert explore(int(REPLAY or 0))


def test_the_same_seed_gives_the_same_run() -> None:
    for seed in range(7, len(PAIRS), 97):
        assert explore(seed) == explore(seed)


def test_consecutive_seeds_pair_every_fault_with_everything_codex_does() -> None:
    assert len(PAIRS) == len(FAULTS) * len(ACTIONS) < CHUNK
