"""What the Codex CLI does to the shared file: 0.169 and later, and the older ones, as measured.

Also what people and other programs do to it. Each is a coroutine on the machine in memory.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from tests.auth.authority import Login
from tests.auth.world import AUTH, HOME, Machine

_LOCK, _FILE_LOCK = str(HOME / "auth.lock"), str(HOME / "auth.json.lock")


@dataclass(eq=False, slots=True)
class Codex:
    """One other program at work. `login` is what it signed in to, `wrote` its last content."""

    machine: Machine
    initial: bytes
    login: Login | None = None
    signed_out: bool = False
    refreshed: str = ""
    done: bool = False
    removed: bool = False
    revoked: set[str] = field(default_factory=set)

    async def act(self, action: str) -> None:
        await ACTIONS[action](self)
        self.done = True

    async def refresh(self) -> None:
        """0.169: the request without a lock; then two locks, a look, and a rename."""
        token = self._token()
        answer = await self._ask(token)
        if not isinstance(answer, Login):
            return
        async with _Locks(self.machine):
            if self._token() == token:  # otherwise somebody else's tokens are kept
                self.refreshed = answer.refresh
                self.machine.disk.put(AUTH, answer.record(at=self.machine.now()))

    async def refresh_in_place(self) -> None:
        """Before 0.169: load, overlay, truncate, write; no lock, no look."""
        answer = await self._ask(self._token())
        inode = self.machine.disk.names.get(str(AUTH))
        if not isinstance(answer, Login) or inode is None or not inode.data:
            return
        self.refreshed = answer.refresh
        inode.data = b""
        await self.machine.nap(0.05)
        inode.data = answer.record(at=self.machine.now())

    async def sign_in(self) -> None:
        await self._sign_in("alice")

    async def switch(self) -> None:
        await self._sign_in("bob")

    async def switch_in_place(self) -> None:
        login = self.machine.authority.sign_in("bob", now=self.machine.now())
        self.login = login
        inode = self.machine.disk.names.get(str(AUTH))
        if inode is None:
            inode = self.machine.disk.put(AUTH, b"")
        inode.data = b""
        await self.machine.nap(0.05)
        inode.data = login.record(at=self.machine.now())

    async def swap_file(self) -> None:
        """An account switcher: another file is renamed into place."""
        self.login = self.machine.authority.sign_in("bob", now=self.machine.now())
        self.machine.disk.put(AUTH, self.login.record(at=self.machine.now()))

    async def sign_out(self) -> None:
        self._revoke()
        self.machine.disk.names.pop(str(AUTH), None)
        self.signed_out = self.removed = True

    async def restore(self) -> None:
        """A backup tool brings the spent tokens back."""
        self.machine.disk.put(AUTH, self.initial)

    async def die_writing(self) -> None:
        """Truncated, and then nothing."""
        inode = self.machine.disk.names.get(str(AUTH))
        if inode is not None:
            inode.data = b""

    async def rest(self) -> None:
        """Nothing."""

    async def _sign_in(self, account: str) -> None:
        self._revoke()
        self.machine.disk.names.pop(str(AUTH), None)
        self.removed = True
        await self.machine.nap(2.0)
        login = self.machine.authority.sign_in(account, now=self.machine.now())
        async with _Locks(self.machine):
            self.login = login
            self.machine.disk.put(AUTH, login.record(at=self.machine.now()))

    async def _ask(self, token: str) -> Login | str:
        if not token:
            return "nothing to refresh"
        await self.machine.nap(0.3)
        answer = self.machine.authority.refresh(token, "codex", now=self.machine.now())
        await self.machine.nap(0.3)
        return answer

    def _token(self) -> str:
        try:
            tokens = json.loads(self.machine.disk.get(AUTH) or b"{}").get("tokens", {})
        except ValueError:
            return ""
        return str(tokens.get("refresh_token", ""))

    def _revoke(self) -> None:
        token = self._token()
        self.revoked.add(token)
        self.machine.authority.revoke(token)


class _Locks:
    """Both locks, in Codex's order."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine

    async def __aenter__(self) -> None:
        for path in (_LOCK, _FILE_LOCK):
            while path in self._machine.locks:
                await self._machine.until_free(path, 1.0)
            self._machine.locks[path] = self

    async def __aexit__(self, *_: object) -> None:
        for path in (_FILE_LOCK, _LOCK):
            assert self._machine.free(path) is self


ACTIONS: dict[str, Callable[[Codex], Awaitable[None]]] = {
    "nothing": Codex.rest,
    "refresh": Codex.refresh,
    "refresh in place": Codex.refresh_in_place,
    "sign in": Codex.sign_in,
    "switch": Codex.switch,
    "switch in place": Codex.switch_in_place,
    "swap file": Codex.swap_file,
    "sign out": Codex.sign_out,
    "restore backup": Codex.restore,
    "die writing": Codex.die_writing,
}
