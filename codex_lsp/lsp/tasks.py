"""Owns the running tasks: every one has a place in the window's task group, a title, progress,
and a way to be cancelled. What goes wrong in one is told to the person and harms no other.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, Protocol

from codex_lsp.agent.events import ModelError, NotSignedIn
from codex_lsp.agent.steering import Inbox
from codex_lsp.agent.steps import PlanStep
from codex_lsp.agent.thread import Thread
from codex_lsp.agent.usage import Meter, Tally
from codex_lsp.lsp.connection.faults import Refused, guarded
from codex_lsp.lsp.person.messages import ERROR, INFO, say
from codex_lsp.lsp.person.progress import Progress, Wire

log = logging.getLogger(__name__)

FINISHED_KEPT = 20


@dataclass(slots=True, eq=False)
class Job:
    """What a job is to those who add to it (`inbox`), or go on from it (`thread`)."""

    thread: Thread
    inbox: Inbox = field(default_factory=Inbox)
    plan: tuple[PlanStep, ...] = ()


@dataclass(slots=True)
class Task:
    """One piece of work. `state`: running, done, failed or cancelled.

    `told`: the person hears of how it ended in another way than a message of its own. `job` is
    there where the work is one that can be added to and gone on from. `signs`: it is about signing
    in or out itself.
    """

    id: str
    title: str
    progress: Progress
    state: str = "running"
    message: str = ""
    handle: asyncio.Task[None] | None = None
    told: bool = False
    job: Job | None = None
    meter: Meter = field(default_factory=Meter)
    signs: bool = False

    def describe(self) -> dict[str, object]:
        """As `codex.task.list` shows it."""
        shown: dict[str, object] = {
            "taskId": self.id,
            "title": self.title,
            "state": self.state,
            "message": self.message,
        }
        if self.job is not None:
            shown["threadId"] = self.job.thread.id
            shown["plan"] = [{"step": step.text, "status": step.state} for step in self.job.plan]
        if self.meter.tally.rounds:
            shown["usage"] = counted(self.meter.tally)
        return shown


def counted(tally: Tally) -> dict[str, int]:
    """Tokens as clients are told them, by Codex's names."""
    return {
        "inputTokens": tally.input_tokens,
        "cachedInputTokens": tally.cached_tokens,
        "outputTokens": tally.output_tokens,
        "reasoningOutputTokens": tally.reasoning_tokens,
        "totalTokens": tally.total_tokens,
    }


class Spawn(Protocol):
    """How a task gets its owner: `Server.spawn`."""

    def __call__(self, work: Coroutine[Any, Any, object], *, name: str) -> asyncio.Task[None]:
        """Start `work` as a task of the session."""
        ...


Work = Callable[[Task], Awaitable[str]]
"""Does the work, reporting on `task.progress`; returns the sentence that says how it ended."""


class Tasks:
    """The tasks of one window; the newest `FINISHED_KEPT` ended ones stay listed.

    A task starts `pause` seconds after it was asked for (see `Quirks`). How one ended is said in a
    message if it failed, or if the client does not show it with the progress (`says_ends`).
    """

    def __init__(
        self,
        wire: Wire,
        spawn: Spawn,
        *,
        shows_progress: bool,
        says_ends: bool = False,
        pause: float = 0.0,
    ) -> None:
        self._wire = wire
        self._spawn = spawn
        self._shows_progress = shows_progress
        self._says_ends = says_ends
        self._pause = pause
        self._tasks: dict[str, Task] = {}
        self.on_not_signed_in: Callable[[NotSignedIn], Coroutine[Any, Any, None]] | None = None
        """Takes over telling the person that a task lacked a sign-in."""
        self.on_change: Callable[[], None] = lambda: None
        """Hears of it when a task began or ended."""

    def start(self, title: str, work: Work, *, job: Job | None = None, signs: bool = False) -> Task:
        """Start `work` and return at once."""
        task_id = f"codex-{uuid.uuid4().hex[:12]}"
        task = Task(task_id, title, Progress(self._wire, task_id, title), job=job, signs=signs)
        self._tasks[task_id] = task
        task.handle = self._spawn(self._supervise(task, work), name=title)
        self.on_change()
        return task

    def cancel(self, task_id: str) -> bool:
        """Cancel a running task; False if there is none of that id."""
        task = self._tasks.get(task_id)
        if task is None or task.handle is None or task.state != "running":
            return False
        task.handle.cancel()
        return True

    def cancel_all(self) -> None:
        """Cancel whatever runs."""
        for task in self.running():
            self.cancel(task.id)

    def cancel_turns(self) -> None:
        """The sign-in is another one, or none: what was begun with the old one changes nothing."""
        for task in self.running():
            if not task.signs:
                self.cancel(task.id)

    def running(self) -> list[Task]:
        """The tasks that have not ended, oldest first."""
        return [task for task in self._tasks.values() if task.state == "running"]

    def find(self, task_id: str) -> Task | None:
        """The task of that id, if it is remembered."""
        return self._tasks.get(task_id)

    def last_ended(self) -> Task | None:
        """Of those that have ended, the one that was started last."""
        ended = [task for task in self._tasks.values() if task.state != "running"]
        return ended[-1] if ended else None

    def describe(self) -> list[dict[str, object]]:
        """All tasks that are still remembered, oldest first."""
        return [task.describe() for task in self._tasks.values()]

    async def _supervise(self, task: Task, work: Work) -> None:
        opening: asyncio.Future[None] | None = None
        try:
            await asyncio.sleep(self._pause)
            if self._shows_progress:
                opening = asyncio.ensure_future(task.progress.open())
            with guarded(task.title) as outcome:
                outcome.value = await self._ask(task, work)
        except asyncio.CancelledError:
            self._end(task, "cancelled", "Cancelled.")
            raise
        else:
            if outcome.failed:
                self._end(task, "failed", outcome.message, ERROR)
            else:
                self._end(task, "done", str(outcome.value))
        finally:
            if opening is not None:
                await opening
            self._forget_old()

    async def _ask(self, task: Task, work: Work) -> str:
        try:
            return await work(task)
        except ModelError as error:
            log.info("task %s failed: %s", task.id, error.detail or type(error).__name__)
            if isinstance(error, NotSignedIn) and self.on_not_signed_in is not None:
                task.told = True
                self._spawn(self.on_not_signed_in(error), name="ask to sign in")
            raise Refused(str(error)) from error

    def _end(self, task: Task, state: str, message: str, kind: int = INFO) -> None:
        task.state, task.message = state, message
        if task.job is not None:
            task.job.inbox.close()  # it may have ended before its turn began
        task.progress.end(message)
        if not task.told and (kind == ERROR or self._says_ends):
            say(self._wire, message, kind)
        self.on_change()

    def _forget_old(self) -> None:
        ended = [task.id for task in self._tasks.values() if task.state != "running"]
        for task_id in ended[:-FINISHED_KEPT]:
            del self._tasks[task_id]
