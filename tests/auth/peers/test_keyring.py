"""The stores besides the file: same protocol, other places."""

from __future__ import annotations

import asyncio
import json
import sys
import threading
from pathlib import Path

import keyring
import keyring.core
import pytest
from keyring.backend import KeyringBackend

from codex_lsp.auth.errors import SignedOut, StoreUnusable
from codex_lsp.auth.files import LocalFiles
from codex_lsp.auth.keyring_store import OUR_SERVICE, SERVICE, KeyringStore, account_name
from codex_lsp.auth.lock import KernelLock
from codex_lsp.auth.ports import TokenStore
from codex_lsp.auth.record import ChatGpt
from codex_lsp.auth.settings import AuthSettings
from codex_lsp.auth.source import CredentialSource, SystemClock, open_source
from codex_lsp.auth.store import FileStore
from codex_lsp.auth.stores import Kind, choose_store
from codex_lsp.net.client import post
from tests.doubles.authority import Authority, Issued, serving


class MemoryVault:
    """A keyring in memory. `breaks` are the calls that fail, `hangs` those that never end."""

    def __init__(self) -> None:
        self.entries: dict[tuple[str, str], str] = {}
        self.breaks: set[str] = set()
        self.hangs: set[str] = set()
        self._never = threading.Event()

    def get_password(self, service: str, account: str, /) -> str | None:
        self._stumble("get")
        return self.entries.get((service, account))

    def set_password(self, service: str, account: str, value: str, /) -> None:
        self._stumble("set")
        self.entries[service, account] = value

    def delete_password(self, service: str, account: str, /) -> None:
        self._stumble("delete")
        del self.entries[service, account]

    def _stumble(self, call: str) -> None:
        if call in self.hangs:
            self._never.wait()
        if call in self.breaks:
            raise RuntimeError("locked: sk-secret-in-an-error")


def file_store(home: Path) -> FileStore:
    return FileStore(home / "auth.json", LocalFiles(), SystemClock(), KernelLock)


def store_in(home: Path, kind: Kind, vault: MemoryVault) -> TokenStore:
    return choose_store(kind, home, file_store(home), vault=lambda: vault)


def source_over(store: TokenStore, home: Path, url: str) -> CredentialSource:
    settings = AuthSettings(home=home, file=home / "auth.json", token_url=f"{url}/oauth/token")
    return open_source(settings, post, store=store)


def key_of(home: Path) -> tuple[str, str]:
    """Where Codex looks."""
    return SERVICE, account_name(str(home.resolve()))


def text_of(issued: Issued) -> str:
    return json.dumps(issued.auth_json(), separators=(",", ":"))


def test_names_are_those_of_codex() -> None:
    assert SERVICE == "Codex Auth"
    assert account_name("~/.codex") == "cli|940db7b1d0e4eb40"


async def test_a_home_that_is_a_link_has_the_name_of_what_it_links_to(tmp_path: Path) -> None:
    vault, real, link = MemoryVault(), tmp_path / "real", tmp_path / "link"
    real.mkdir()
    link.symlink_to(real)
    await store_in(link, "keyring", vault).save(b"{}")
    assert vault.entries == {key_of(real): "{}"}


@pytest.mark.parametrize("kind", ["keyring", "auto", "ephemeral"])
async def test_a_refresh_goes_through_any_store(tmp_path: Path, kind: Kind) -> None:
    authority, vault = Authority(), MemoryVault()
    store = store_in(tmp_path, kind, vault)
    await store.save(json.dumps(authority.sign_in().auth_json()).encode())
    async with serving(authority) as url:
        source = source_over(store, tmp_path, url)
        first = await source.current()
        second = await source.replace(first)
        await source.aclose()
    assert second.token != first.token
    record = (await store.load()).record
    assert isinstance(record, ChatGpt)
    assert record.access == second.token
    assert authority.is_live(record.refresh.reveal())
    assert authority.stats()["refreshes"] == 1
    assert (await store.staged()).data is None
    assert not (tmp_path / "auth.json").exists()
    assert [service for service, _ in vault.entries] == [SERVICE] * (kind != "ephemeral")


async def test_the_entry_is_what_codex_writes_and_the_file_goes(tmp_path: Path) -> None:
    authority, vault = Authority(), MemoryVault()
    (tmp_path / "auth.json").write_text("{}")
    issued = authority.sign_in()
    await store_in(tmp_path, "keyring", vault).save(json.dumps(issued.auth_json()).encode())
    assert vault.entries == {key_of(tmp_path): text_of(issued)}
    assert not (tmp_path / "auth.json").exists()


async def test_two_windows_over_one_keyring_refresh_once(tmp_path: Path) -> None:
    authority, vault = Authority(delay=0.1), MemoryVault()
    stores = [store_in(tmp_path, "keyring", vault) for _ in range(2)]
    await stores[0].save(json.dumps(authority.sign_in().auth_json()).encode())
    async with serving(authority) as url:
        sources = [source_over(store, tmp_path, url) for store in stores]
        rejected = await sources[0].current()
        fresh = await asyncio.gather(*(source.replace(rejected) for source in sources))
        await asyncio.gather(*(source.aclose() for source in sources))
    assert fresh[0] == fresh[1] != rejected
    assert authority.stats()["refreshes"] == 1


@pytest.mark.parametrize("kind", ["keyring", "auto"])
async def test_signing_out_empties_keyring_and_file(tmp_path: Path, kind: Kind) -> None:
    authority, vault = Authority(), MemoryVault()
    store = store_in(tmp_path, kind, vault)
    async with serving(authority) as url:
        source = source_over(store, tmp_path, url)
        await source.sign_in(text_of(authority.sign_in()).encode())
        (tmp_path / "auth.json").write_text(text_of(authority.sign_in()))
        assert isinstance(await source.sign_out(), ChatGpt)
        with pytest.raises(SignedOut):
            await source.current()
    assert vault.entries == {}
    assert not (tmp_path / "auth.json").exists()


async def test_a_swap_leaves_what_another_program_wrote(tmp_path: Path) -> None:
    authority, vault = Authority(), MemoryVault()
    store = store_in(tmp_path, "keyring", vault)
    await store.save(text_of(authority.sign_in()).encode())
    expected = await store.load()
    await store.stage(text_of(authority.sign_in()).encode())
    theirs = authority.sign_in()
    await store.save(text_of(theirs).encode())
    await store.swap(expected)
    assert vault.entries[key_of(tmp_path)] == text_of(theirs)


async def test_auto_reads_the_file_until_the_keyring_holds_something(tmp_path: Path) -> None:
    authority, vault = Authority(), MemoryVault()
    store = store_in(tmp_path, "auto", vault)
    in_file, in_keyring = authority.sign_in(), authority.sign_in()
    (tmp_path / "auth.json").write_text(text_of(in_file))
    before = await store.stamp()
    assert (await store.load()).data == text_of(in_file).encode()
    vault.entries[key_of(tmp_path)] = text_of(in_keyring)
    assert (await store.load()).data == text_of(in_keyring).encode()
    assert await store.stamp() != before


async def test_auto_refreshes_in_the_file_where_the_keyring_is_empty(tmp_path: Path) -> None:
    authority, vault = Authority(), MemoryVault()
    store = store_in(tmp_path, "auto", vault)
    (tmp_path / "auth.json").write_text(text_of(authority.sign_in()))
    async with serving(authority) as url:
        source = source_over(store, tmp_path, url)
        fresh = await source.replace(await source.current())
    tokens = json.loads((tmp_path / "auth.json").read_text())["tokens"]
    assert tokens["access_token"] == fresh.token.reveal()
    assert vault.entries == {}


async def test_auto_falls_back_to_the_file_only_where_no_entry_would_hide_it(
    tmp_path: Path,
) -> None:
    authority, vault = Authority(), MemoryVault()
    store = store_in(tmp_path, "auto", vault)
    vault.breaks = {"set"}
    await store.save(text_of(authority.sign_in()).encode())
    assert (tmp_path / "auth.json").exists()
    vault.entries[key_of(tmp_path)] = text_of(authority.sign_in())
    with pytest.raises(StoreUnusable):
        await store.save(text_of(authority.sign_in()).encode())


async def test_staged_tokens_wait_where_codex_does_not_look(tmp_path: Path) -> None:
    vault = MemoryVault()
    store = store_in(tmp_path, "keyring", vault)
    await store.stage(b'{"a": 1}')
    assert {service for service, _ in vault.entries} == {OUR_SERVICE}
    await store.unstage()
    assert vault.entries == {}


@pytest.mark.parametrize("call", ["get", "set"])
async def test_a_keyring_that_fails_is_named_without_its_own_words(
    tmp_path: Path, call: str
) -> None:
    vault = MemoryVault()
    vault.breaks = {call}
    with pytest.raises(StoreUnusable, match="RuntimeError") as failure:
        await store_in(tmp_path, "keyring", vault).save(b"{}")
    assert "sk-" not in str(failure.value) + failure.value.detail


async def test_a_keyring_that_hangs_is_given_up_on(tmp_path: Path) -> None:
    vault = MemoryVault()
    vault.hangs = {"get"}
    with pytest.raises(StoreUnusable, match="did not answer"):
        await KeyringStore(tmp_path, vault, file_store(tmp_path), deadline=0.05).load()


async def test_a_keyring_that_forgets_is_noticed(tmp_path: Path) -> None:
    class Forgetful(MemoryVault):
        def set_password(self, service: str, account: str, value: str, /) -> None:
            pass

    with pytest.raises(StoreUnusable, match="did not keep"):
        await store_in(tmp_path, "keyring", Forgetful()).save(b"{}")


@pytest.mark.parametrize("kind", ["keyring", "auto"])
def test_an_encrypted_file_of_codex_is_not_written_around(tmp_path: Path, kind: Kind) -> None:
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "codex_auth.age").touch()
    with pytest.raises(StoreUnusable, match="encrypted"):
        store_in(tmp_path, kind, MemoryVault())


@pytest.mark.parametrize("kind", ["keyring", "auto"])
def test_a_missing_package_is_said_with_what_to_install(
    tmp_path: Path, kind: Kind, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "keyring", None)
    with pytest.raises(StoreUnusable, match=r"codex-lsp\[keyring\]"):
        choose_store(kind, tmp_path, file_store(tmp_path))


async def test_the_keyring_package_itself_serves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend = InMemory()
    monkeypatch.setattr(keyring.core, "_keyring_backend", backend)
    store = choose_store("keyring", tmp_path, file_store(tmp_path))
    assert (await store.load()).data is None
    await store.save(b'{"a": 1}')
    assert backend.entries == {key_of(tmp_path): '{"a":1}'}
    assert await store.delete()
    assert not await store.delete()
    assert backend.entries == {}


class InMemory(KeyringBackend):
    priority = 1

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # keyring has no types
        self.entries: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.entries.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.entries[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        del self.entries[service, username]
