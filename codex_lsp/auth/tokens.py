"""The values of this room: secrets that cannot be printed, identities, a request's bearer."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Literal, Protocol

from codex_lsp.auth.errors import AuthError

__all__ = ["AuthError", "Bearer", "Identity", "Secret", "TokenSource"]


class Secret:
    """A string that shows itself only when asked by name: `repr`, `str` and pickling are blind."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The secret itself: only for the wire and the store."""
        return self._value

    def digest(self) -> str:
        """SHA-256 in hex: names the secret in the journal and in messages without telling it."""
        return hashlib.sha256(self._value.encode()).hexdigest()

    def __repr__(self) -> str:
        return "Secret(…)"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)

    def __reduce__(self) -> str:
        raise TypeError("a secret is not pickled")


@dataclass(frozen=True, slots=True)
class Identity:
    """Who credentials belong to. The account is a workspace, so two users can share one."""

    account: str
    user: str

    def matches(self, other: Identity) -> bool:
        """The same account, and the same user unless one of the two does not tell."""
        same_user = self.user == other.user or not self.user or not other.user
        return self.account == other.account and same_user


@dataclass(frozen=True, slots=True)
class Bearer:
    """What authorises one request.

    `account_id` goes into `ChatGPT-Account-ID` and only with the token it came with; it is None
    for an API key. `fedramp` asks for the header of FedRAMP accounts.
    """

    kind: Literal["chatgpt", "api_key"]
    token: Secret
    account_id: str | None = None
    fedramp: bool = False
    identity: Identity | None = None


class TokenSource(Protocol):
    """Where requests get their bearer from."""

    async def current(self) -> Bearer:
        """A bearer that should be accepted; raises `AuthError`."""
        ...

    async def replace(self, rejected: Bearer) -> Bearer:
        """Another bearer after the service answered 401 to `rejected`; raises `AuthError`."""
        ...
