"""Credentials in the keyring of the operating system, under the names that Codex uses.

A keyring cannot swap two entries in one step, so what another program writes in the milliseconds
of our own write is lost; Codex does no better. Its calls can hang on a locked keyring: each runs
in a thread of its own that nothing waits for after a deadline. `stores` chooses among the stores.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import threading
from collections.abc import Callable, Hashable
from pathlib import Path
from typing import Protocol, TypeVar

from codex_lsp.auth.errors import StoreUnusable
from codex_lsp.auth.ports import TokenStore
from codex_lsp.auth.record import Snapshot, Torn, read_record

SERVICE = "Codex Auth"
OUR_SERVICE = "codex-lsp"
"""Where what is staged waits: a place that Codex does not look at."""

DEADLINE = 10.0
"""Seconds for one call: enough for a keyring that is asked over D-Bus, not for one that hangs."""

_T = TypeVar("_T")


class Vault(Protocol):
    """The functions of the `keyring` package that we use. They block."""

    def get_password(self, service: str, account: str, /) -> str | None:
        """The entry; None when there is none."""
        ...

    def set_password(self, service: str, account: str, value: str, /) -> None:
        """Write the entry."""
        ...

    def delete_password(self, service: str, account: str, /) -> None:
        """Remove the entry; raises when there is none."""
        ...


def account_name(home: str) -> str:
    """The account under which Codex keeps the credentials of a CODEX_HOME."""
    return f"cli|{hashlib.sha256(home.encode()).hexdigest()[:16]}"


def system_vault() -> Vault:
    """The keyring of this system; raises `StoreUnusable` where the package is not installed."""
    try:
        import keyring  # noqa: PLC0415 - an extra that most people do not have
    except ImportError as error:
        raise StoreUnusable(
            "The credentials are in the keyring, and codex-lsp was installed without support for "
            "it. Install codex-lsp[keyring], or set cli_auth_credentials_store to file."
        ) from error
    vault: Vault = keyring
    return vault


class KeyringStore:
    """`TokenStore` in the keyring. `file` is the store that Codex empties when it writes here."""

    name = "keyring"

    def __init__(
        self, home: Path, vault: Vault, file: TokenStore, *, deadline: float = DEADLINE
    ) -> None:
        self._account = account_name(_canonical(home))
        self._vault = vault
        self._file = file
        self._deadline = deadline

    async def beside(self) -> Path:
        """The credentials file that would be: our lock and journal are the same in either store."""
        return await self._file.beside()

    async def load(self) -> Snapshot:
        """The entry that Codex reads."""
        return _snapshot(await self._get(SERVICE, self._account))

    async def stamp(self) -> Hashable:
        """A digest of the entry."""
        try:
            text = await self._get(SERVICE, self._account)
        except StoreUnusable as error:
            return ("unreadable", error.detail)
        return None if text is None else hashlib.sha256(text.encode()).hexdigest()

    async def save(self, data: bytes) -> None:
        """Write the entry, then remove the file, as Codex does: no second copy stays behind."""
        await self._set(SERVICE, self._account, data)
        await self._file.delete()

    async def delete(self) -> bool:
        """Remove the entry and the file."""
        in_file = await self._file.delete()
        return await self._remove(SERVICE, self._account) or in_file

    async def stage(self, data: bytes) -> None:
        """Keep `data` in an entry of our own."""
        await self._set(OUR_SERVICE, self._pending, data)

    async def staged(self) -> Snapshot:
        """Our own entry."""
        return _snapshot(await self._get(OUR_SERVICE, self._pending))

    async def unstage(self) -> None:
        """Remove our own entry."""
        await self._remove(OUR_SERVICE, self._pending)

    async def swap(self, expected: Snapshot) -> None:
        """See `TokenStore.swap`; here it takes three calls, of which the first compares."""
        here, staged = await self.load(), await self.staged()
        if here.data != expected.data or staged.data is None:
            return
        await self._set(SERVICE, self._account, staged.data)
        if here.data is not None:
            await self.stage(here.data)

    @property
    def _pending(self) -> str:
        return f"{self._account}|pending"

    async def _get(self, service: str, account: str) -> str | None:
        return await self._call(lambda: self._vault.get_password(service, account))

    async def _set(self, service: str, account: str, data: bytes) -> None:
        text = json.dumps(json.loads(data), separators=(",", ":"), ensure_ascii=False)
        await self._call(lambda: self._vault.set_password(service, account, text))
        if await self._get(service, account) != text:
            raise StoreUnusable(
                "The keyring did not keep the credentials. Unlock it, or set "
                "cli_auth_credentials_store to file."
            )

    async def _remove(self, service: str, account: str) -> bool:
        if await self._get(service, account) is None:
            return False
        await self._call(lambda: self._vault.delete_password(service, account))
        return True

    async def _call(self, call: Callable[[], _T]) -> _T:
        try:
            return await _in_daemon_thread(call, self._deadline)
        except TimeoutError as error:
            raise StoreUnusable(
                f"The keyring did not answer within {self._deadline:g} s. Unlock it and try again.",
                detail="deadline",
            ) from error
        except _Failed as error:
            raise StoreUnusable(
                f"The keyring cannot be used ({error.kind}). Unlock it, or set "
                "cli_auth_credentials_store to file.",
                detail=error.kind,
            ) from error


class _Failed(Exception):
    """A backend's error, by name only: its text may repeat what it was given."""

    def __init__(self, kind: str) -> None:
        super().__init__(kind)
        self.kind = kind


async def _in_daemon_thread(call: Callable[[], _T], seconds: float) -> _T:
    """`call` in a thread that does not keep the process alive, as those of an executor do."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[_T] = loop.create_future()

    def settle(result: _T | None, error: _Failed | None) -> None:
        if done.cancelled():
            return
        if error is not None:
            done.set_exception(error)
        else:
            done.set_result(result)  # type: ignore[arg-type]  # None is a result, if _T allows it

    def run() -> None:
        result, failed = None, None
        try:
            result = call()
        except Exception as error:  # noqa: BLE001 - backends raise whatever their system does
            failed = _Failed(type(error).__name__)
        if not loop.is_closed():
            loop.call_soon_threadsafe(settle, result, failed)

    threading.Thread(target=run, name="keyring", daemon=True).start()
    async with asyncio.timeout(seconds):
        return await done


def _snapshot(text: str | None) -> Snapshot:
    data = None if text is None else text.encode()
    try:
        return read_record(data)
    except Torn:
        return Snapshot(data, torn=True)


def _canonical(home: Path) -> str:
    try:
        return str(home.resolve(strict=True))
    except OSError:
        return str(home)
