"""What a token says about itself. Signatures are not checked: the service does that.

A token that cannot be read claims nothing; it is never an error.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass

MAX_TOKEN = 64 * 1024
"""Characters of a token that are looked at; a longer one claims nothing."""

_AUTH = "https://api.openai.com/auth"
_PROFILE = "https://api.openai.com/profile"
_JWT_PARTS = 3


@dataclass(frozen=True, slots=True)
class Claims:
    """The claims we use; times are seconds since the epoch, by the authority's clock."""

    account_id: str | None = None
    user_id: str | None = None
    email: str | None = None
    plan: str | None = None
    fedramp: bool = False
    issued_at: float | None = None
    expires_at: float | None = None


def read_claims(token: str) -> Claims:
    """The claims of a JWT; empty for anything that is none."""
    payload = peek(token) or {}
    auth, profile = _object(payload, _AUTH), _object(payload, _PROFILE)
    return Claims(
        account_id=_text(auth, "chatgpt_account_id"),
        user_id=_text(auth, "chatgpt_user_id") or _text(auth, "user_id"),
        email=_text(payload, "email") or _text(profile, "email"),
        plan=_text(auth, "chatgpt_plan_type"),
        fedramp=auth.get("chatgpt_account_is_fedramp") is True,
        issued_at=_time(payload, "iat"),
        expires_at=_time(payload, "exp"),
    )


def peek(token: str) -> Mapping[str, object] | None:
    """The payload of a JWT, unverified; None when it is no JWT that Codex would read."""
    parts = token.split(".")
    if len(token) > MAX_TOKEN or len(parts) != _JWT_PARTS or not all(parts):
        return None
    body = parts[1]
    try:
        payload = json.loads(base64.b64decode(body + "=" * (-len(body) % 4), b"-_", validate=True))
    except (binascii.Error, ValueError, RecursionError):
        return None
    return payload if isinstance(payload, dict) else None


def _object(payload: Mapping[str, object], key: str) -> Mapping[str, object]:
    value = payload.get(key)
    return value if isinstance(value, dict) else {}


def _text(payload: Mapping[str, object], key: str) -> str | None:
    value = payload.get(key)
    return value if isinstance(value, str) and value else None


def _time(payload: Mapping[str, object], key: str) -> float | None:
    value = payload.get(key)
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else None
