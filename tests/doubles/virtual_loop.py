"""An event loop whose time costs nothing: when nothing is ready it jumps to the next timer.

It has no sockets, no threads and no signals, which makes a run a hundred times cheaper than one of
asyncio's own loop; what needs a thread (a file, a large text) runs on the real clock instead.
"""

from __future__ import annotations

import asyncio
import heapq
from asyncio import events
from collections import deque
from collections.abc import Callable, Coroutine
from contextvars import Context, copy_context
from typing import Any, Self, TypeVar

_T = TypeVar("_T")


class Stuck(AssertionError):
    """The main coroutine waits for something that nothing will bring."""


def run_virtually(main: Coroutine[Any, Any, _T]) -> _T:
    """Run `main` to its end on a loop of its own; what it left behind is cancelled."""
    return VirtualLoop.fresh().run(main)


class VirtualLoop(asyncio.AbstractEventLoop):
    """What is ready runs in order; the clock moves only where nothing is.

    What is called soon cannot be called off.
    """

    @classmethod
    def fresh(cls) -> Self:
        """A loop at time 0. It lacks what is abstract in asyncio's: sockets, processes, signals."""
        return cls()

    def __init__(self) -> None:
        self._ready: deque[Any] = deque()
        self._timers: list[tuple[float, int, asyncio.TimerHandle]] = []
        self._count = 0
        self.now = 0.0
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
        ready = self._ready
        while until is None or not until.done():
            if not ready and (until is None or not self._advance()):
                if until is None:
                    return
                raise Stuck
            callback, args, context = ready.popleft()
            context.run(callback, *args)

    def _advance(self) -> bool:
        while self._timers:
            when, _, timer = heapq.heappop(self._timers)
            if not timer._cancelled:
                self.now = max(self.now, when)
                self._ready.append((timer._callback, timer._args, timer._context))  # type: ignore[attr-defined]
                return True
        return False

    def call_soon(  # type: ignore[override]
        self, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> None:
        self._ready.append((callback, args, context or copy_context()))

    def call_at(  # type: ignore[override]
        self,
        when: float,
        callback: Callable[..., object],
        *args: Any,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        timer = asyncio.TimerHandle(when, callback, args, self, context or copy_context())
        self._count += 1
        heapq.heappush(self._timers, (when, self._count, timer))
        return timer

    def call_later(  # type: ignore[override]
        self,
        delay: float,
        callback: Callable[..., object],
        *args: Any,
        context: Context | None = None,
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
        self.problems.append(f"{context.get('message')} {context.get('exception')!r}")
