"""The content of `auth.json`, read by hand so that what we do not know survives our writes.

Codex's own writes drop unknown keys, so nothing of ours is ever kept in here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from codex_lsp.auth.claims import Claims, peek, read_claims
from codex_lsp.auth.tokens import Bearer, Identity, Secret

_UNREADABLE_LIFE = 8 * 86400.0


class Torn(ValueError):
    """Empty or half written: someone is in the middle of writing it."""


@dataclass(frozen=True, slots=True)
class Grant:
    """What the authority answered to a refresh; None keeps what we have."""

    access: Secret | None = None
    refresh: Secret | None = None
    id_token: Secret | None = None


@dataclass(frozen=True, slots=True)
class ChatGpt:
    """A ChatGPT sign-in. `mixed` says that its parts name different accounts."""

    access: Secret
    refresh: Secret
    identity: Identity
    claims: Claims
    last_refresh: float | None
    mixed: bool = False

    @property
    def bearer(self) -> Bearer:
        """The bearer of this sign-in."""
        return Bearer(
            "chatgpt", self.access, self.identity.account, self.claims.fedramp, self.identity
        )

    @property
    def generation(self) -> str:
        """Names this refresh token; see `Secret.digest`."""
        return self.refresh.digest()

    @property
    def pair(self) -> str:
        """Names both tokens together."""
        return Secret(f"{self.access.reveal()} {self.refresh.reveal()}").digest()

    def expires(self, skew: float) -> float | None:
        """When the access token ends by our clock, which is `skew` ahead of the authority's."""
        return None if self.claims.expires_at is None else self.claims.expires_at + skew

    def is_expired(self, now: float, skew: float, *, margin: float = 0.0) -> bool:
        """Whether it ends within `margin` seconds; one that does not tell is tried."""
        ends = self.expires(skew)
        return ends is not None and now >= ends - margin

    def is_due(self, now: float, skew: float, early: float) -> bool:
        """Whether it is time for the next one, `early` seconds before the end.

        A token that lives shortly is used for three quarters of its life; one whose end cannot be
        read is renewed after eight days, as Codex does.
        """
        ends, begun = self.expires(skew), self._begun(skew)
        if ends is None:
            return begun is None or now >= begun + _UNREADABLE_LIFE
        if begun is not None and begun < ends:
            early = min(early, (ends - begun) / 4)
        return now >= ends - early

    def _begun(self, skew: float) -> float | None:
        issued = self.claims.issued_at
        return self.last_refresh if issued is None else issued + skew


@dataclass(frozen=True, slots=True)
class ApiKey:
    """An API key."""

    key: Secret


@dataclass(frozen=True, slots=True)
class Foreign:
    """Another kind of sign-in, which we leave alone: personal access token, agent identity, …"""

    mode: str


Record = ChatGpt | ApiKey | Foreign


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A store's content at one moment: its bytes, and what they mean; both None when it is empty.

    A file that holds no credentials at all has bytes and no record. `torn` content stayed
    unreadable for as long as its writer was waited for.
    """

    data: bytes | None = field(default=None, repr=False)
    record: Record | None = None
    torn: bool = False


def read_record(data: bytes | None) -> Snapshot:
    """What `data`, the whole of a store, means; raises `Torn`."""
    if data is None:
        return Snapshot()
    fields = _fields(data)
    return Snapshot(data, _record(fields))


def overlay(data: bytes, grant: Grant, now: float) -> bytes:
    """`data` with the tokens of `grant` laid over it and everything else kept.

    An id token that Codex could not read is left out: it would refuse the whole file.
    """
    fields = _fields(data)
    tokens = fields.get("tokens")
    merged = dict(tokens) if isinstance(tokens, dict) else {}
    if grant.access:
        merged["access_token"] = grant.access.reveal()
    if grant.refresh:
        merged["refresh_token"] = grant.refresh.reveal()
    if grant.id_token and peek(grant.id_token.reveal()) is not None:
        merged["id_token"] = grant.id_token.reveal()
    moment = datetime.fromtimestamp(now, UTC).isoformat(timespec="microseconds")
    fields |= {"tokens": merged, "last_refresh": moment.replace("+00:00", "Z")}
    return json.dumps(fields, indent=2, ensure_ascii=False).encode()


def carry_over(data: bytes, renewed: bytes) -> bytes:
    """`data` with the tokens and the time of refresh of `renewed`, another such record."""
    fields, newer = _fields(data), _fields(renewed)
    fields |= {key: newer[key] for key in ("tokens", "last_refresh") if key in newer}
    return json.dumps(fields, indent=2, ensure_ascii=False).encode()


def _fields(data: bytes) -> dict[str, object]:
    try:
        fields = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise Torn from error
    if not isinstance(fields, dict):
        raise Torn
    return fields


def _record(fields: Mapping[str, object]) -> Record | None:
    mode, key = fields.get("auth_mode"), fields.get("OPENAI_API_KEY")
    for foreign in ("personal_access_token", "bedrock_api_key"):
        if mode is None and fields.get(foreign):
            return Foreign(foreign)
    if mode == "apikey" or (mode is None and key):
        return ApiKey(Secret(key)) if isinstance(key, str) and key else None
    if mode not in {None, "chatgpt"}:
        return Foreign(str(mode))
    tokens = fields.get("tokens")
    return _chatgpt(tokens, fields.get("last_refresh")) if isinstance(tokens, dict) else None


def _chatgpt(tokens: Mapping[str, object], last_refresh: object) -> ChatGpt | None:
    access, refresh = tokens.get("access_token"), tokens.get("refresh_token")
    id_token, account = tokens.get("id_token"), tokens.get("account_id")
    if not isinstance(access, str) or not isinstance(refresh, str) or not access:
        return None
    by_access, by_id = (
        read_claims(access),
        read_claims(id_token if isinstance(id_token, str) else ""),
    )
    named = {str(account)} if account else set()
    named |= {claims.account_id for claims in (by_access, by_id) if claims.account_id}
    users = {claims.user_id for claims in (by_access, by_id) if claims.user_id}
    claims = Claims(
        account_id=str(account) if account else by_id.account_id or by_access.account_id,
        user_id=by_id.user_id or by_access.user_id,
        email=by_id.email or by_access.email,
        plan=by_id.plan or by_access.plan,
        fedramp=by_id.fedramp,
        issued_at=by_access.issued_at,
        expires_at=by_access.expires_at,
    )
    identity = Identity(claims.account_id or "", claims.user_id or "")
    mixed = len(named) > 1 or len(users) > 1
    return ChatGpt(
        Secret(access), Secret(refresh), identity, claims, _moment(last_refresh), mixed=mixed
    )


def _moment(value: object) -> float | None:
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
