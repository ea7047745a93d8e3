"""TA3: many windows, one login, one refresh an expiry. Real processes, files and sockets.

`CODEX_LSP_CAMPAIGN` multiplies the rounds; the counts of requests are exact at any size.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.auth.peers.windows import Windows
from tests.doubles.authority import authority_process

MORE = float(os.environ.get("CODEX_LSP_CAMPAIGN", "1"))
LIFETIME = 3600.0


@pytest.mark.timeout(600 + 600 * MORE)
@pytest.mark.parametrize(("count", "rounds"), [(8, 100), (32, 30)])
@pytest.mark.parametrize("reuse", ["revoke"])
def test_windows_refresh_once_an_expiry(
    tmp_path: Path, count: int, rounds: int, reuse: str
) -> None:
    """Expiry is seen by the clock in even rounds, and by a 401 in odd ones."""
    file, rounds = tmp_path / "auth.json", round(rounds * MORE)
    with (
        authority_process(reuse=reuse, lifetime=LIFETIME) as authority,
        Windows(tmp_path, count, authority.url) as windows,
    ):
        file.write_text(json.dumps(authority.sign_in().auth_json()))
        windows.ask("current")
        offset = 0.0
        for number in range(rounds):
            if number % 2:
                authority.expire_access()
                bearers = windows.ask("reject")
            else:
                offset += LIFETIME
                authority.set(clock_offset=offset)
                windows.ask(f"at {offset}")
                bearers = windows.ask("current")
            assert set(bearers) == authority.accepted(), f"round {number}"
        stats = authority.stats()
        assert stats["refreshes"] == stats["rotations"] == rounds
        tokens = json.loads(file.read_text())["tokens"]
        assert authority.is_live(tokens["refresh_token"])
    left = {path.name for path in tmp_path.iterdir()}
    assert not {name for name in left if name.endswith((".pending", ".tmp"))}


def test_windows_whose_token_is_due_keep_using_it_while_one_refreshes(tmp_path: Path) -> None:
    """What Codex meets when it comes to its own moment, five minutes before expiry."""
    with (
        authority_process(lifetime=LIFETIME, delay=0.2) as authority,
        Windows(tmp_path, 4, authority.url) as windows,
    ):
        issued = authority.sign_in()
        (tmp_path / "auth.json").write_text(json.dumps(issued.auth_json()))
        before = windows.ask("current")
        nearly = LIFETIME - 550  # past our earliest moment and before Codex's
        authority.set(clock_offset=nearly)
        windows.ask(f"at {nearly}")
        assert windows.ask("current") == before
        windows.ask("drain")
        after = windows.ask("current")
        assert set(after).isdisjoint(before)
        assert len(set(after)) == 1
        assert authority.stats()["refreshes"] == 1


def test_windows_without_guards_are_seen_by_the_authority(tmp_path: Path) -> None:
    """The count is worth something: windows with no lock and no journal spend tokens twice."""
    with (
        authority_process(lifetime=LIFETIME, delay=0.2) as authority,
        Windows(tmp_path, 4, authority.url, mutant="unguarded") as windows,
    ):
        (tmp_path / "auth.json").write_text(json.dumps(authority.sign_in().auth_json()))
        windows.ask("current")
        authority.expire_access()
        windows.ask("reject")
        assert authority.stats()["refreshes"] > 1
