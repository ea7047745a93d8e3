"""What a person does with their sign-in: in by browser, device code or API key, and out again.

The one way in for the command line and the editor alike; how a person is shown an address or a
code is theirs. A sign-in that is replaced is not revoked: the authority has been seen to end the
new session along with it. The ways in are imported when one is taken: most sessions take none.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from codex_lsp.auth.record import ChatGpt
from codex_lsp.auth.source import CredentialSource, Status

if TYPE_CHECKING:
    from codex_lsp.auth.login.device import DeviceCode
    from codex_lsp.auth.login.grant import Desk, SignedIn


class Accounts:
    """The sign-in of one store. Every method raises `AuthError`, and nothing else."""

    def __init__(self, source: CredentialSource, desk: Desk) -> None:
        self.source = source
        self._desk = desk

    async def sign_in_by_browser(self, open_url: Callable[[str], Awaitable[None]]) -> Status:
        """Sign in with ChatGPT through a browser on this machine; cancel the call to give up."""
        from codex_lsp.auth.login import browser

        await browser.sign_in(self._desk, open_url=open_url, keep=self._keep)
        return await self.source.status()

    async def sign_in_by_code(self, show_code: Callable[[DeviceCode], Awaitable[None]]) -> Status:
        """Sign in with ChatGPT by a code typed in on any device; cancel the call to give up."""
        from codex_lsp.auth.login import device

        await device.sign_in(self._desk, show_code=show_code, keep=self._keep)
        return await self.source.status()

    async def sign_in_by_key(self, text: str) -> Status:
        """Sign in with the API key in `text`; nothing is asked of the service."""
        from codex_lsp.auth.login import api_key

        key = api_key.from_text(text, self._desk.settings)
        await self.source.sign_in(api_key.document(key))
        return await self.source.status()

    async def sign_out(self) -> bool:
        """Delete the sign-in, then revoke it; False where the authority did not hear of it."""
        from codex_lsp.auth.login.revoke import revoke

        record = await self.source.sign_out()
        if not isinstance(record, ChatGpt) or not record.refresh.reveal():
            return True
        return await revoke(record.refresh, self._desk.settings, self._desk.post)

    async def _keep(self, signed_in: SignedIn) -> None:
        await self.source.sign_in(signed_in.document(time.time()))
