"""The commands of one turn: asked for, started, polled and ended; what they changed is taken over
when they end, and at the turn's end from those that are still running, which are killed.
"""

from __future__ import annotations

import asyncio
import itertools
import secrets
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

from codex_lsp.agent import truncation
from codex_lsp.agent.consent.actions import Denied, Permit, RunCommand, covers, unsaved
from codex_lsp.agent.ports import (
    CannotRun,
    Command,
    CommandRunner,
    Confinement,
    FileChange,
    Process,
    Snapshots,
)
from codex_lsp.agent.tools.ask_person import AskPerson, Option, Question
from codex_lsp.workspace.snapshot import Snapshot

_FIRST_ID = 1000
_TOLD_TO_END = (128 + 15, 128 + 9)  # by SIGTERM, SIGKILL
_SAVED, _AS_SAVED, _NOT = "I have saved them", "Run on what is saved", "Do not run it"

Take = Callable[[Sequence[FileChange], Snapshot, int], Awaitable[list[str]]]
"""Takes over what a command changed. Given the changes, the snapshot that it ran on and when it
was started; returns what the model has to know, line by line."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A command as the model asks for it. `escalated`: it wants to run without the sandbox."""

    argv: tuple[str, ...]
    cwd: Path
    tty: bool = False
    escalated: bool = False
    reason: str = ""


@dataclass(slots=True)
class _Session:
    """`said`: what is to be told of its changes, once they are taken over. `seen`: when it was last
    looked at.
    """

    id: int
    process: Process
    snapshot: Snapshot
    seen: float
    said: list[str] | None = None


@dataclass(frozen=True, slots=True)
class Running:
    """How a window runs commands: `shell` is the person's, `login` whether a login shell may be
    asked for. One that runs is waited for `longest_wait` seconds at once, and ended when nobody
    looked at it for `idle` seconds (None: with the turn). `checkpoints` is where bytes go
    that wait for the person.
    """

    runner: CommandRunner
    shell: str
    checkpoints: Path
    login: bool = True
    longest_wait: float = 300.0
    idle: float | None = None


class Commands:
    """See the file. `close` belongs to the end of the turn, however it ends. `ask`: the person, who
    has to save where a command cannot see the unsaved text; None where nobody can be asked. `idle`:
    seconds without a look at a command after which it is ended.
    """

    def __init__(
        self,
        runner: CommandRunner,
        permit: Permit,
        snapshots: Snapshots,
        take: Take,
        ask: AskPerson | None = None,
        *,
        idle: float | None = None,
    ) -> None:
        self._runner = runner
        self._permit = permit
        self._snapshots = snapshots
        self._take = take
        self._ask = ask
        self._idle = idle
        self._on_saved: bool | None = None  # what the person said of running on saved files
        self._sessions: dict[int, _Session] = {}
        self._ids = itertools.count(_FIRST_ID)

    async def run(self, wanted: Wanted, *, seconds: float, limit: truncation.Limit) -> str:
        """Ask, start, and wait so long; the answer is for the model."""
        await self._settle()
        snapshot = self._snapshots()
        confinement = await self._runner.confinement(snapshot.roots)
        behind = confinement if confinement.name and not wanted.escalated else None
        if behind is not None and not behind.reviewed:
            if problem := await self._not_saved():
                return f"exec_command failed: {problem}"
            snapshot = self._snapshots()
        reviewed = behind is not None and behind.reviewed
        unseen = () if reviewed else await _unseen(snapshot)
        action = _action(wanted, behind, unseen)
        decision = await self._permit(action)
        if isinstance(decision, Denied):
            return "exec command rejected by user" + (decision.reason and f": {decision.reason}")
        if not covers(decision, action):
            return "exec command rejected: what was allowed was something else"
        began = monotonic()
        command = Command(wanted.argv, wanted.cwd, wanted.tty, behind, self._idle)
        try:
            process = await self._runner.start(command, snapshot)
        except CannotRun as error:
            return f"exec_command failed: {error}"
        session = _Session(next(self._ids), process, snapshot, began)
        self._sessions[session.id] = session
        answer = await self._look(session, began, seconds, limit)
        return "\n".join([answer, *_in_place(action)])

    async def poll(
        self, session_id: int, chars: str, *, seconds: float, limit: truncation.Limit
    ) -> str:
        """Type into a command that runs, or only wait for more of its output."""
        session = self._sessions.get(session_id)
        if session is None:
            return f"write_stdin failed: Unknown process id {session_id}"
        began = monotonic()
        if chars and not await session.process.write(chars.encode("utf-8", "replace")):
            if chars != "\x03" and session.process.exit_code is None:
                return (
                    "write_stdin failed: it has no terminal to type into. Run it again with "
                    "tty: true, or end it with Ctrl-C (\\u0003)."
                )
            await session.process.kill()
        return await self._look(session, began, seconds, limit)

    async def close(self, *, take: bool = True) -> list[str]:
        """End what still runs and take over what it changed; what the model would be told of it.

        Without `take`, as after a cancel, what it changed is dropped.
        """
        said: list[str] = []
        try:
            for session in [*self._sessions.values()]:
                await session.process.kill()
                said += await self._taken(session) if take else []
        finally:
            for session in [*self._sessions.values()]:
                await self._forget(session)
        return said

    async def _not_saved(self) -> str | None:
        """Why a command is not run that would see only what is saved; None if it may be. The
        person is asked, once a task unless they say that they saved.
        """
        unseen = await _unseen(self._snapshots())
        if not unseen or self._on_saved:
            return None
        what = unsaved(unseen)
        if self._ask is None or self._on_saved is False:
            return f"it would not see {what}, and the person has to save first"
        question = Question(
            f"This workspace is too large to copy, so commands do not see {what}. Save them?",
            options=(Option(_SAVED), Option(_AS_SAVED), Option(_NOT)),
        )
        answer = await self._ask(question)
        if answer == _SAVED:
            left = await _unseen(self._snapshots())
            return f"the person was to save, but there are {unsaved(left)}" if left else None
        self._on_saved = answer == _AS_SAVED
        if self._on_saved:
            return None
        said = "" if answer in (None, _NOT) else f"; the person said: {answer}"
        return f"it would not see {what}, which the person did not save{said}"

    async def _look(
        self, session: _Session, began: float, seconds: float, limit: truncation.Limit
    ) -> str:
        alone = self._idle is not None and began - session.seen >= self._idle
        expired = alone and session.process.exit_code in _TOLD_TO_END
        await session.process.wait(seconds)
        session.seen = monotonic()
        text = session.process.take_output().decode("utf-8", "replace")
        code = session.process.exit_code
        lines = [f"Chunk ID: {secrets.token_hex(3)}"]
        lines.append(f"Wall time: {monotonic() - began:.4f} seconds")
        if code is None:
            lines.append(f"Process running with session ID {session.id}")
        else:
            lines.append(f"Process exited with code {code}")
        lines += [f"Original token count: {truncation.token_count(text)}", "Output:"]
        lines.append(truncation.output(text, limit))
        if code is not None:
            said = await self._taken(session)
            await self._forget(session)
            if expired:
                said = [f"It ran on unwatched for {self._idle:g} seconds and was ended.", *said]
            lines += ["", *said] if said else []
        return "\n".join(lines)

    async def _settle(self) -> None:
        """What has ended meanwhile is taken over before the next command looks at the files."""
        for session in [*self._sessions.values()]:
            if session.process.exit_code is not None:
                await self._taken(session)

    async def _taken(self, session: _Session) -> list[str]:
        """Take over what it changed, once: what a cancel broke off is not begun again."""
        if session.said is None:
            session.said = []
            changes = await session.process.changes()
            session.said += await self._take(changes, session.snapshot, session.process.started)
        return session.said

    async def _forget(self, session: _Session) -> None:
        self._sessions.pop(session.id, None)
        await session.process.release()


def _action(wanted: Wanted, behind: Confinement | None, unseen: tuple[str, ...]) -> RunCommand:
    """What the person is asked about."""
    return RunCommand(
        wanted.argv,
        wanted.cwd,
        confinement="" if behind is None else behind.holds,
        network=behind is None or behind.network,
        reason=wanted.reason,
        in_place=behind is None or behind.in_place,
        unseen=unseen,
    )


async def _unseen(snapshot: Snapshot) -> tuple[str, ...]:
    """The files whose unsaved text a command does not see that runs on what is saved."""
    return tuple(snapshot.name(path) for path in await asyncio.to_thread(snapshot.unsaved))


def _in_place(action: RunCommand) -> list[str]:
    """What the model has to know of a command that ran on what is saved."""
    told = []
    if action.in_place and action.confinement:
        told.append("It ran in place: what it changed is in the files, and was not reviewed.")
    if action.unseen:
        told.append(f"It ran on what is saved: {unsaved(action.unseen)} were not seen.")
    return ["", *told] if told else []
