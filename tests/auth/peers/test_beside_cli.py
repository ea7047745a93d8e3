"""TA6: windows beside Codex processes that know none of our locks, in real processes.

Every round something happens to the shared file at the very moment that the windows need it.
A collision is a refresh token that both a window and a Codex process sent: it cannot be prevented
from our side, so it is counted, and every one must end with the winner's tokens in all windows.
`CODEX_LSP_CAMPAIGN=25` makes it 50 000 rounds, `CODEX_LSP_SEED` picks others.
"""

from __future__ import annotations

import json
import os
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from tests.auth.peers.windows import Windows
from tests.doubles.authority import RemoteAuthority, authority_process
from tests.doubles.cli_emulator import Emulated, Kind

MORE = float(os.environ.get("CODEX_LSP_CAMPAIGN", "1"))
SEED = int(os.environ.get("CODEX_LSP_SEED", "0"))
ROUNDS = 500


class Scene:
    """Two windows and a Codex process on one file, and what must hold after each round."""

    def __init__(
        self,
        home: Path,
        authority: RemoteAuthority,
        windows: Windows,
        cli: Emulated,
        random: Random,
    ) -> None:
        self.random = random
        self.file = home / "auth.json"
        self.authority = authority
        self.windows = windows
        self.cli = cli
        self.seen: Counter[str] = Counter()

    def everyone_wakes(self) -> None:
        """The token has been refused; all of them notice at once."""
        self._expire()
        self.windows.tell("reject")
        self.cli.tell("refresh")
        self._windows_are_well(self.windows.hear())
        self.seen[f"codex {self.cli.hear()}"] += 1
        self._file_is_well()

    def we_are_first(self) -> None:
        """Codex finds our tokens, and sends nothing."""
        self._expire()
        self._windows_are_well(self.windows.ask("reject"))
        assert self.cli.ask("refresh") == "adopted"
        self._file_is_well()

    def codex_is_first(self) -> None:
        """The windows find its tokens, and send nothing."""
        self._expire()
        before = self.authority.stats()["refreshes"]
        assert self.cli.ask("refresh") == "rotated"
        self._windows_are_well(self.windows.ask("reject"))
        assert self.authority.stats()["refreshes"] == before + 1
        self._file_is_well()

    def codex_signs_in_again(self) -> None:
        """Its sign-in wins, whatever the windows were doing."""
        self._during_our_refresh("login alice")
        self._file_is_well()

    def codex_switches(self) -> None:
        """Another account takes the file; nobody's tokens end up in the other's record."""
        self._during_our_refresh("switch bob")
        self._file_is_well()
        self._during_our_refresh("switch alice")
        self._file_is_well()

    def codex_signs_out(self) -> None:
        """Nothing of ours brings the file back."""
        self._during_our_refresh("logout")
        assert not self.file.exists()
        assert set(self.windows.ask("current")) == {"!signedOut"}
        assert self.cli.ask("login alice") == "done"
        self._file_is_well()

    def _during_our_refresh(self, command: str) -> None:
        """Codex acts at any moment of it, which is why this waits for a time and no state."""
        self._expire()
        self.windows.tell("reject")
        time.sleep(self.random.uniform(0, 0.1))
        self.cli.tell(command)
        allowed = {"!accountSwitched", "!signedOut", "!revoked"}
        for answer in self.windows.hear():
            assert not answer.startswith("!") or answer in allowed, answer
        assert self.cli.hear() == "done"
        self.windows.ask("drain")

    def _expire(self) -> None:
        """All begin with the same tokens in hand, and the service takes them no more."""
        assert self.cli.ask("load") == "loaded"
        self._windows_are_well(self.windows.ask("current"))
        self.authority.expire_access()

    def _windows_are_well(self, bearers: list[str]) -> None:
        assert set(bearers) <= self.authority.accepted(), bearers

    def _file_is_well(self) -> None:
        tokens = json.loads(self.file.read_bytes())["tokens"]
        assert self.authority.is_of_latest_sign_in(tokens["refresh_token"])


@pytest.mark.timeout(600 + 600 * MORE)
@pytest.mark.parametrize("part", [0, 1])
@pytest.mark.parametrize("kind", ["old", "new"])
def test_windows_live_beside_codex(
    tmp_path: Path, kind: Kind, part: int, record_property: Callable[[str, object], None]
) -> None:
    seed = f"{SEED}-{kind}-{part}"
    random = Random(seed)
    with (
        authority_process(delay=0.02 * part) as authority,
        Windows(tmp_path, 2, authority.url) as windows,
        Emulated(tmp_path, kind, authority) as cli,
    ):
        scene = Scene(tmp_path, authority, windows, cli, random)
        assert cli.ask("login alice") == "done"
        rounds = [
            scene.everyone_wakes,
            scene.we_are_first,
            scene.codex_is_first,
            scene.codex_signs_in_again,
            scene.codex_switches,
            scene.codex_signs_out,
        ]
        for number in range(round(ROUNDS * MORE)):
            happens = random.choices(rounds, weights=[10, 2, 2, 2, 2, 2])[0]
            try:
                happens()
            except AssertionError as error:
                error.add_note(f"round {number} of seed {seed}: {happens.__name__}")
                raise
        log = authority.stats()["log"]
        assert not [path.name for path in tmp_path.glob("*.pending")]
    by_us = Counter(token for token, origin, _ in log if not origin.startswith("codex_"))
    by_codex = {token for token, origin, _ in log if origin.startswith("codex_")}
    assert set(by_us.values()) == {1}, "a window spent a token twice"
    record_property("collisions", len(by_codex & by_us.keys()))
    record_property("outcomes", dict(scene.seen))
    print(f"{seed}: {len(by_codex & by_us.keys())} collisions, {dict(scene.seen)}")


@pytest.mark.timeout(600)
@pytest.mark.parametrize("kind", ["old", "new"])
def test_windows_that_let_codex_go_first_hardly_collide_with_it(tmp_path: Path, kind: Kind) -> None:
    """All wake in the same moment, each round; at most one round in a hundred ends in a collision.

    The windows wait as those of a server do after a 401, until Codex has stored what it got.
    """
    rounds = 100
    with (
        authority_process(delay=0.02) as authority,
        Windows(tmp_path, 2, authority.url) as windows,
        Emulated(tmp_path, kind, authority) as cli,
    ):
        scene = Scene(tmp_path, authority, windows, cli, Random(SEED))
        assert cli.ask("login alice") == "done"
        assert set(windows.ask("polite")) == {"done"}
        for _ in range(rounds):
            scene.everyone_wakes()
        log = authority.stats()["log"]
    by_us = {token for token, origin, _ in log if not origin.startswith("codex_")}
    by_codex = {token for token, origin, _ in log if origin.startswith("codex_")}
    assert len(by_us & by_codex) <= rounds // 100


def test_a_careless_write_is_noticed(tmp_path: Path) -> None:
    """Windows that write without comparing bring the wrong account back, sooner or later."""

    def switch_until_it_shows() -> None:
        for _ in range(100):
            scene.codex_switches()

    with (
        authority_process(delay=0.05) as authority,
        Windows(tmp_path, 2, authority.url, mutant="careless_write") as windows,
        Emulated(tmp_path, "new", authority) as cli,
    ):
        scene = Scene(tmp_path, authority, windows, cli, Random(SEED))
        assert cli.ask("login alice") == "done"
        with pytest.raises(AssertionError):
            switch_until_it_shows()
