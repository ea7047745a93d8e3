"""Unsigned JWTs with the claims that the real authority puts into its tokens, for made-up people.

Nobody here checks signatures (the Codex CLI does not either), so the third part is a constant.
"""

from __future__ import annotations

import base64
import json
import secrets
from dataclasses import dataclass
from typing import Any

CLIENT_ID = "app_EMoamEEZ73f0CkXaXp7hrann"
AUTH_CLAIM = "https://api.openai.com/auth"
PROFILE_CLAIM = "https://api.openai.com/profile"
SCOPES = ("openid", "profile", "email", "offline_access")


@dataclass(frozen=True, slots=True)
class Person:
    """Someone who can sign in: `account_id` is the workspace, `user_id` the person in it."""

    name: str
    account_id: str
    user_id: str
    plan: str = "pro"
    fedramp: bool = False

    @property
    def email(self) -> str:
        return f"{self.name}@example.invalid"


ALICE = Person("alice", "2bd806c9-7f0e-40af-8a1f-c3328fa763a9", "user-2bd806c97f0e00af1a1fc332")
BOB = Person("bob", "81b637d8-fcd2-46da-8359-e6963113a117", "user-81b637d8fcd200da1359e696")
# A colleague of Alice: the same workspace, another user.
CAROL = Person("carol", ALICE.account_id, "user-ca401ca401ca401ca401ca40", plan="team")
PEOPLE = {person.name: person for person in (ALICE, BOB, CAROL)}


def jwt(claims: dict[str, Any]) -> str:
    """The three dotted parts, base64url without padding."""
    return ".".join((_part({"alg": "RS256", "typ": "JWT"}), _part(claims), "c2lnbmF0dXJl"))


def claims_of(token: str) -> dict[str, Any]:
    """What `jwt` put in."""
    payload = token.split(".")[1]
    claims: dict[str, Any] = json.loads(
        base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))
    )
    return claims


def access_token(person: Person, *, issued: float, expires: float) -> str:
    """A bearer for `person`; `issued` and `expires` are seconds since the epoch."""
    return jwt(
        {
            "aud": ["https://api.openai.com/v1"],
            "client_id": CLIENT_ID,
            "exp": int(expires),
            AUTH_CLAIM: _auth(person),
            PROFILE_CLAIM: {"email": person.email, "email_verified": True},
            "iat": int(issued),
            "iss": "https://auth.openai.com",
            "jti": secrets.token_hex(16),
            "nbf": int(issued),
            "pwd_auth_time": int(issued) * 1000,
            "scp": list(SCOPES),
            "session_id": f"authsess_{secrets.token_hex(12)}",
            "sub": f"auth0|{person.user_id.removeprefix('user-')}",
        }
    )


def id_token(person: Person, *, issued: float) -> str:
    """Who `person` is; it lives an hour, which no client looks at."""
    return jwt(
        {
            "aud": [CLIENT_ID],
            "auth_provider": "password",
            "auth_time": int(issued),
            "email": person.email,
            "email_verified": True,
            "exp": int(issued) + 3600,
            AUTH_CLAIM: _auth(person)
            | {
                "groups": [],
                "organizations": [
                    {"id": "org-fake", "is_default": True, "role": "owner", "title": "Personal"}
                ],
                "completed_platform_onboarding": True,
                "is_org_owner": True,
            },
            "iat": int(issued),
            "iss": "https://auth.openai.com",
            "jti": secrets.token_hex(16),
            "rat": int(issued),
            "sid": f"authsess_{secrets.token_hex(12)}",
            "sub": f"auth0|{person.user_id.removeprefix('user-')}",
        }
    )


def _auth(person: Person) -> dict[str, Any]:
    claims: dict[str, Any] = {
        "chatgpt_account_id": person.account_id,
        "chatgpt_account_user_id": f"{person.user_id}__{person.account_id}",
        "chatgpt_compute_residency": "no_constraint",
        "chatgpt_plan_type": person.plan,
        "chatgpt_user_id": person.user_id,
        "user_id": person.user_id,
    }
    return claims | ({"chatgpt_account_is_fedramp": True} if person.fedramp else {})


def _part(value: dict[str, Any]) -> str:
    raw = json.dumps(value, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
