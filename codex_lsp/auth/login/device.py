"""Signing in with a code that a person types in on any device: for machines without a browser.

The authority answers polls in its own way (403 and 404 mean "not yet"); RFC 8628's words are
understood as well.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from http import HTTPStatus

from codex_lsp.auth.login.attention import beside
from codex_lsp.auth.login.callback import ask_to_end
from codex_lsp.auth.login.failures import Cancelled, DeadlinePassed, Denied, SignInFailed
from codex_lsp.auth.login.grant import (
    Desk,
    SignedIn,
    ask,
    check_method,
    error_code,
    parsed,
    redeem,
)
from codex_lsp.auth.login.turnstile import only_sign_in
from codex_lsp.auth.ports import Reply
from codex_lsp.auth.tokens import Secret
from codex_lsp.net.failures import NetFailure

_DEADLINE = 900.0  # seconds that a code is good for
_INTERVAL = 5.0  # seconds between polls where the authority names none
_NOT_YET = (HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND)
_SLOWER = 5.0  # seconds more, for good, after a slow_down


@dataclass(frozen=True, slots=True)
class DeviceCode:
    """What the person needs to see. Only they may type the code in, and only if they asked."""

    url: str
    code: str
    minutes: int = 15


@dataclass(frozen=True, slots=True)
class _Pending:
    device_id: str
    user_code: str
    interval: float


@dataclass(frozen=True, slots=True)
class _Approved:
    code: Secret
    verifier: Secret


@dataclass(frozen=True, slots=True)
class _Wait:
    longer: float = 0.0


async def sign_in(
    desk: Desk,
    *,
    show_code: Callable[[DeviceCode], Awaitable[None]],
    keep: Callable[[SignedIn], Awaitable[None]],
    deadline: float = _DEADLINE,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    now: Callable[[], float] = time.monotonic,
) -> SignedIn:
    """Show a code, poll until it is approved, then `keep` the tokens; raises `SignInFailed`.

    `show_code` may return at once, or wait for the person. To end the flow early, cancel the call.
    """
    check_method(desk.settings, "chatgpt")
    async with only_sign_in(desk.lock_file, ask_to_end=lambda: ask_to_end(desk.ports)):
        ends = now() + deadline
        pending = await _begin(desk)
        shown = DeviceCode(
            f"{desk.settings.issuer}/codex/device", pending.user_code, int(deadline // 60)
        )
        approval = _poll(desk, pending, ends=ends, sleep=sleep, now=now)
        approved = await beside(show_code(shown), approval)
        redirect_uri = f"{desk.settings.issuer}/deviceauth/callback"
        signed_in = await redeem(desk, approved.code, approved.verifier, redirect_uri)
        await keep(signed_in)
        return signed_in


async def _begin(desk: Desk) -> _Pending:
    client = {"client_id": desk.settings.client_id}
    reply = await ask(desk, "/api/accounts/deviceauth/usercode", json=client)
    body = parsed(reply)
    if reply.status == HTTPStatus.NOT_FOUND:
        raise Denied(
            "Device codes are switched off for this account. Sign in with a browser: "
            "codex-lsp login; or have device codes enabled in the workspace's settings."
        )
    user_code = body.get("user_code") or body.get("usercode")
    match body.get("device_auth_id"), user_code:
        case str(device_id), str(code) if reply.status == HTTPStatus.OK and code:
            return _Pending(device_id, code, _seconds(body.get("interval")))
        case _:
            raise SignInFailed(
                f"The authority gave no device code (HTTP {reply.status}). Try again later."
            )


async def _poll(
    desk: Desk,
    pending: _Pending,
    *,
    ends: float,
    sleep: Callable[[float], Awaitable[None]],
    now: Callable[[], float],
) -> _Approved:
    url = f"{desk.settings.issuer}/api/accounts/deviceauth/token"
    body = {"device_auth_id": pending.device_id, "user_code": pending.user_code}
    interval = pending.interval
    while now() < ends:
        try:
            outcome = _judged(await desk.post(url, json=body, timeout=30.0))
        except NetFailure:
            outcome = _Wait()  # asking again spends nothing: only an approval does
        match outcome:
            case _Approved():
                return outcome
            case _Wait(longer=longer):
                interval += longer
                await sleep(min(interval, max(ends - now(), 0.0)))
    raise DeadlinePassed("The code was not used in time. Start the sign-in again for a new one.")


def _judged(reply: Reply) -> _Approved | _Wait:
    body = parsed(reply)
    if reply.status == HTTPStatus.OK:
        return _approved(body)
    match error_code(body):
        case "slow_down":
            return _Wait(_SLOWER)
        case "expired_token":
            raise DeadlinePassed("The code has expired. Start the sign-in again for a new one.")
        case "access_denied" | "authorization_declined":
            raise Denied("The sign-in was declined. Start it again to go on.")
        case "cancelled":
            raise Cancelled("The sign-in was cancelled. Start it again to go on.")
        case "authorization_pending":
            return _Wait()
        case code:
            return _unnamed(reply.status, code)


def _unnamed(status: int, code: str) -> _Wait:
    """403 and 404 are how the authority says "not yet"; 429 and 5xx are its bad moments."""
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return _Wait(_SLOWER)
    if status in _NOT_YET or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return _Wait()
    said = f", {code[:60]}" if code else ""
    raise SignInFailed(f"The sign-in was refused (HTTP {status}{said}). Start it again.")


def _approved(body: dict[str, object]) -> _Approved:
    match body.get("authorization_code"), body.get("code_verifier"):
        case str(code), str(verifier) if code and verifier:
            return _Approved(Secret(code), Secret(verifier))
        case _:
            raise SignInFailed("The approval came back empty. Start the sign-in again.")


def _seconds(interval: object) -> float:
    """It is sent as a string of seconds; absent or 0 means the standard's five."""
    try:
        return float(str(interval)) or _INTERVAL
    except ValueError:
        return _INTERVAL
