"""An authority in memory: one-use refresh tokens, and a memory of every use."""

from __future__ import annotations

import base64
import json
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

EPOCH = 1_800_000_000.0
LIFE = 864_000.0


def encode(fields: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(fields).encode()).rstrip(b"=").decode()


_HEAD = encode({"alg": "RS256", "typ": "JWT"})


def jwt(account: str, serial: int, *, issued: float, life: float = LIFE) -> str:
    """A token of `account`; its user is `user-<account>`."""
    claims = {
        "iat": int(issued),
        "exp": int(issued + life),
        "jti": serial,
        "email": f"{account}@example.invalid",
        "https://api.openai.com/auth": {
            "chatgpt_account_id": account,
            "chatgpt_user_id": f"user-{account}",
            "chatgpt_plan_type": "pro",
        },
    }
    return f"{_HEAD}.{encode(claims)}.c2lnbmF0dXJl"


@dataclass(slots=True)
class Login:
    """Tokens as the authority hands them out."""

    account: str
    refresh: str
    access: str
    id_token: str

    def record(self, *, at: float, **extra: Any) -> bytes:
        """The content of an `auth.json`, with an unknown key."""
        moment = datetime.fromtimestamp(at, UTC).isoformat().replace("+00:00", "Z")
        fields = {
            "auth_mode": "chatgpt",
            "OPENAI_API_KEY": None,
            "tokens": {
                "id_token": self.id_token,
                "access_token": self.access,
                "refresh_token": self.refresh,
                "account_id": self.account,
                "unknown_to_us": "kept",
            },
            "last_refresh": moment,
            "from_the_future": {"kept": [1, 2]},
            **extra,
        }
        return json.dumps(fields).encode()


@dataclass(slots=True)
class Authority:
    """`forgiving` answers a reuse like a first use; otherwise a reuse ends the whole family."""

    forgiving: bool = False
    uses: Counter[tuple[str, str]] = field(default_factory=Counter)
    live: dict[str, str] = field(default_factory=dict)  # family -> its one good refresh token
    family: dict[str, str] = field(default_factory=dict)  # refresh token -> family
    accounts: dict[str, str] = field(default_factory=dict)  # family -> account
    good_access: set[str] = field(default_factory=set)
    order: list[tuple[str, str]] = field(default_factory=list)  # (who, refresh token)
    serial: int = 0

    def sign_in(self, account: str, *, now: float, life: float = LIFE) -> Login:
        self.serial += 1
        family = f"family-{self.serial}"
        self.accounts[family] = account
        return self._issue(family, now, life)

    def refresh(self, token: str, who: str, *, now: float, life: float = LIFE) -> Login | str:
        """New tokens, or the code of a refusal."""
        self.uses[who, token] += 1
        self.order.append((who, token))
        family = self.family.get(token)
        if family is None or family not in self.live:
            return "refresh_token_invalidated"
        if self.live[family] != token and not self.forgiving:
            del self.live[family]
            return "refresh_token_reused"
        return self._issue(family, now, life)

    def revoke(self, token: str) -> None:
        self.live.pop(self.family.get(token, ""), None)

    def is_live(self, token: str) -> bool:
        return self.live.get(self.family.get(token, "")) == token

    def _issue(self, family: str, now: float, life: float) -> Login:
        self.serial += 1
        account, serial = self.accounts[family], self.serial
        refresh = f"rt_{serial:04d}_{account}_Kq7ZpX2vRt9Wm4Yc"
        self.live[family] = refresh
        self.family[refresh] = family
        access = jwt(account, serial, issued=now, life=life)
        self.good_access.add(access)
        return Login(account, refresh, access, jwt(account, -serial, issued=now, life=3600.0))
