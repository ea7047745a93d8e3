"""Signing in through a browser here: authorization code with PKCE, and back over loopback."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import secrets
import urllib.parse
from collections.abc import Awaitable, Callable

from codex_lsp.auth.login.attention import beside
from codex_lsp.auth.login.callback import Door, ask_to_end, open_door
from codex_lsp.auth.login.failures import DeadlinePassed
from codex_lsp.auth.login.grant import Desk, SignedIn, check_method, redeem
from codex_lsp.auth.login.turnstile import only_sign_in
from codex_lsp.auth.tokens import Secret

ORIGINATOR = "codex_lsp"
_SCOPE = "openid profile email offline_access api.connectors.read api.connectors.invoke"
_DEADLINE = 300.0  # seconds


async def sign_in(
    desk: Desk,
    *,
    open_url: Callable[[str], Awaitable[None]],
    keep: Callable[[SignedIn], Awaitable[None]],
    deadline: float = _DEADLINE,
) -> SignedIn:
    """Send the person to the authority and wait for them to come back; raises `SignInFailed`.

    `open_url` shows the address in any way it can; it may return at once, or wait for the person,
    and is cancelled when the browser is back. `keep` stores the tokens: only when it returns does
    the browser say that the person is signed in. To end the flow early, cancel the call.
    """
    check_method(desk.settings, "chatgpt")
    state, verifier = secrets.token_urlsafe(32), Secret(secrets.token_urlsafe(64))
    async with (
        only_sign_in(desk.lock_file, ask_to_end=lambda: ask_to_end(desk.ports)),
        open_door(state, desk.ports) as door,
    ):
        url = authorize_url(desk, door.redirect_uri, verifier, state)
        code = await _back_in_time(open_url(url), door, deadline)
        signed_in = await redeem(desk, code, verifier, door.redirect_uri)
        await keep(signed_in)
        door.conclude(signed_in=True)
        return signed_in


def authorize_url(desk: Desk, redirect_uri: str, verifier: Secret, state: str) -> str:
    """Where the person signs in. It holds the challenge, never the verifier."""
    challenge = hashlib.sha256(verifier.reveal().encode()).digest()
    query = {
        "response_type": "code",
        "client_id": desk.settings.client_id,
        "redirect_uri": redirect_uri,
        "scope": _SCOPE,
        "code_challenge": base64.urlsafe_b64encode(challenge).rstrip(b"=").decode(),
        "code_challenge_method": "S256",
        "id_token_add_organizations": "true",
        "codex_cli_simplified_flow": "true",
        "state": state,
        "originator": ORIGINATOR,
    }
    if desk.settings.forced_workspaces:
        query["allowed_workspace_id"] = ",".join(sorted(desk.settings.forced_workspaces))
    return f"{desk.settings.issuer}/oauth/authorize?{urllib.parse.urlencode(query)}"


async def _back_in_time(showing: Awaitable[None], door: Door, deadline: float) -> Secret:
    try:
        async with asyncio.timeout(deadline):
            return await beside(showing, door.arrival())
    except TimeoutError:
        raise DeadlinePassed(
            f"Nobody finished the sign-in within {deadline / 60:.0f} minutes. Start it again."
        ) from None
