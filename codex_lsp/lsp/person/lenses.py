"""Has the client ask for code lenses anew when what they are about changed: once for all that
changes at a time. What the lenses are is said in `handlers/code_lenses`.
"""

from __future__ import annotations

from contextlib import suppress

from codex_lsp.lsp.connection.client import ClientFailure
from codex_lsp.lsp.person.progress import Wire
from codex_lsp.lsp.tasks import Spawn


class Lenses:
    """Those of one window. `renewed`: the client has some, and takes the request."""

    def __init__(self, wire: Wire, spawn: Spawn, *, renewed: bool) -> None:
        self._wire = wire
        self._spawn = spawn
        self._renewed = renewed
        self._due = False

    def changed(self) -> None:
        """Something waits, or waits no longer."""
        if self._renewed and not self._due:
            self._due = True
            self._spawn(self._renew(), name="renew code lenses")

    async def _renew(self) -> None:
        self._due = False  # what changes from now on is asked for once more
        with suppress(ClientFailure):
            await self._wire.ask("workspace/codeLens/refresh", None, timeout=10)
