"""The `Permit` of a task: all that decides what the agent may do, put together for one window.

What the person wrote down is read again for each decision, so that an edit of theirs counts at
once; nothing of it is taken from the workspace.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from codex_lsp.agent.consent import approvals, gate, rules
from codex_lsp.agent.consent.actions import (
    Action,
    Allowed,
    Decision,
    Denied,
    Permit,
    RunCommand,
    TrustFolder,
    covers,
)
from codex_lsp.agent.consent.approvals import Policy, Question, Terms
from codex_lsp.agent.workplace import Place
from codex_lsp.lsp.person.approvals import Asker
from codex_lsp.lsp.person.messages import WARNING, say
from codex_lsp.lsp.tasks import Task
from codex_lsp.lsp.workbench import Workbench
from codex_lsp.workspace import trust
from codex_lsp.workspace.containment import is_protected

if TYPE_CHECKING:
    from codex_lsp.config.codex_toml import CodexToml


def permit_for(bench: Workbench, task: Task, place: Place | None) -> Permit:
    """The permit for what `task` wants to do; it asks at `place`, where the task was started."""
    roots = bench.roots if place is None else bench.roots_for(place.path)
    home = bench.adapters.home
    if home is None or not roots:
        return approvals.permit(_nothing_said, _gate(roots), bench.granted, _Absent())
    person = _Person(bench, asker_for(bench, task, place), home, roots)

    async def terms() -> Terms:
        return await asyncio.to_thread(terms_for, bench.adapters.configuration, home, roots)

    return approvals.permit(terms, _gate(roots), bench.granted, person)


def asker_for(bench: Workbench, task: Task, place: Place | None) -> Asker:
    """Where the questions of `task` are marked: where it was started, else where the person was."""
    document = None if place is None else bench.buffers.at(place.path)
    if place is not None and document is not None:
        return Asker(task.title, document.uri, place.lines.start, task.progress.report)
    last = bench.last
    line = 0 if last is None else last.lines.start
    return Asker(task.title, None if last is None else last.uri, line, task.progress.report)


def terms_for(
    configuration: Callable[[None], CodexToml], home: Path, roots: tuple[Path, ...]
) -> Terms:
    """What holds in the first of `roots`: the strictest where nothing is said, or can be read.

    What counts is what the person says everywhere: a project, though they trust it, has no say in
    how much may be done unasked. `home` is CODEX_HOME.
    """
    own = configuration(None)
    who = trust.identify(roots[0], Path.home())
    said = own.projects if _out_of_reach(home / "config.toml", roots) else {}
    level = trust.level(said, who)
    undecided = TrustFolder(who.project) if level is None else None
    return Terms(_policy(own, level), _book(home, who, roots), undecided)


async def settle_trust(bench: Workbench, home: Path, folder: Path, level: trust.TrustLevel) -> None:
    """Note what the person said of a folder; raises `trust.NotWritten`."""
    async with bench.noting_trust:
        await asyncio.to_thread(trust.note, home / "config.toml", folder, level)


async def ask_trust(bench: Workbench, home: Path, folder: TrustFolder, asker: Asker) -> bool:
    """Ask the person about a folder and note what they say; whether they trust it."""
    with bench.status.needs_person(f"{asker.title} has to know whether you trust this folder"):
        answer = await bench.approvals.ask(approvals.about_trust(folder), asker)
    trusted = isinstance(answer, Allowed) and covers(answer, folder)
    try:
        level: trust.TrustLevel = "trusted" if trusted else "untrusted"
        await settle_trust(bench, home, folder.folder, level)
    except trust.NotWritten as error:
        say(bench.wire, str(error), WARNING)
        return False
    return trusted


class _Person:
    """The person, as one task asks them; see `approvals.Person`."""

    def __init__(
        self,
        bench: Workbench,
        asker: Asker,
        home: Path,
        roots: tuple[Path, ...],
    ) -> None:
        self._bench = bench
        self._asker = asker
        self._home = home
        self._roots = roots

    async def ask(self, question: Question) -> Decision:
        """Wait for the answer."""
        with self._bench.status.needs_person(f"{self._asker.title} needs your approval"):
            return await self._bench.approvals.ask(question, self._asker)

    async def trusts(self, folder: TrustFolder) -> bool:
        """Ask once a session; those who come meanwhile wait for that answer."""
        lock = self._bench.trust_asked.setdefault(folder.folder, asyncio.Lock())
        if lock.locked():
            async with lock:
                said = self._bench.adapters.configuration
                now = await asyncio.to_thread(terms_for, said, self._home, self._roots)
                return now.policy.trusted
        if folder.folder in self._bench.trust_answered:
            return False
        async with lock:
            trusted = await ask_trust(self._bench, self._home, folder, self._asker)
            self._bench.trust_answered.add(folder.folder)
            return trusted

    async def remember(self, action: Action) -> None:
        """Add an entry to the file; where that fails it is allowed this once, and said so."""
        who = await asyncio.to_thread(trust.identify, self._roots[0], Path.home())
        try:
            entry = rules.entry_for(action, _project(who))
            await asyncio.to_thread(append, rules_file(self._home), entry)
        except (ValueError, OSError) as error:
            message = f"Allowed now, but it could not be noted for the project: {error}."
            say(self._bench.wire, message, WARNING)


class _Absent:
    """Nobody who could be asked: there is no place for settings, or no folder."""

    async def ask(self, question: Question) -> Decision:  # noqa: ARG002 - see Person
        """No."""
        return Denied("nobody can be asked here: open a folder, and see that CODEX_HOME exists")

    async def trusts(self, folder: TrustFolder) -> bool:  # noqa: ARG002 - see Person
        """No."""
        return False

    async def remember(self, action: Action) -> None:
        """Nothing is."""


async def _nothing_said() -> Terms:
    return Terms(Policy(), rules.Book())


def rules_file(home: Path) -> Path:
    """Where is noted what the person allowed for a project."""
    return home / "codex-lsp" / "allowed.toml"


def _policy(config: CodexToml, level: trust.TrustLevel | None) -> Policy:
    if level != "trusted":
        return Policy()
    return Policy(
        config.approval_policy or "on-request",
        config.sandbox_mode or "workspace-write",
        config.sandbox_workspace_write.network_access,
        trusted=True,
        unasked=config.approvals_unasked,
    )


def _book(home: Path, who: trust.Identity, roots: tuple[Path, ...]) -> rules.Book:
    """What is written down, of files that the agent's own edits cannot reach."""
    prefixes: list[rules.PrefixRule] = []
    whole = True
    for file in sorted((home / "rules").glob("*.rules")):
        found, readable = rules.parse_rules(_text(file))
        prefixes += found
        whole = whole and readable and _out_of_reach(file, roots)
    file = rules_file(home)
    text = _text(file) if _out_of_reach(file, roots) else ""
    return rules.Book(tuple(prefixes), rules.parse_allowed(text, _project(who)), whole)


def _project(who: trust.Identity) -> rules.Project:
    return rules.Project(str(who.project), str(who.repository or ""))


def _out_of_reach(file: Path, roots: tuple[Path, ...]) -> bool:
    """Whether `file` is no file that a patch may change unasked."""
    file = file.resolve()
    return all(
        not file.is_relative_to(root) or is_protected(file.relative_to(root)) for root in roots
    )


def _text(file: Path) -> str:
    try:
        return file.read_text("utf-8")
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError):
        return "unreadable ="


def _gate(roots: tuple[Path, ...]) -> approvals.Gate:
    def judge(action: RunCommand, policy: Policy) -> gate.Judged:
        return gate.judge(action, policy, roots)

    return judge


def append(file: Path, entry: str) -> None:
    """Add to the file, which is made if there is none."""
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(file, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600)
    with os.fdopen(descriptor, "a", encoding="utf-8") as opened:
        opened.write(entry if opened.tell() else rules.HEADER + entry)
