"""Telling the authority that a login is over. Best effort: signing out never waits for its yes.

It is asked after the credentials are gone from the store, for exactly the token that was removed.
"""

from __future__ import annotations

from http import HTTPStatus

from codex_lsp.auth.ports import Post
from codex_lsp.auth.settings import AuthSettings
from codex_lsp.auth.tokens import Secret
from codex_lsp.net.failures import NetFailure

_TIMEOUT = 10.0  # seconds


async def revoke(refresh_token: Secret, settings: AuthSettings, post: Post) -> bool:
    """Revoke a refresh token and what descends from it; whether the authority agreed."""
    body = {
        "token": refresh_token.reveal(),
        "token_type_hint": "refresh_token",
        "client_id": settings.client_id,
    }
    try:
        reply = await post(settings.revoke_url, json=body, timeout=_TIMEOUT)
    except NetFailure:
        return False
    return reply.status < HTTPStatus.MULTIPLE_CHOICES
