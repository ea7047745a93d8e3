"""TE1: typing races edits through the real `LspEditor`, under each way to treat a version.

`TYPING_RACES` sets how many schedules are explored for each policy; 50000 are the whole of TE1. A
failure names its seeds and what went wrong; `explore(policy, iter([seed]))` replays one.
"""

from __future__ import annotations

import os

import pytest

from tests.lsp.typing_races import POLICIES, explore

BLOCKS = 10
SCHEDULES = int(os.environ.get("TYPING_RACES", "50000")) // BLOCKS


@pytest.mark.timeout(0 if "TYPING_RACES" in os.environ else 300)
@pytest.mark.parametrize("block", range(BLOCKS))
@pytest.mark.parametrize("policy", POLICIES)
def test_no_keystroke_is_lost_and_nothing_lands_where_it_does_not_belong(
    policy: str, block: int
) -> None:
    findings = explore(policy, (f"{policy}/{block}/{n}" for n in range(SCHEDULES)))
    assert findings.wrong == []
    assert findings.share("apart", "landed") >= 0.99
    assert findings.share("overlapping", "refused") == 1
