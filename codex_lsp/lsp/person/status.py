"""What Codex is at, for a status line: the notification `codex/status`, sent when it changes.

Its shape is the one that status-line plugins know from another assistant's server: busy, kind and
message. Nothing here is needed to use the server.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from codex_lsp.agent.usage import Meter
from codex_lsp.lsp.person.progress import Wire
from codex_lsp.lsp.person.usage import described
from codex_lsp.lsp.person.words import plural, shortened
from codex_lsp.lsp.tasks import Tasks


class Status:
    """One per window. `shown`: the client knows what to do with it."""

    def __init__(
        self, wire: Wire, tasks: Tasks, *, shown: bool, meter: Meter | None = None
    ) -> None:
        self._wire = wire
        self._tasks = tasks
        self._shown = shown
        self._meter = meter
        self._waiting: list[str] = []
        self._last: dict[str, object] = {}
        tasks.on_change = self.update

    @contextmanager
    def needs_person(self, what: str) -> Iterator[None]:
        """While inside, something waits for the person: `what` says so in a line."""
        self._waiting.append(what)
        self.update()
        try:
            yield
        finally:
            self._waiting.remove(what)
            self.update()

    def update(self) -> None:
        """Tell the client, if there is something new to tell."""
        now = self.describe()
        if self._shown and now != self._last:
            self._last = now
            self._wire.notify("codex/status", now)

    def describe(self) -> dict[str, object]:
        """`kind` is Warning where the person is needed, and Error where the last task failed."""
        running = self._tasks.running()
        if self._waiting:
            kind, message = "Warning", self._waiting[-1]
        elif running:
            many = f"{plural(len(running), 'task')} running"
            only = running[0].title.removeprefix("Codex: ")  # whose status it is, is known
            kind, message = "Normal", only if len(running) == 1 else many
        else:
            last = self._tasks.last_ended()
            failed = last is not None and last.state == "failed"
            kind, message = ("Error" if failed else "Normal"), last.message if last else ""
        told = {"busy": bool(running), "kind": kind, "message": shortened(message, 120)}
        used = self._meter is not None and (self._meter.tally.rounds or self._meter.limits)
        return {**told, "usage": described(self._meter)} if self._meter and used else told
