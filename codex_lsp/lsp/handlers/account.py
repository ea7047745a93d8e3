"""Signing in and out: commands for everyone, and requests for thin clients.

The requests mirror the Codex app-server's `account/*`; see editors/PROTOCOL.md.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from codex_lsp.auth.tokens import AuthError
from codex_lsp.lsp.connection.faults import Refused
from codex_lsp.lsp.connection.server import Server
from codex_lsp.lsp.person import logins
from codex_lsp.lsp.person.account import describe_account
from codex_lsp.lsp.person.messages import say

if TYPE_CHECKING:
    from codex_lsp.auth.source import Status

Reply = dict[str, object]


def login(server: Server, _arguments: Sequence[object] | None) -> Reply:
    """`codex.auth.login`: sign in with ChatGPT through the browser."""
    return {"taskId": server.bench.account.sign_in("browser").id}


def login_device(server: Server, _arguments: Sequence[object] | None) -> Reply:
    """`codex.auth.loginDevice`: sign in with a code typed in on any device."""
    return {"taskId": server.bench.account.sign_in("code").id}


def logout(server: Server, _arguments: Sequence[object] | None) -> Reply:
    """`codex.auth.logout`: sign out everywhere on this machine, and revoke the sign-in."""
    return {"taskId": server.bench.account.sign_out().id}


def retry(server: Server, _arguments: Sequence[object] | None) -> Reply:
    """`codex.auth.retry`: try to refresh anyway, after it was said that it cannot work."""
    return {"taskId": server.bench.account.retry().id}


async def status(server: Server, _arguments: Sequence[object] | None) -> Reply:
    """`codex.auth.status`: who is signed in."""
    found, described = await _described(server)
    say(server, f"Codex: {described['message']}")
    return {**described, "error": found.last_error}


async def account_read(server: Server, _params: Any) -> Reply:
    """`codex/account/read`: `{account, requiresOpenaiAuth, message}`."""
    _, described = await _described(server)
    return described


async def _described(server: Server) -> tuple[Status, Reply]:
    bench = server.bench
    found = await bench.account.accounts.source.status()
    config = await asyncio.to_thread(bench.adapters.configuration, None)
    return found, describe_account(found, bench.choice.server() or bench.adapters.keyless(config))


async def account_login_start(server: Server, params: Any) -> Reply:
    """`codex/account/login/start` `{type, apiKey?}`: chatgpt, chatgptDeviceCode or apiKey."""
    match params:
        case {"type": "chatgpt"}:
            return await logins.start_browser(server.bench)
        case {"type": "chatgptDeviceCode"}:
            return await logins.start_code(server.bench)
        case {"type": "apiKey", "apiKey": str(key)}:
            try:
                await server.bench.account.accounts.sign_in_by_key(key)
            except AuthError as error:
                raise Refused(str(error)) from error
            return {"type": "apiKey"}
        case _:
            raise Refused('"type" has to be chatgpt, chatgptDeviceCode, or apiKey with "apiKey".')


def account_login_cancel(server: Server, params: Any) -> Reply:
    """`codex/account/login/cancel` `{loginId}`: `{status}`, canceled or notFound."""
    login_id = params.get("loginId")
    found = isinstance(login_id, str) and server.bench.tasks.cancel(login_id)
    return {"status": "canceled" if found else "notFound"}


async def account_logout(server: Server, _params: Any) -> Reply:
    """`codex/account/logout`: `{}`."""
    try:
        await server.bench.account.accounts.sign_out()
        server.bench.tasks.cancel_turns()  # at once: the watch over the file may come later
    except AuthError as error:
        raise Refused(str(error)) from error
    return {}
