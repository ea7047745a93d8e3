"""Everything that the handlers of one window share, put together once the client is known."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

from codex_lsp.agent.connections import Connections
from codex_lsp.agent.context.lines import LineRange
from codex_lsp.agent.usage import Meter
from codex_lsp.config.editor_settings import EditorSettings, parse
from codex_lsp.lsp.adapters import Adapters
from codex_lsp.lsp.capabilities import resolve_client
from codex_lsp.lsp.choice import Choice
from codex_lsp.lsp.diagnostics import Diagnostics
from codex_lsp.lsp.editing.buffers import OpenBuffers, to_path
from codex_lsp.lsp.editing.documents import DocumentEvent, Documents
from codex_lsp.lsp.editing.editor import LspEditor
from codex_lsp.lsp.editing.recent import Recent
from codex_lsp.lsp.editing.review import Review
from codex_lsp.lsp.person import approval_text, pages
from codex_lsp.lsp.person.account import Account
from codex_lsp.lsp.person.approvals import Approvals, Pending
from codex_lsp.lsp.person.lenses import Lenses
from codex_lsp.lsp.person.markers import Markers
from codex_lsp.lsp.person.messages import WARNING, say
from codex_lsp.lsp.person.progress import Wire
from codex_lsp.lsp.person.showing import show
from codex_lsp.lsp.person.status import Status
from codex_lsp.lsp.person.usage import Alarm
from codex_lsp.lsp.settings_files import SettingsFiles
from codex_lsp.lsp.tasks import Tasks
from codex_lsp.workspace.ledger import Ledger
from codex_lsp.workspace.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class Location:
    """Where the person was last, or what a command names: some lines of an open document."""

    uri: str
    lines: LineRange


class Host(Wire, Protocol):
    """The session that the bench stands in: `Server`."""

    documents: Documents

    def spawn(self, work: Coroutine[Any, Any, object], *, name: str) -> asyncio.Task[None]:
        """Run `work` as a task of the session."""
        ...


class Workbench:
    """One window. Handlers read and change it on the event loop only."""

    def __init__(self, host: Host, params: Mapping[str, Any], adapters: Adapters) -> None:
        self.wire: Wire = host
        self._host = host
        self.client = resolve_client(params)
        self.documents = host.documents
        self.buffers = OpenBuffers(host.documents)
        self.diagnostics = Diagnostics()
        self.ledger = Ledger()
        self.settings = self._given = EditorSettings()
        self.tasks = Tasks(
            host,
            host.spawn,
            shows_progress=self.client.work_done_progress,
            says_ends=not self.client.shows_ends,
            pause=self.client.quirks.pause,
        )
        self.meter = Meter()
        self.status = Status(host, self.tasks, shown=self.client.shows_status, meter=self.meter)
        self.editor = LspEditor(
            host,
            self.client,
            self.buffers,
            self._log,
            through_editor=lambda: self.settings.closed_files == "editor",
            checkpoints=adapters.checkpoints,
        )
        self.adapters = adapters
        self.lenses = Lenses(host, host.spawn, renewed=self.client.renews_lenses)
        markers = Markers(host, self.lenses.changed)
        self.settings_files = SettingsFiles(markers.part("settings"), host.documents, adapters.home)
        self.review = Review(
            markers.part("review"), self.buffers, self.editor, self.ledger, host.spawn
        )
        self.approvals = Approvals(markers.part("approvals"), host.spawn, self.show_question)
        self.granted: set[str] = set()
        """Fingerprints of what the person allowed for this session."""
        self.connections = (
            None
            if adapters.servers is None
            else Connections(adapters.servers, host.spawn, self._warn)
        )
        self.trust_asked: dict[Path, asyncio.Lock] = {}
        self.trust_answered: set[Path] = set()
        self.noting_trust = asyncio.Lock()
        self.choice = Choice(host, adapters, lambda: self.settings)
        self.account = Account(host, self.client, self.tasks, adapters.accounts)
        self.account.alternatives = self.choice.instead
        self.choice.changed = lambda: host.spawn(self.account.tell(), name="tell the account")
        self.tasks.on_not_signed_in = self.account.ask_to_sign_in
        self.alarm = Alarm(host)
        self.last: Location | None = None
        self.recent = Recent(host.documents)
        self.pinned: dict[str, None] = {}
        """The files that the person added to the context, in that order."""
        self._warm = False
        self.conversation_id = str(uuid.uuid4())
        self.set_roots(folder_uris(params))
        self.use_settings(params.get("initializationOptions"))
        self._given = self.settings
        host.documents.listen(self._follow)

    def use_settings(self, section: object) -> None:
        """Take the section `codex`, bare or under its name; what is wrong in it is told.

        It goes over `initializationOptions`: many an editor answers `{}` where it has no settings.
        """
        if isinstance(section, Mapping) and "codex" in section:
            section = section["codex"]
        parsed = parse(section, over=self._given)
        if parsed.settings.code_lens != self.settings.code_lens:
            self.lenses.changed()
        self.settings = parsed.settings
        for problem in parsed.problems:
            message = f"codex-lsp settings: {problem}."
            say(self.wire, message, WARNING)

    def set_roots(self, uris: Sequence[str]) -> None:
        """The workspace folders, as the client names them."""
        self.folder_uris = tuple(uris)
        self.roots = tuple(path for uri in uris if (path := to_path(uri)) is not None)

    def snapshot(self, about: Path) -> Snapshot:
        """What can be seen now, for something about the file `about`."""
        return self.buffers.snapshot(self.roots_for(about))

    def roots_for(self, path: Path) -> tuple[Path, ...]:
        """The workspace folders, the one that holds `path` first.

        A file outside all of them, which the person asked about, has only its own folder.
        """
        holding = [root for root in self.roots if path.is_relative_to(root)]
        if not holding:
            return (path.parent,)
        nearest = max(holding, key=lambda root: len(root.parts))
        return (nearest, *(root for root in self.roots if root != nearest))

    async def show_question(self, pending: Pending) -> Path:
        """Open a page with all that a question is about."""
        text = approval_text.page(pending.question, pending.asker.title)
        folder = self.adapters.state_folder / "approvals"
        path = await asyncio.to_thread(pages.new_page, folder, "approval", text)
        await show(self, path)
        return path

    def warm_up(self) -> None:
        """The person opened a menu of ours: a request may come, and should find all in place."""
        if not self._warm:
            self._warm = True
            loading = asyncio.to_thread(import_module, "codex_lsp.lsp.handlers.jobs")
            self._host.spawn(loading, name="load what jobs need")
        if (model := self.choice.unopened()) is not None:
            self._host.spawn(model.warm_up(), name="warm up")

    def _follow(self, event: DocumentEvent) -> None:
        self.review.follow(event, to_path(event.uri))
        self.settings_files.follow(event)
        self.recent.follow(event)
        if event.kind == "closed":
            self.diagnostics.forget(event.uri)
            if self.last is not None and self.last.uri == event.uri:
                self.last = None

    def _warn(self, message: str) -> None:
        say(self.wire, message, WARNING)

    def _log(self, message: str) -> None:
        self.wire.notify("window/logMessage", {"type": 3, "message": message})


def folder_uris(params: Mapping[str, Any]) -> list[str]:
    """The workspace folders of `initialize`, or its older `rootUri` or `rootPath`.

    An empty list says that there are none: Kate sends one, and the home folder as `rootUri`.
    """
    listed = params.get("workspaceFolders")
    if isinstance(listed, list):
        uris = [entry.get("uri") for entry in listed if isinstance(entry, Mapping)]
        return [uri for uri in uris if isinstance(uri, str)]
    if isinstance(root := params.get("rootUri"), str):
        return [root]
    if isinstance(root := params.get("rootPath"), str) and Path(root).is_absolute():
        return [Path(root).as_uri()]
    return []
