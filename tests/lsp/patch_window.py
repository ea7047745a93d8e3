"""One window on a folder of real files, some of them open: fake editor, mirror, our editor and the
tool, in one process and at once. What can go wrong between two changes is done by `Tripped`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

from codex_lsp.agent.changes.hunks import Advanced, advance
from codex_lsp.agent.ports import Applied, Change, MoveFile, NotApplied
from codex_lsp.agent.steps import Landed, Step
from codex_lsp.agent.tools.apply_patch import ApplyPatch
from codex_lsp.lsp.capabilities import resolve_client
from codex_lsp.lsp.connection.client import ClientError, ClientTimeout
from codex_lsp.lsp.editing.buffers import OpenBuffers
from codex_lsp.lsp.editing.documents import Documents
from codex_lsp.lsp.editing.editor import LspEditor
from codex_lsp.lsp.server_capabilities import choose_encoding
from codex_lsp.workspace.ledger import Ledger, State
from tests.doubles.editor import Editor, Failure, Mood, Result
from tests.doubles.editor_profiles import profile
from tests.doubles.editor_text import Document


class Window:
    """`declared`: the resource operations, None for those of the editor `name`."""

    def __init__(
        self,
        name: str,
        folder: Path,
        declared: list[str] | None = None,
        *,
        failure_handling: str | None = None,
        through_editor: bool = False,
    ) -> None:
        self.folder = folder
        found = profile(name, delay=0.0)
        edit = dict(found.initialize["capabilities"]["workspace"].get("workspaceEdit", {}))
        if declared is not None:
            edit["resourceOperations"] = declared
        if failure_handling is not None:
            edit["failureHandling"] = failure_handling
        params = _with_edit(found.initialize, edit)
        client = resolve_client(params)
        client = replace(client, quirks=replace(client.quirks, patience=0.02))
        encoding: Any = choose_encoding(params)
        self.documents = Documents(encoding)
        self.buffers = OpenBuffers(self.documents)
        self.editor = Editor(
            replace(found, initialize=params), folder, self._to_server, _at_once, encoding
        )
        self.moods: dict[str, Mood] = {}
        self.late: list[dict[str, Any]] = []
        self.told: list[str] = []
        self.requests: list[dict[str, Any]] = []
        self.ours = LspEditor(
            self,
            client,
            self.buffers,
            self.told.append,
            through_editor=lambda: through_editor,
            checkpoints=folder.parent / "checkpoints",
        )
        self.steps: list[Step] = []
        self.has_landed = asyncio.Event()

    def tool(self, editor: Any = None, **more: Any) -> ApplyPatch:
        return ApplyPatch(
            editor or self.ours,
            lambda: self.buffers.snapshot((self.folder,)),
            self._tell,
            label="Codex",
            **more,
        )

    def _tell(self, step: Step) -> None:
        self.steps.append(step)
        if isinstance(step, Landed):
            self.has_landed.set()

    @property
    def landed(self) -> list[Landed]:
        return [step for step in self.steps if isinstance(step, Landed)]

    def at(self, name: str) -> Document | None:
        """The document that the editor shows for a file."""
        return self.editor.documents.get((self.folder / name).as_uri())

    def type(self, name: str, offset: int, text: str, erase: int = 0) -> None:
        """The person types, and we know of it."""
        document = self.at(name)
        assert document is not None
        self.editor.type(document, offset, text, erase)
        self.editor.flush()

    async def ask(self, method: str, params: Any, *, timeout: float) -> Any:  # noqa: ASYNC109 - the seam's shape
        self.requests.append(params)
        outcomes: list[Result | Failure] = []
        said = str(params)
        self.editor.mood = next(
            (mood for name, mood in self.moods.items() if f"/{name}'" in said), Mood.HONEST
        )
        if self.editor.mood is Mood.SILENT:
            self.late.append(params)
        self.editor.asked(method, params, outcomes.append)
        self.editor.flush()
        if not outcomes:
            raise ClientTimeout(method, timeout)
        match outcomes[0]:
            case Result(value):
                return value
            case Failure(code, message):
                raise ClientError(code, message)

    def notify(self, method: str, params: Any) -> None:
        self.told.append(params["message"])

    def answer_late(self) -> None:
        """The editor does what it was asked long ago."""
        self.editor.mood = Mood.HONEST
        for params in self.late:
            self.editor.asked("workspace/applyEdit", params, lambda _: None)
        self.editor.flush()

    def _to_server(self, method: str, params: dict[str, Any]) -> None:
        taken = {
            "textDocument/didOpen": self.documents.did_open,
            "textDocument/didChange": self.documents.did_change,
            "textDocument/didClose": self.documents.did_close,
        }.get(method)
        if taken is not None:
            taken(params)


class Tripped:
    """An editor port before which something happens, once, right before a change of `path`."""

    def __init__(
        self, ours: LspEditor, path: Path, trip: Callable[[], AbstractContextManager[object]]
    ) -> None:
        self.ours, self.path, self.trip = ours, path, trip
        self.tripped = False

    async def apply(self, change: Change, *, label: str) -> Applied | NotApplied:
        paths = {change.path, change.to} if isinstance(change, MoveFile) else {change.path}
        if self.tripped or self.path not in paths:
            return await self.ours.apply(change, label=label)
        self.tripped = True
        with self.trip():
            return await self.ours.apply(change, label=label)


def tree(folder: Path) -> dict[str, tuple[bytes, int]]:
    """Every file below `folder`: its bytes and its permission bits."""
    return {
        path.relative_to(folder).as_posix(): (path.read_bytes(), path.stat().st_mode & 0o7777)
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def _with_edit(params: dict[str, Any], edit: dict[str, Any]) -> dict[str, Any]:
    capabilities = params["capabilities"]
    workspace = {**capabilities["workspace"], "workspaceEdit": edit}
    return {**params, "capabilities": {**capabilities, "workspace": workspace}}


def _at_once(_seconds: float, call: Callable[[], None]) -> None:
    call()


async def take_back(window: Window) -> Advanced:
    """Undo all that landed in the window."""
    book = Ledger()
    for step in window.landed:
        for hunk in book.propose("turn", step.undo):
            book.put(replace(hunk, state=State.LANDED))
    return await advance(book.hunks(), ledger=book, editor=window.ours, label="undo")
