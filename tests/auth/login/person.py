"""The person in a sign-in test: a browser that follows the authority, and somewhere to keep it."""

from __future__ import annotations

import asyncio
import urllib.parse
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx

from codex_lsp.auth.login import browser
from codex_lsp.auth.login.grant import Desk, SignedIn
from codex_lsp.auth.settings import AuthSettings
from codex_lsp.net.client import post
from tests.doubles.authority import Authority, serving

ANY_PORT = (0,)


@dataclass(slots=True)
class Kept:
    """What `keep` was given, in order."""

    logins: list[SignedIn] = field(default_factory=list)

    async def __call__(self, signed_in: SignedIn) -> None:
        self.logins.append(signed_in)


@asynccontextmanager
async def desk_at(authority: Authority, home: Path, **forced: Any) -> AsyncIterator[Desk]:
    """A desk whose authority is `authority`, and whose browser comes back to any port."""
    async with serving(authority) as url:
        settings = AuthSettings(
            home=home,
            file=home / "auth.json",
            issuer=url,
            token_url=f"{url}/oauth/token",
            revoke_url=f"{url}/oauth/revoke",
            **forced,
        )
        yield Desk(settings, post, ANY_PORT)


@dataclass(slots=True)
class BrowserFlow:
    """A browser sign-in under way, up to the point where the person would act."""

    task: asyncio.Task[SignedIn]
    url: str
    kept: Kept

    @property
    def query(self) -> dict[str, str]:
        return dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(self.url).query))

    @property
    def state(self) -> str:
        return self.query["state"]

    @property
    def port(self) -> int:
        port = urllib.parse.urlsplit(self.query["redirect_uri"]).port
        assert port is not None
        return port

    async def approve(self) -> str:
        """Say yes at the authority; gives the address that it sends the browser back to."""
        return str((await get(self.url)).headers["location"])

    async def come_back(self, *, host: str = "127.0.0.1", **query: str) -> httpx.Response:
        """The browser at the callback with a query of the test's making."""
        return await get(f"http://{host}:{self.port}/auth/callback?{urllib.parse.urlencode(query)}")


@asynccontextmanager
async def browser_flow(
    desk: Desk, *, deadline: float = 60.0, kept: Kept | None = None
) -> AsyncIterator[BrowserFlow]:
    """Start a browser sign-in and wait until it has shown its address."""
    shown: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    kept = kept or Kept()

    async def open_url(url: str) -> None:
        shown.set_result(url)

    task = asyncio.create_task(
        browser.sign_in(desk, open_url=open_url, keep=kept, deadline=deadline)
    )
    task.add_done_callback(lambda _: shown.done() or shown.cancel())
    try:
        await shown
    except asyncio.CancelledError:
        await task  # it failed before there was anything to show
        raise
    try:
        yield BrowserFlow(task, shown.result(), kept)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def get(url: str, **headers: str) -> httpx.Response:
    """One GET as a browser would, without following anything."""
    async with httpx.AsyncClient(trust_env=False, verify=False, timeout=10) as client:
        return await client.get(url, headers=headers)


def on_ports(desk: Desk, *ports: int) -> Desk:
    """The same desk with other ports for the way back."""
    return replace(desk, ports=ports)
