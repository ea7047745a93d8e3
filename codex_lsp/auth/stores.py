"""Which store `cli_auth_credentials_store` names, and the two kinds that need no code of their own.

Where Codex keeps credentials in a way that we cannot write correctly, we say so and do not write.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Hashable
from contextlib import suppress
from pathlib import Path
from typing import Literal

from codex_lsp.auth.errors import StoreUnusable
from codex_lsp.auth.keyring_store import KeyringStore, Vault, system_vault
from codex_lsp.auth.ports import TokenStore
from codex_lsp.auth.record import Snapshot, read_record

Kind = Literal["file", "keyring", "auto", "ephemeral"]


def choose_store(
    kind: Kind, home: Path, file: TokenStore, *, vault: Callable[[], Vault] = system_vault
) -> TokenStore:
    """The store of that kind for `home`, whose credentials file is `file`."""
    match kind:
        case "file":
            return file
        case "ephemeral":
            return MemoryStore(file)
        case "keyring" | "auto" if _is_encrypted(home):
            raise StoreUnusable(
                "Codex keeps its credentials in an encrypted file here, which codex-lsp cannot "
                "write. Set cli_auth_credentials_store to file in config.toml and sign in again."
            )
        case "keyring":
            return KeyringStore(home, vault(), file)
        case "auto":
            return _auto(home, file, vault)


class MemoryStore:
    """`TokenStore` of this process alone; it ends with it."""

    name = "ephemeral"

    def __init__(self, file: TokenStore) -> None:
        self._file = file
        self._here: bytes | None = None
        self._staged: bytes | None = None

    async def beside(self) -> Path:
        """Where the credentials file would be."""
        return await self._file.beside()

    async def load(self) -> Snapshot:
        """What was saved."""
        return read_record(self._here)

    async def stamp(self) -> Hashable:
        """The content itself, which stays in this process."""
        return self._here

    async def save(self, data: bytes) -> None:
        """Remember `data`."""
        self._here = data

    async def delete(self) -> bool:
        """Forget it."""
        had, self._here = self._here is not None, None
        return had

    async def stage(self, data: bytes) -> None:
        """Remember `data` beside it."""
        self._staged = data

    async def staged(self) -> Snapshot:
        """What is beside it."""
        return read_record(self._staged)

    async def unstage(self) -> None:
        """Forget what is beside it."""
        self._staged = None

    async def swap(self, expected: Snapshot) -> None:
        """Change places."""
        if self._here == expected.data:
            self._here, self._staged = self._staged, self._here


class AutoStore:
    """The keyring where it holds something or can be written, else the file.

    Codex looks into the keyring first. So an entry there must not be left behind a newer file.
    """

    name = "auto"

    def __init__(self, keyring: TokenStore, file: TokenStore) -> None:
        self._keyring = keyring
        self._file = file

    async def beside(self) -> Path:
        """Where the credentials file would be."""
        return await self._file.beside()

    async def load(self) -> Snapshot:
        """What Codex would read."""
        return await (await self._active()).load()

    async def stamp(self) -> Hashable:
        """Changes when either store does."""
        return (await self._keyring.stamp(), await self._file.stamp())

    async def save(self, data: bytes) -> None:
        """Into the keyring; into the file only if no entry can hide it."""
        try:
            await self._keyring.save(data)
        except StoreUnusable:
            if (await self._keyring_content()).data is not None:
                raise
            await self._file.save(data)

    async def delete(self) -> bool:
        """Out of both."""
        try:
            return await self._keyring.delete()  # the file with it
        except StoreUnusable:
            if (await self._keyring_content()).data is not None:
                raise
            return await self._file.delete()

    async def stage(self, data: bytes) -> None:
        """Beside the store that holds the credentials."""
        await (await self._active()).stage(data)

    async def staged(self) -> Snapshot:
        """Beside either: the credentials may have moved since."""
        with suppress(StoreUnusable):
            staged = await self._keyring.staged()
            if staged.data is not None:
                return staged
        return await self._file.staged()

    async def unstage(self) -> None:
        """From beside both."""
        with suppress(StoreUnusable):
            await self._keyring.unstage()
        await self._file.unstage()

    async def swap(self, expected: Snapshot) -> None:
        """In the store that holds the credentials."""
        active = await self._active()
        if (await active.staged()).data is None:
            await active.stage((await self.staged()).data or b"")
        await active.swap(expected)

    async def _active(self) -> TokenStore:
        return self._file if (await self._keyring_content()).data is None else self._keyring

    async def _keyring_content(self) -> Snapshot:
        """What the keyring holds. One that cannot be read holds nothing, for Codex as well."""
        with suppress(StoreUnusable):
            return await self._keyring.load()
        return Snapshot()


def _auto(home: Path, file: TokenStore, vault: Callable[[], Vault]) -> TokenStore:
    try:
        return AutoStore(KeyringStore(home, vault(), file), file)
    except StoreUnusable as error:
        raise StoreUnusable(
            "Codex may keep the credentials in the keyring (cli_auth_credentials_store is auto), "
            "and codex-lsp was installed without support for it. Install codex-lsp[keyring], or "
            "set it to file."
        ) from error


def _is_encrypted(home: Path) -> bool:
    """Windows is where Codex does so by default; elsewhere its file gives it away."""
    return sys.platform == "win32" or (home / "secrets" / "codex_auth.age").exists()
