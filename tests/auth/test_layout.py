"""Odd places and failing disks: the rules of file hygiene hold, and each case has its message."""

from __future__ import annotations

import asyncio
import errno
import fcntl
import os
import stat
import sys
from pathlib import Path

import pytest

from codex_lsp.auth.errors import Busy, SignedOut, StoreUnusable
from codex_lsp.auth.files import LocalFiles, in_thread
from codex_lsp.auth.lock import KernelLock
from tests.auth.scene import Scene
from tests.auth.test_real_files import Home
from tests.auth.world import AUTH, Process

CALLS = {
    "create": ("ENOSPC", "EDQUOT", "EIO", "EROFS"),
    "replace": ("EACCES", "EIO", "EXDEV"),
    "exchange": ("EBUSY", "EIO", "EXDEV"),
    "sync": ("EIO",),
    "remove": ("EROFS", "EACCES"),
    "read": ("EACCES", "EIO"),
}


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


@pytest.mark.parametrize("number", [1, 2, 3, 4])
@pytest.mark.parametrize(
    ("call", "code"), [(call, code) for call, codes in CALLS.items() for code in codes]
)
def test_a_disk_that_fails_for_a_moment_costs_no_token(call: str, code: str, number: int) -> None:
    """The n-th such call fails once: the person is told why, or nothing is lost; then it heals."""
    scene = Scene()
    left = number
    first: list[str] = []

    def strike(_process: Process, path: str) -> OSError | None:
        nonlocal left
        left -= 1
        if left:
            return None
        return OSError(getattr(errno, code), os.strerror(getattr(errno, code)), path)

    async def main() -> None:
        scene.process.faults[call] = [strike]
        try:
            await scene.source.current()
        except StoreUnusable as error:
            first.append(str(error))
        await asyncio.sleep(1.0)
        bearer = await scene.source.current()
        assert bearer.token.reveal() in scene.machine.authority.good_access
        assert bearer.token.reveal() != scene.alice.access
        await scene.source.drain()
        await scene.source.replace(scene.bearer(scene.alice))
        await scene.source._tidy()  # as watching does

    scene.run(main())
    assert all("auth.json" in text and text.endswith(".") for text in first)
    assert scene.refreshes() == 1
    assert scene.machine.authority.is_live(scene.on_disk()["tokens"]["refresh_token"])
    assert scene.machine.disk.beside() == {".journal"}


def test_new_tokens_that_cannot_be_saved_are_used_and_saved_later() -> None:
    scene = Scene()
    full = False

    def strike(_process: Process, path: str) -> OSError | None:
        return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), path) if full else None

    def fill(_token: str) -> None:
        nonlocal full
        full = True

    async def main() -> None:
        nonlocal full
        scene.process.faults["create"] = [strike]
        scene.network.on_send = fill
        first = await scene.source.current()
        assert await scene.source.current() == first
        assert scene.on_disk()["tokens"]["refresh_token"] == scene.alice.refresh
        full = False
        await asyncio.sleep(20.0)
        assert await scene.source.current() == first
        await scene.source.drain()
        assert await scene.window().current() == first

    scene.run(main())
    assert scene.refreshes() == 1


@pytest.mark.parametrize("code", [errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP])
async def test_a_file_system_without_locks_is_named_and_nothing_is_sent(
    home: Home, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def flock(*_: object) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(fcntl, "flock", flock)
    with pytest.raises(StoreUnusable, match="no working locks"):
        await home.window().current()
    assert home.requests == 0


async def test_a_lock_file_that_somebody_deletes_is_made_again(home: Home) -> None:
    path = home.folder / "auth.json.codex-lsp.lock"
    lock = KernelLock(path)
    assert await lock.try_acquire()
    await in_thread(path.unlink)
    await lock.release()
    await home.window().current()
    assert home.requests == 1
    assert await in_thread(path.exists)


async def test_a_dangling_link_is_signed_out_and_a_sign_in_writes_what_it_points_to(
    home: Home,
) -> None:
    target = home.folder / "elsewhere" / "auth.json"
    home.file.unlink()
    home.file.symlink_to(target)
    window = home.window()
    with pytest.raises(SignedOut):
        await window.current()
    await window.sign_in(home.login.record(at=0))
    assert home.file.is_symlink()
    assert stat.S_IMODE((await in_thread(target.stat)).st_mode) == 0o600


async def test_a_folder_in_place_of_the_file_gets_a_message(home: Home) -> None:
    home.file.unlink()
    home.file.mkdir()
    with pytest.raises(StoreUnusable, match="cannot be read"):
        await home.window().current()


@pytest.mark.skipif(sys.platform == "win32", reason="no FIFOs there")
async def test_a_fifo_in_place_of_the_file_does_not_hang(home: Home) -> None:
    home.file.unlink()
    os.mkfifo(home.file)
    with pytest.raises(StoreUnusable, match="not a regular file"):
        await home.window().current()


async def test_a_file_of_megabytes_is_refused(home: Home) -> None:
    home.file.write_bytes(b" " * (2 << 20))
    with pytest.raises(StoreUnusable, match="too large"):
        await home.window().current()


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe", b"null", b'{"tokens": {'])
async def test_what_cannot_be_read_is_busy_and_kept_when_signing_in(
    home: Home, content: bytes
) -> None:
    home.file.write_bytes(content)
    window = home.window()
    with pytest.raises(Busy, match="half written"):
        await window.current()
    await window.sign_in(home.login.record(at=0))
    backup = home.folder / "auth.json.codex-lsp.backup"
    assert await in_thread(backup.read_bytes) == content


async def test_a_file_of_another_owner_keeps_its_owner(home: Home) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give files away")
    os.chown(home.file, 12345, 12346)
    await home.window().current()
    seen = await in_thread(home.file.stat)
    assert (seen.st_uid, seen.st_gid) == (12345, 12346)


async def test_a_system_that_cannot_exchange_names_renames(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def exchange(_self: LocalFiles, _one: Path, _other: Path) -> bool:
        return False

    monkeypatch.setattr(LocalFiles, "exchange", exchange)
    await home.window().current()
    assert home.authority.is_live(home.tokens()["refresh_token"])


async def test_an_unreadable_journal_stops_every_refresh_until_a_sign_in(home: Home) -> None:
    journal = home.folder / "auth.json.codex-lsp.journal"
    journal.write_bytes(b"garbage")
    window = home.window()
    with pytest.raises(StoreUnusable, match="sign in again"):
        await window.current()
    assert home.requests == 0
    await window.sign_in(home.login.record(at=0))
    await window.current()
    assert home.requests == 1


def test_nothing_of_ours_is_ever_in_the_credentials_file() -> None:
    scene = Scene()
    before = set(scene.on_disk())
    scene.run(scene.source.current())
    assert set(scene.on_disk()) == before
    assert AUTH.name == "auth.json"
