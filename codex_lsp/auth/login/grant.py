"""From an authorization code to tokens, and the rules that decide whether they may be kept.

No API key is asked for with them (the Codex CLI does, and ignores its failure): nothing needs it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import Literal

from codex_lsp.auth.claims import read_claims
from codex_lsp.auth.login.failures import Denied, NotAllowed, SignInFailed
from codex_lsp.auth.ports import Post, Reply
from codex_lsp.auth.settings import AuthSettings
from codex_lsp.auth.tokens import Secret
from codex_lsp.net.failures import NetFailure

_TIMEOUT = 30.0  # seconds


@dataclass(frozen=True, slots=True)
class Desk:
    """Where a sign-in takes place: with whom, under which rules, and how to reach them.

    `ports` are those that the authority lets a browser come back to.
    """

    settings: AuthSettings
    post: Post
    ports: tuple[int, ...] = (1455, 1457)

    @property
    def lock_file(self) -> Path:
        """Held for as long as the one sign-in of this machine takes."""
        return self.settings.home / "codex-lsp.login.lock"


@dataclass(frozen=True, slots=True)
class SignedIn:
    """The tokens of a finished sign-in, not stored anywhere yet."""

    id_token: Secret
    access_token: Secret
    refresh_token: Secret
    account_id: str | None

    def document(self, now: float) -> bytes:
        """The whole content of a store for this sign-in, at `now` seconds since the epoch."""
        moment = datetime.fromtimestamp(now, UTC).isoformat(timespec="microseconds")
        fields = {
            "auth_mode": "chatgpt",
            "OPENAI_API_KEY": None,
            "tokens": {
                "id_token": self.id_token.reveal(),
                "access_token": self.access_token.reveal(),
                "refresh_token": self.refresh_token.reveal(),
                "account_id": self.account_id,
            },
            "last_refresh": moment.replace("+00:00", "Z"),
        }
        return json.dumps(fields, indent=2).encode()


def check_method(settings: AuthSettings, wanted: Literal["chatgpt", "api"]) -> None:
    """Raises `NotAllowed` before anything is asked of anybody."""
    if settings.forced_method not in (None, wanted):
        other = "with ChatGPT" if settings.forced_method == "chatgpt" else "with an API key"
        raise NotAllowed(
            f"The configuration (forced_login_method) wants you to sign in {other}. "
            "Use that, or change the setting."
        )


def _check_workspace(settings: AuthSettings, account_id: str | None) -> None:
    allowed = sorted(settings.forced_workspaces)
    if allowed and account_id not in allowed:
        raise NotAllowed(
            "You signed in to a workspace that the configuration (forced_chatgpt_workspace_id) "
            f"does not allow. Sign in again and choose {' or '.join(allowed)}."
        )


async def redeem(desk: Desk, code: Secret, verifier: Secret, redirect_uri: str) -> SignedIn:
    """Trade an authorization code for tokens; raises `SignInFailed`."""
    form = {
        "grant_type": "authorization_code",
        "client_id": desk.settings.client_id,
        "code": code.reveal(),
        "redirect_uri": redirect_uri,
        "code_verifier": verifier.reveal(),
    }
    reply = await ask(desk, "/oauth/token", form=form)
    body = parsed(reply)
    if reply.status != HTTPStatus.OK:
        raise Denied(f"The sign-in was refused ({_reason(reply, body)}). Sign in again.")
    signed_in = _signed_in(body)
    _check_workspace(desk.settings, signed_in.account_id)
    return signed_in


async def ask(
    desk: Desk,
    path: str,
    *,
    json: Mapping[str, object] | None = None,
    form: Mapping[str, str] | None = None,
) -> Reply:
    """One request of a sign-in; that it failed to get through is told as `SignInFailed`."""
    try:
        return await desk.post(desk.settings.issuer + path, json=json, form=form, timeout=_TIMEOUT)
    except NetFailure as failure:
        raise SignInFailed(f"The sign-in did not get through. {failure}") from failure


def parsed(reply: Reply) -> dict[str, object]:
    """The JSON object of a reply; empty when it is none (a proxy's page, a torn answer)."""
    try:
        body = json.loads(reply.body)
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def error_code(body: Mapping[str, object]) -> str:
    """The code of an error, in whichever of its shapes it came; empty when there is none."""
    error = body.get("error")
    code = error.get("code") if isinstance(error, dict) else error or body.get("code")
    return code.lower() if isinstance(code, str) else ""


def _signed_in(body: Mapping[str, object]) -> SignedIn:
    found = [body.get(name) for name in ("id_token", "access_token", "refresh_token")]
    match found:
        case [str(identity), str(access), str(refresh)] if identity and access and refresh:
            account = read_claims(identity).account_id
            return SignedIn(Secret(identity), Secret(access), Secret(refresh), account)
        case _:
            raise SignInFailed(
                "The answer to the sign-in held no tokens; something between here and "
                "the authority may have changed it. Try again, without a proxy if you can."
            )


def _reason(reply: Reply, body: Mapping[str, object]) -> str:
    """What the authority said, short enough for a message; codes and descriptions, no bodies."""
    error = body.get("error")
    said = body.get("error_description") or (
        error.get("message") if isinstance(error, dict) else error
    )
    return said[:200] if isinstance(said, str) and said else f"HTTP {reply.status}"
