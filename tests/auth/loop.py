"""A seeded event loop on virtual time: what is ready runs in an order the seed decides.

The same seed gives the same run, step by step. It does no I/O and never waits.
"""

from __future__ import annotations

import asyncio
import heapq
from asyncio import events
from collections.abc import Callable, Coroutine
from contextvars import Context, copy_context
from random import Random
from typing import Any, TypeVar

_T = TypeVar("_T")

_Call = tuple[Callable[..., object], tuple[Any, ...], Context]


class Stuck(AssertionError):
    """The main coroutine will not end: nothing is ready or timed, or it goes on for ever."""


class _Timer(asyncio.TimerHandle):
    """Enough of a timer for `asyncio.wait` and `asyncio.timeout`."""

    call: _Call


class SeededLoop(asyncio.AbstractEventLoop):
    @classmethod
    def seeded(cls, random: Random) -> SeededLoop:
        """A loop whose order of events `random` decides."""
        return cls(random)

    def __init__(self, random: Random) -> None:
        self._random = random.random
        self._ready: list[_Call] = []
        self._timers: list[tuple[float, int, _Timer]] = []
        self._count = 0
        self.now = 0.0
        self.most_steps = 1_000_000
        self.problems: list[str] = []

    def run(self, main: Coroutine[Any, Any, _T]) -> _T:
        """Run `main` to its end, then cancel what it left behind."""
        events._set_running_loop(self)
        try:
            task = self.create_task(main)
            self._spin(task)
            result: _T = task.result()
            return result
        finally:
            for left in asyncio.all_tasks(self):
                left.cancel()
            self._spin(None)
            events._set_running_loop(None)

    def _spin(self, until: asyncio.Task[Any] | None) -> None:
        ready, random = self._ready, self._random
        steps = 0
        while until is None or not until.done():
            steps += 1
            if steps > self.most_steps:
                raise Stuck
            if not ready and not self._advance(clearing=until is None):
                if until is None:
                    return
                raise Stuck
            index = int(random() * len(ready))
            callback, args, context = ready[index]
            last = ready.pop()
            if index < len(ready):
                ready[index] = last
            context.run(callback, *args)

    def _advance(self, *, clearing: bool) -> bool:
        """Move time to the next timer; False when there is none."""
        while self._timers and not clearing:
            when, _, timer = heapq.heappop(self._timers)
            if not timer.cancelled():
                self.now = max(self.now, when)
                self._ready.append(timer.call)
                return True
        return False

    def call_soon(  # type: ignore[override]
        self, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> None:
        self._ready.append((callback, args, context or copy_context()))

    def call_at(  # type: ignore[override]
        self, when: float, callback: Callable[..., object], *args: Any, context: Any = None
    ) -> asyncio.TimerHandle:
        timer = _Timer(when, callback, args, self, context)
        timer.call = callback, args, context or copy_context()
        self._count += 1
        heapq.heappush(self._timers, (when, self._count, timer))
        return timer

    def call_later(  # type: ignore[override]
        self, delay: float, callback: Callable[..., object], *args: Any, context: Any = None
    ) -> asyncio.TimerHandle:
        return self.call_at(self.now + delay, callback, *args, context=context)

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        """Asked by asyncio; a cancelled timer is skipped when its time comes."""

    def create_future(self) -> asyncio.Future[Any]:
        return asyncio.Future(loop=self)

    def create_task(self, coro: Any, **_: Any) -> asyncio.Task[Any]:
        return asyncio.Task(coro, loop=self)

    def time(self) -> float:
        return self.now

    def get_debug(self) -> bool:
        return False

    def is_running(self) -> bool:
        return True

    def is_closed(self) -> bool:
        return False

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        self.problems.append(str(context.get("message")) + repr(context.get("exception")))
