"""The values of this room: secrets that cannot be printed, and a request's bearer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol


class Secret:
    """A string that shows itself only when asked by name: `repr`, `str` and pickling are blind."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The secret itself: only for the wire and the store."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(…)"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)

    def __reduce__(self) -> str:
        raise TypeError("a secret is not pickled")


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


class AuthError(Exception):
    """No bearer can be had. `str()` is for the person: the cause, and one thing to do."""


class TokenSource(Protocol):
    """Where requests get their bearer from."""

    async def current(self) -> Bearer:
        """A bearer that should be accepted; raises `AuthError`."""
        ...

    async def replace(self, rejected: Bearer) -> Bearer:
        """Another bearer after the service answered 401 to `rejected`; raises `AuthError`."""
        ...
