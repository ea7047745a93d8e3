"""Everything that the handlers of one window share, put together once the client is known."""

from __future__ import annotations

import asyncio
import os
import uuid
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from codex_lsp.agent.commands import Running
from codex_lsp.agent.connections import Connections
from codex_lsp.agent.context.lines import LineRange
from codex_lsp.agent.prompt import Problem
from codex_lsp.agent.truncation import DEFAULT, Limit
from codex_lsp.agent.usage import Meter
from codex_lsp.agent.workplace import Workplace
from codex_lsp.config.codex_toml import CodexToml
from codex_lsp.config.editor_settings import EditorSettings, parse
from codex_lsp.lsp.adapters import Adapters, LocalModel, WarmModel
from codex_lsp.lsp.capabilities import resolve_client
from codex_lsp.lsp.diagnostics import Diagnostics, problems
from codex_lsp.lsp.editing.buffers import OpenBuffers, to_path
from codex_lsp.lsp.editing.documents import DocumentEvent, Documents
from codex_lsp.lsp.editing.editor import LspEditor
from codex_lsp.lsp.editing.recent import Recent
from codex_lsp.lsp.editing.review import Review
from codex_lsp.lsp.person import pages, questions
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

if TYPE_CHECKING:
    pass


@dataclass(frozen=True, slots=True)
class Chosen:
    """What the person chose for this window by command; goes before all settings."""

    model: str | LocalModel | None = None
    effort: str | None = None


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
        self.account = Account(host, self.client, self.tasks, adapters.accounts)
        self.account.alternatives = self._local_instead
        self.tasks.on_not_signed_in = self.account.ask_to_sign_in
        self.alarm = Alarm(host)
        self.last: Location | None = None
        self.chosen = Chosen()
        self.recent = Recent(host.documents)
        self.pinned: dict[str, None] = {}
        """The files that the person added to the context, in that order."""
        self._warm = False
        self._conversation_id = str(uuid.uuid4())
        self._models: dict[str | LocalModel | None, WarmModel] = {}
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

    async def workplace(self, about: Path) -> Workplace:
        """What a request about the file `about` works with."""
        roots = self.roots_for(about)
        config = await asyncio.to_thread(self.adapters.configuration, roots[0])
        tokens, chosen = config.tool_output_token_limit, self.chosen.model
        return Workplace(
            model=self._model(config),
            editor=self.editor,
            snapshots=lambda: self.buffers.snapshot(roots),
            conversation_id=self._conversation_id,
            context_bytes=self.settings.context_bytes,
            effort=self.chosen.effort or self.settings.effort or config.model_reasoning_effort,
            reported=self._reported,
            window=self.adapters.window(
                config, chosen.server if isinstance(chosen, LocalModel) else None
            ),
            limit=DEFAULT if tokens is None else Limit(tokens),
            running=self._running(config),
            archive=self.adapters.archive,
        )

    def _running(self, config: CodexToml) -> Running | None:
        """How commands are run here."""
        from codex_lsp.agent.tools.exec_command import person_shell

        if self.adapters.runner is None:
            return None
        return Running(
            self.adapters.runner,
            person_shell(os.environ),
            self.adapters.checkpoints,
            login=config.allow_login_shell,
            longest_wait=config.background_terminal_max_timeout / 1000,
            idle=self.settings.command_idle_minutes * 60 or None,
        )

    def _reported(self, path: Path) -> tuple[Problem, ...] | None:
        """What the editor passed on about the file at `path`."""
        document = self.buffers.at(path)
        uri = path.as_uri() if document is None else document.uri
        found = self.diagnostics.reported(uri)
        return None if found is None else problems(found)

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
        text = questions.page(pending.question, pending.asker.title)
        folder = self.adapters.state_folder / "approvals"
        path = await asyncio.to_thread(pages.new_page, folder, "approval", text)
        await show(self, path)
        return path

    async def _local_instead(self) -> dict[str, Callable[[], object]]:
        """What may be used in place of a sign-in, by title: the first model of each server."""
        found = {one.server: one for one in reversed(await self.adapters.find_local())}
        return {
            f"Use {one.server}": partial(self.choose_model, one) for one in reversed(found.values())
        }

    def choose_model(self, model: str | LocalModel | None) -> str:
        """Use `model` in this window from now on, None for the one that is configured."""
        self.chosen = replace(self.chosen, model=model)
        name = model.title if isinstance(model, LocalModel) else model
        message = f"Codex asks {name or 'the model that is configured'} from now on."
        say(self.wire, message)
        return message

    def warm_up(self) -> None:
        """The person opened a menu of ours: a request may come, and should find all in place."""
        if not self._warm:
            self._warm = True
            loading = asyncio.to_thread(import_module, "codex_lsp.lsp.handlers.jobs")
            self._host.spawn(loading, name="load what jobs need")
        if self.adapters.small is None and self._named() not in self._models:
            self._host.spawn(self._model(None).warm_up(), name="warm up")

    def _named(self) -> str | LocalModel | None:
        return self.chosen.model or self.settings.model

    def _model(self, config: CodexToml | None) -> WarmModel:
        """The model for work where `config` holds. What a project names goes last."""
        name = self._named() or (config.model if config is not None and config.project else None)
        if name not in self._models:
            if isinstance(name, LocalModel) and self.adapters.open_local is not None:
                self._models[name] = self.adapters.open_local(name)
            else:
                self._models[name] = self.adapters.open_model(name if type(name) is str else None)
        return self._models[name]

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
    """The workspace folders of `initialize`, or its older `rootUri` or `rootPath`."""
    listed = params.get("workspaceFolders")
    if isinstance(listed, list) and listed:
        uris = [entry.get("uri") for entry in listed if isinstance(entry, Mapping)]
        return [uri for uri in uris if isinstance(uri, str)]
    if isinstance(root := params.get("rootUri"), str):
        return [root]
    if isinstance(root := params.get("rootPath"), str) and Path(root).is_absolute():
        return [Path(root).as_uri()]
    return []
