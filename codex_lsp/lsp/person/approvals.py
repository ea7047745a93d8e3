"""Asks the person what the agent may do: as a message with buttons, and always as a diagnostic with
code actions too, because not every editor has the one, and none is blocked by the other.

Whichever is answered first counts, and the other is withdrawn. A question has no deadline and no
default: what nobody answers waits until its task is cancelled.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

from codex_lsp.agent.consent.actions import Allowed, Decision, Denied, fingerprint
from codex_lsp.agent.consent.approvals import Question
from codex_lsp.lsp.connection.client import ClientFailure
from codex_lsp.lsp.person import approval_text
from codex_lsp.lsp.person.messages import WARNING, choose, say
from codex_lsp.lsp.person.progress import Wire

SOURCE = "Codex"
_SEVERITY = 2  # DiagnosticSeverity.Warning
_A_DAY = 24 * 60 * 60.0

Spawn = Callable[..., asyncio.Task[None]]


@dataclass(frozen=True, slots=True)
class Asker:
    """The task that waits: its name, where it was started (0-based line), and its progress."""

    title: str
    uri: str | None
    line: int
    report: Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Pending:
    """A question that is open. Its id cannot be guessed, so nobody answers one unseen."""

    id: str
    question: Question
    asker: Asker
    answer: asyncio.Future[Decision]

    def describe(self) -> dict[str, object]:
        """As `codex.approval.list` shows it."""
        return {
            "approvalId": self.id,
            "task": self.asker.title,
            "question": approval_text.headline(self.question),
            "decisions": [*approval_text.choices(self.question).values()],
            "fingerprint": fingerprint(self.question.action),
        }


class Show(Protocol):
    """Shows the whole action to the person."""

    def __call__(self, pending: Pending) -> Coroutine[Any, Any, object]:
        """Open a page of it."""
        ...


class Approvals:
    """The open questions of one window, oldest first."""

    def __init__(self, wire: Wire, spawn: Spawn, show: Show) -> None:
        self._wire = wire
        self._spawn = spawn
        self._show = show
        self._open: dict[str, Pending] = {}

    async def ask(self, question: Question, asker: Asker) -> Decision:
        """The person's answer. Being cancelled withdraws the question."""
        answer: asyncio.Future[Decision] = asyncio.get_running_loop().create_future()
        pending = Pending(f"approval-{secrets.token_hex(8)}", question, asker, answer)
        with self._asked(pending):
            asker.report(f"waits for you: {approval_text.headline(question)}")
            decision = await answer
        asker.report("goes on" if isinstance(decision, Allowed) else "goes on without it")
        return decision

    def respond(self, approval_id: str, choice: str, reason: str = "") -> bool:
        """Answer a question; False if it is not open, or `choice` is none of its answers."""
        pending = self._open.get(approval_id)
        if pending is None or pending.answer.done():
            return False
        if choice == "deny":
            pending.answer.set_result(Denied(reason))
            return True
        granted = next((scope for scope in pending.question.scopes if scope.value == choice), None)
        if granted is None:
            return False
        pending.answer.set_result(Allowed(fingerprint(pending.question.action), granted))
        return True

    def find(self, approval_id: str | None) -> Pending | None:
        """The open question of that id; the oldest one where none is named."""
        if approval_id is None:
            return next(iter(self._open.values()), None)
        return self._open.get(approval_id)

    def pending(self) -> list[Pending]:
        """All open questions."""
        return [*self._open.values()]

    @contextmanager
    def _asked(self, pending: Pending) -> Iterator[None]:
        self._open[pending.id] = pending
        self._publish(pending.asker.uri)
        message = self._spawn(self._by_message(pending), name="ask for approval")
        try:
            yield
        finally:
            del self._open[pending.id]
            message.cancel()
            self._publish(pending.asker.uri)

    async def _by_message(self, pending: Pending) -> None:
        """Ask with buttons. An answer that is none, or comes too late, changes nothing.

        What does nothing comes first: editors pick the first button for who types on.
        """
        titles = {approval_text.SHOW: "", **approval_text.choices(pending.question)}
        message = approval_text.message(pending.question, pending.asker.title)
        with contextlib.suppress(ClientFailure):
            title = await choose(self._wire, message, titles, patience=_A_DAY, kind=WARNING)
            if title == approval_text.SHOW:
                await self._show(pending)
            elif title is not None:
                self.respond(pending.id, titles[title])
            return
        say(self._wire, approval_text.how(pending.question), WARNING)

    def _publish(self, uri: str | None) -> None:
        if uri is None:
            return
        shown = [_diagnostic(one) for one in self._open.values() if one.asker.uri == uri]
        params = {"uri": uri, "diagnostics": shown}
        self._wire.notify("textDocument/publishDiagnostics", params)


def _diagnostic(pending: Pending) -> dict[str, object]:
    # Some editors show the source before the message: no name twice.
    task = f'The task "{pending.asker.title.removeprefix(f"{SOURCE}: ")}"'
    start = {"line": pending.asker.line, "character": 0}
    return {
        "range": {"start": start, "end": start},
        "severity": _SEVERITY,
        "source": SOURCE,
        "message": approval_text.message(pending.question, task),
        "data": {"approvalId": pending.id},
    }
