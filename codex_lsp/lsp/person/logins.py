"""Sign-ins that a thin client starts by request and shows by itself, as with the app-server."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from codex_lsp.agent.events import ModelError
from codex_lsp.auth.tokens import AuthError
from codex_lsp.lsp.connection.faults import Refused
from codex_lsp.lsp.person.account import sentence

if TYPE_CHECKING:
    from codex_lsp.auth.login.device import DeviceCode
    from codex_lsp.auth.source import Status
    from codex_lsp.lsp.tasks import Task
    from codex_lsp.lsp.workbench import Workbench

Reply = dict[str, object]


async def start_browser(bench: Workbench) -> Reply:
    """Begin; answers as soon as the address is known."""
    shown: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def open_url(url: str) -> None:
        shown.set_result(url)

    accounts = bench.account.accounts
    task = _begin(bench, lambda: accounts.sign_in_by_browser(open_url), shown)
    return {"type": "chatgpt", "loginId": task.id, "authUrl": await shown}


async def start_code(bench: Workbench) -> Reply:
    """Begin; answers as soon as the code is known."""
    shown: asyncio.Future[DeviceCode] = asyncio.get_running_loop().create_future()

    async def show_code(code: DeviceCode) -> None:
        shown.set_result(code)

    accounts = bench.account.accounts
    task = _begin(bench, lambda: accounts.sign_in_by_code(show_code), shown)
    code = await shown
    return {
        "type": "chatgptDeviceCode",
        "loginId": task.id,
        "verificationUrl": code.url,
        "userCode": code.code,
    }


def _begin(
    bench: Workbench, sign_in: Callable[[], Awaitable[Status]], shown: asyncio.Future[Any]
) -> Task:
    """A task that signs in, and tells the client how it went."""

    async def work(task: Task) -> str:
        outcome: str | None = "Cancelled."
        try:
            status = await sign_in()
            outcome = None
            return sentence(status)
        except AuthError as error:
            outcome = str(error)
            if not shown.done():
                shown.set_exception(Refused(outcome))
            raise ModelError(outcome) from error
        finally:
            if not shown.done():
                shown.cancel()
            done = {"loginId": task.id, "success": outcome is None, "error": outcome}
            bench.wire.notify("codex/account/login/completed", done)

    return bench.tasks.start("Codex: sign in", work, signs=True)
