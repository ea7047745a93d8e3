"""Ask the authority for a refresh, and understand every answer it or a gateway can give.

Nothing is sent a second time in here. What matters about an answer is whether the refresh token
is spent: by success, by refusal, perhaps (the outcome is unknown), or not at all.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from http import HTTPStatus

from codex_lsp.auth.ports import Post, Reply
from codex_lsp.auth.record import Grant
from codex_lsp.auth.settings import AuthSettings
from codex_lsp.auth.tokens import Secret
from codex_lsp.net.failures import NotSent, OutcomeUnknown

CAUSES: Mapping[str, str] = {
    "refresh_token_expired": "expired",
    "refresh_token_reused": "reused",
    "refresh_token_invalidated": "revoked",
}
_NOT_LONGER = 3600.0


@dataclass(frozen=True, slots=True)
class Granted:
    """New tokens."""

    grant: Grant


@dataclass(frozen=True, slots=True)
class Denied:
    """The token is of no use any more; `cause` is `expired`, `reused`, `revoked` or `refused`."""

    cause: str
    detail: str


@dataclass(frozen=True, slots=True)
class Unanswered:
    """It may be spent: the request went out and no answer that can be understood came back."""

    detail: str


@dataclass(frozen=True, slots=True)
class Unsent:
    """It is not spent. `wait` is how many seconds the authority asks for, if it did."""

    detail: str
    message: str
    wait: float | None = None


NoReply = Unanswered | Unsent
Answer = Granted | Denied | NoReply


async def request_refresh(
    post: Post, settings: AuthSettings, token: Secret, reason: str
) -> Reply | NoReply:
    """Send the refresh token, once; the reply is understood by `read_answer`."""
    body = {
        "client_id": settings.client_id,
        "grant_type": "refresh_token",
        "refresh_token": token.reveal(),
        "refresh_reason": reason,
    }
    try:
        return await post(settings.token_url, json=body, timeout=settings.request_seconds)
    except NotSent as error:
        return Unsent(error.detail, str(error))
    except OutcomeUnknown as error:
        return Unanswered(error.detail)


def read_answer(reply: Reply | NoReply, now: float) -> Answer:
    """What a reply says about the token that was sent."""
    if isinstance(reply, Unsent | Unanswered):
        return reply
    status = reply.status
    fields = _fields(reply.body)
    detail = f"HTTP {status}"
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        wait = _retry_after(reply.headers.get("retry-after"), now)
        message = f"The sign-in service asks to wait {wait:.0f} s. Try again then."
        return Unsent(detail, message, wait)
    if status == HTTPStatus.PROXY_AUTHENTICATION_REQUIRED:
        return Unsent(detail, "The proxy asks for a password. Add it to the proxy's URL.")
    if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        grant = _grant(fields)
        return Granted(grant) if grant else Unanswered(f"{detail} without tokens")
    code = _error_code(fields)
    if code in CAUSES:
        return Denied(CAUSES[code], f"{detail} {code}")
    if status == HTTPStatus.REQUEST_TIMEOUT:
        return Unanswered(detail)
    if HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR:
        return Denied("refused", detail)
    return Unanswered(detail)


def _fields(body: bytes) -> Mapping[str, object]:
    try:
        fields = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return fields if isinstance(fields, dict) else {}


def _grant(fields: Mapping[str, object]) -> Grant | None:
    def secret(key: str) -> Secret | None:
        value = fields.get(key)
        return Secret(value) if isinstance(value, str) and value else None

    grant = Grant(secret("access_token"), secret("refresh_token"), secret("id_token"))
    return grant if grant.access or grant.refresh else None


def _error_code(fields: Mapping[str, object]) -> str:
    error = fields.get("error")
    code = error.get("code") if isinstance(error, dict) else error or fields.get("code")
    return code.lower() if isinstance(code, str) else ""


def _retry_after(value: str | None, now: float) -> float:
    """Seconds to wait, from either form of the header; bounded, because a server can err."""
    wait = 30.0
    if value is not None and value.strip().isdecimal():
        wait = float(value)
    elif value is not None:
        try:
            moment = parsedate_to_datetime(value)
            wait = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() - now
        except ValueError:
            pass
    return min(max(wait, 1.0), _NOT_LONGER)
