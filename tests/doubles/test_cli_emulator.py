"""The emulated CLI does what the measured one did, in both of its kinds."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.doubles.authority import RemoteAuthority, authority_process
from tests.doubles.cli_emulator import Cli, Emulated, Kind

CAPTURED = Path(__file__).parents[1] / "golden" / "captures" / "refresh.json"
BOTH = pytest.mark.parametrize("kind", ["old", "new"])


@pytest.fixture(scope="module")
def authority() -> Iterator[RemoteAuthority]:
    with authority_process() as authority:
        yield authority


def signed_in(home: Path, kind: Kind, authority: RemoteAuthority) -> Cli:
    cli = Cli(home, kind, authority)
    cli.log_in("alice")
    return cli


@BOTH
def test_a_refresh_writes_what_the_real_one_writes(
    tmp_path: Path, kind: Kind, authority: RemoteAuthority
) -> None:
    cli = signed_in(tmp_path, kind, authority)
    assert cli.refresh() == "rotated"
    captured = json.loads(CAPTURED.read_text())["auth_json_after"]
    ours = json.loads(cli.file.read_text())
    assert (list(ours), list(ours["tokens"])) == (list(captured), list(captured["tokens"]))
    assert cli.file.read_text() == json.dumps(ours, indent=2)
    assert cli.file.stat().st_mode & 0o777 == 0o600
    assert authority.is_live(ours["tokens"]["refresh_token"])


@BOTH
def test_only_the_new_kind_replaces_the_file_and_leaves_lock_files(
    tmp_path: Path, kind: Kind, authority: RemoteAuthority
) -> None:
    cli = signed_in(tmp_path, kind, authority)
    before = cli.file.stat().st_ino
    cli.refresh()
    left = {path.name for path in tmp_path.iterdir()} - {"auth.json"}
    if kind == "old":
        assert (cli.file.stat().st_ino == before, left) == (True, set())
    else:
        assert (cli.file.stat().st_ino == before, left) == (False, {"auth.lock", "auth.json.lock"})


@BOTH
def test_what_it_does_not_know_is_lost(
    tmp_path: Path, kind: Kind, authority: RemoteAuthority
) -> None:
    cli = signed_in(tmp_path, kind, authority)
    record = json.loads(cli.file.read_text()) | {"ours": 1}
    record["tokens"] |= {"oauth_provenance": {}, "login_owner_id": "kept"}
    cli.file.write_text(json.dumps(record))
    cli.load()
    cli.refresh()
    after = json.loads(cli.file.read_text())
    assert "ours" not in after
    assert "oauth_provenance" not in after["tokens"]
    assert after["tokens"]["login_owner_id"] == "kept"


@BOTH
def test_the_guarded_reload_adopts_or_stops_before_anything_is_sent(
    tmp_path: Path, kind: Kind, authority: RemoteAuthority
) -> None:
    first, second = signed_in(tmp_path, kind, authority), Cli(tmp_path, kind, authority)
    second.load()
    sent = authority.stats()["refreshes"]
    assert first.refresh() == "rotated"
    assert second.refresh() == "adopted"
    first.switch("bob")
    assert second.refresh() == "switched"
    first.log_out()
    assert second.refresh() == "switched"
    assert authority.stats()["refreshes"] == sent + 1


@BOTH
def test_processes_that_refresh_at_once_spend_one_token_more_than_once(
    tmp_path: Path, kind: Kind
) -> None:
    """What was measured of the real ones, and what ours must live beside."""
    with authority_process(delay=0.3) as authority:
        signed_in(tmp_path, kind, authority)
        with (
            Emulated(tmp_path, kind, authority) as one,
            Emulated(tmp_path, kind, authority) as two,
        ):
            for cli in (one, two):
                assert cli.ask("load") == "loaded"
            one.tell("refresh")
            two.tell("refresh")
            assert sorted([one.hear(), two.hear()])[1] == "rotated"
        assert authority.stats()["reuses"] == 1
        assert authority.is_live(
            json.loads((tmp_path / "auth.json").read_text())["tokens"]["refresh_token"]
        )


@BOTH
def test_a_crash_leaves_an_empty_file_or_a_forgotten_draft(
    tmp_path: Path, kind: Kind, authority: RemoteAuthority
) -> None:
    cli = signed_in(tmp_path, kind, authority)
    cli.die_while_writing()
    assert (cli.read() is None) is (kind == "old")
    assert (tmp_path / ".auth-Ab12Cd").exists() is (kind == "new")
