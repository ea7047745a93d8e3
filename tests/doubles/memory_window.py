"""A fake editor and our document mirror, face to face in memory: no process, no wire.

Messages arrive in order, each after a moment of its own, so that what is in flight can be
overtaken by typing; on a `virtual_loop` waiting is free.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

from codex_lsp.lsp.capabilities import Client, resolve_client
from codex_lsp.lsp.connection.client import ClientError, ClientTimeout
from codex_lsp.lsp.editing.buffers import OpenBuffers
from codex_lsp.lsp.editing.documents import Document as OpenDocument
from codex_lsp.lsp.editing.documents import Documents
from codex_lsp.lsp.editing.editor import LspEditor
from codex_lsp.lsp.editing.positions import Encoding
from codex_lsp.lsp.server_capabilities import choose_encoding
from tests.doubles.editor import Editor, Failure, Result
from tests.doubles.editor_profiles import Profile, profile
from tests.doubles.editor_text import Document


class OneBuffer(OpenBuffers):
    """The buffers of a window that shows one file, whose name needs no looking up."""

    def __init__(self, documents: Documents, path: Path) -> None:
        super().__init__(documents)
        self._all = documents
        self._path, self._uri = path, path.as_uri()

    def at(self, path: Path) -> OpenDocument | None:
        return self._all.get(self._uri) if path == self._path else super().at(path)


class MemoryWindow:
    """One editor window on one document."""

    def __init__(self, name: str, folder: Path, text: str, random: Random, **traits: Any) -> None:
        self.random = random
        self.loop = asyncio.get_running_loop()
        traits_of, client, encoding = _known(name)
        self.path = folder / "a.py"
        self.documents = Documents(encoding)
        self.buffers = OneBuffer(self.documents, self.path)
        self.notified: list[tuple[str, Any]] = []
        profiled = replace(traits_of, **traits) if traits else traits_of
        self.editor = Editor(profiled, folder, self._to_server, self._later, encoding)
        self.requests = 0
        self.was_asked = asyncio.Event()
        self._last_arrival = 0.0
        self._open_requests: list[asyncio.Future[Any]] = []
        self.document: Document = self.editor.open(self.path, text)
        self.ours = LspEditor(
            self, client, self.buffers, lambda path: None, checkpoints=folder / "checkpoints"
        )

    async def arrived(self) -> None:
        """Wait until all that is under way to us has come."""
        await asyncio.sleep(self._last_arrival - self.loop.time())
        await asyncio.sleep(0)

    async def ask(self, method: str, params: Any, *, timeout: float) -> Any:  # noqa: ASYNC109 - the seam's shape
        self.requests += 1
        self.was_asked.set()
        answer: asyncio.Future[Any] = self.loop.create_future()

        def reply(outcome: Result | Failure) -> None:
            self._arrive(lambda: _settle(answer, outcome))

        self._later(self._delay(), lambda: self.editor.asked(method, params, reply))
        try:
            async with asyncio.timeout(timeout):
                return await answer
        except TimeoutError:
            raise ClientTimeout(method, timeout) from None

    def notify(self, method: str, params: Any) -> None:
        self.notified.append((method, params))

    def _to_server(self, method: str, params: dict[str, Any]) -> None:
        taken = {
            "textDocument/didOpen": self.documents.did_open,
            "textDocument/didChange": self.documents.did_change,
            "textDocument/didClose": self.documents.did_close,
        }.get(method)
        if taken is not None:
            self._arrive(lambda: taken(params))

    def _arrive(self, deliver: Any) -> None:
        """Deliver to us after a moment, but never before what was sent earlier."""
        at = max(self._last_arrival + 1e-6, self.loop.time() + self._delay())
        self._last_arrival = at
        self.loop.call_at(at, deliver)

    def _later(self, seconds: float, call: Any) -> object:
        return self.loop.call_later(seconds, call)

    def _delay(self) -> float:
        return self.random.choice((0.0, 0.001, 0.003, 0.02))


@cache
def _known(name: str) -> tuple[Profile, Client, Encoding]:
    """What a window takes from the captured file of the editor `name`."""
    found = profile(name)
    encoding: Any = choose_encoding(found.initialize)
    return found, resolve_client(found.initialize), encoding


def _settle(answer: asyncio.Future[Any], outcome: Result | Failure) -> None:
    match outcome:
        case _ if answer.done():
            return
        case Result(value):
            answer.set_result(value)
        case Failure(code, message):
            answer.set_exception(ClientError(code, message))
