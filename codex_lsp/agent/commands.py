"""The commands of one turn: asked for, started, polled and ended; what they changed is taken over
when they end, and at the turn's end from those that are still running, which are killed.
"""

from __future__ import annotations

import itertools
import secrets
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

from codex_lsp.agent import truncation
from codex_lsp.agent.actions import Denied, Permit, RunCommand, covers
from codex_lsp.agent.ports import (
    CannotRun,
    Command,
    CommandRunner,
    FileChange,
    Process,
    Snapshots,
)
from codex_lsp.workspace.snapshot import Snapshot

_FIRST_ID = 1000

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
    """`said`: what is to be told of its changes, once they are taken over."""

    id: int
    process: Process
    snapshot: Snapshot
    said: list[str] | None = None


@dataclass(frozen=True, slots=True)
class Running:
    """How a window runs commands: `shell` is the person's, `login` whether a login shell may be
    asked for. `limit` bounds what the model gets of an output; `checkpoints` is where the old bytes
    go of what is no text; `reviewed`: the person wants to see each change first.
    """

    runner: CommandRunner
    shell: str
    checkpoints: Path
    login: bool = True
    limit: truncation.Limit = truncation.DEFAULT
    reviewed: bool = False


class Commands:
    """See the file. `close` belongs to the end of the turn, however it ends."""

    def __init__(
        self, runner: CommandRunner, permit: Permit, snapshots: Snapshots, take: Take
    ) -> None:
        self._runner = runner
        self._permit = permit
        self._snapshots = snapshots
        self._take = take
        self._sessions: dict[int, _Session] = {}
        self._ids = itertools.count(_FIRST_ID)

    async def run(self, wanted: Wanted, *, seconds: float, limit: truncation.Limit) -> str:
        """Ask, start, and wait so long; the answer is for the model."""
        await self._settle()
        snapshot = self._snapshots()
        confinement = await self._runner.confinement(snapshot.roots)
        confined = bool(confinement.name) and not wanted.escalated
        action = RunCommand(
            wanted.argv,
            wanted.cwd,
            confinement=confinement.holds if confined else "",
            network=confinement.network if confined else True,
            reason=wanted.reason,
        )
        decision = await self._permit(action)
        if isinstance(decision, Denied):
            return "exec command rejected by user" + (decision.reason and f": {decision.reason}")
        if not covers(decision, action):
            return "exec command rejected: what was allowed was something else"
        began = monotonic()
        command = Command(wanted.argv, wanted.cwd, wanted.tty, confinement if confined else None)
        try:
            process = await self._runner.start(command, snapshot)
        except CannotRun as error:
            return f"exec_command failed: {error}"
        session = _Session(next(self._ids), process, snapshot)
        self._sessions[session.id] = session
        return await self._look(session, began, seconds, limit)

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

    async def _look(
        self, session: _Session, began: float, seconds: float, limit: truncation.Limit
    ) -> str:
        await session.process.wait(seconds)
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
