"""The real file system and the real kernel locks, with an authority in memory."""

from __future__ import annotations

import asyncio
import json
import os
import stat
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from codex_lsp.auth.errors import Busy, StoreUnusable
from codex_lsp.auth.files import LocalFiles
from codex_lsp.auth.lock import KernelLock
from codex_lsp.auth.settings import AuthSettings
from codex_lsp.auth.source import CredentialSource, open_source
from tests.auth.authority import LIFE, Authority
from tests.auth.world import Reply, reply_to


class Home:
    """A CODEX_HOME on disk, in which alice's access token has expired."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.file = folder / "auth.json"
        self.authority = Authority()
        self.requests = 0
        begun = time.time() - LIFE - 5.0
        self.login = self.authority.sign_in("alice", now=begun)
        self.file.write_bytes(self.login.record(at=begun))
        self.file.chmod(0o600)

    async def post(self, url: str, *, json: Mapping[str, Any] | None = None, **_: Any) -> Reply:
        assert json is not None
        self.requests += 1
        await asyncio.sleep(0.01)
        token = str(json["refresh_token"])
        return reply_to(self.authority.refresh(token, "ours", now=time.time()))

    def window(self) -> CredentialSource:
        settings = AuthSettings(home=self.folder, file=self.file)
        return open_source(settings, self.post)

    def tokens(self) -> dict[str, str]:
        tokens = json.loads(self.file.read_bytes())["tokens"]
        assert isinstance(tokens, dict)
        return tokens


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


async def test_windows_share_one_refresh_on_real_files(home: Home) -> None:
    bearers = await asyncio.gather(*(home.window().current() for _ in range(8)))
    assert {bearer.token.reveal() for bearer in bearers} == {home.tokens()["access_token"]}
    assert home.requests == 1
    assert home.authority.is_live(home.tokens()["refresh_token"])
    assert sorted(path.name for path in home.folder.iterdir()) == [
        "auth.json",
        "auth.json.codex-lsp.journal",
        "auth.json.codex-lsp.lock",
        "auth.json.lock",
        "auth.lock",
    ]


async def test_mode_and_links_are_kept(home: Home) -> None:
    target = home.folder / "dotfiles" / "codex" / "auth.json"
    target.parent.mkdir(parents=True)
    home.file.rename(target)
    target.chmod(0o640)
    middle = home.folder / "middle"
    middle.symlink_to(Path("dotfiles") / "codex" / "auth.json")
    home.file.symlink_to(middle.name)
    await home.window().current()
    assert home.file.is_symlink()
    assert middle.is_symlink()
    assert not target.is_symlink()
    assert stat.S_IMODE(target.stat().st_mode) == 0o640
    assert home.authority.is_live(home.tokens()["refresh_token"])
    assert (target.parent / "auth.json.codex-lsp.lock").exists()


@pytest.mark.parametrize("umask", [0o000, 0o077, 0o177])
async def test_what_we_create_is_private_whatever_the_umask(home: Home, umask: int) -> None:
    before = os.umask(umask)
    try:
        await home.window().current()
    finally:
        os.umask(before)
    ours = [path for path in home.folder.iterdir() if "codex-lsp" in path.name]
    assert {stat.S_IMODE(path.stat().st_mode) for path in [home.file, *ours]} == {0o600}


async def test_a_lock_held_elsewhere_is_waited_for_and_not_stolen(home: Home) -> None:
    path = home.folder / "auth.json.codex-lsp.lock"
    lock = KernelLock(path)
    assert await lock.try_acquire()
    os.utime(path, (0, 0))  # as old as can be
    settings = AuthSettings(home=home.folder, file=home.file, lock_seconds=0.2)
    with pytest.raises(Busy):
        await open_source(settings, home.post).current()
    assert home.requests == 0
    await lock.release()
    await home.window().current()
    assert path.exists()


async def test_what_is_at_the_lock_s_path_gets_a_clear_message(home: Home) -> None:
    path = home.folder / "auth.json.codex-lsp.lock"
    path.mkdir()
    with pytest.raises(StoreUnusable, match="is a folder"):
        await home.window().current()
    path.rmdir()
    path.symlink_to("elsewhere")
    with pytest.raises(StoreUnusable, match="is a link"):
        await home.window().current()


async def test_a_link_to_itself_gets_a_clear_message(home: Home) -> None:
    home.file.unlink()
    home.file.symlink_to("auth.json")
    with pytest.raises(StoreUnusable, match="Repair the link"):
        await home.window().current()


async def test_exchange_swaps_two_names_or_says_that_one_is_gone(tmp_path: Path) -> None:
    files = LocalFiles()
    one, other = tmp_path / "one", tmp_path / "other"
    await files.create(one, b"1")
    with pytest.raises(FileNotFoundError):
        await files.exchange(one, other)
    await files.create(other, b"2")
    assert await files.exchange(one, other)
    assert (one.read_bytes(), other.read_bytes()) == (b"2", b"1")
