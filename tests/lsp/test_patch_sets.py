"""TE3: sets of changes of which one fails are made whole or not at all, and can be taken back.

`CODEX_LSP_SETS=20000` makes a campaign of it. `CODEX_LSP_SEED` replays the seed of a failure.
"""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

from tests.lsp.patch_sets import FAILURES, case, explore

SETS = int(os.environ.get("CODEX_LSP_SETS", "400"))


async def test_a_set_is_made_whole_or_not_at_all_and_comes_back(tmp_path: Path) -> None:
    one = os.environ.get("CODEX_LSP_SEED")
    counts: Counter[str] = Counter()
    for seed in [one] if one else [str(number) for number in range(SETS)]:
        folder = tmp_path / seed
        folder.mkdir()
        found = case(seed)
        wrong = await explore(found, folder)
        assert not wrong, f"CODEX_LSP_SEED={seed}: {found}\n" + "\n".join(wrong)
        counts[found.failure] += 1
    assert one or set(counts) == set(FAILURES)
