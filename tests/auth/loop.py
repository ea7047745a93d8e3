"""A virtual loop on which the seed decides the order of what is ready.

The same seed gives the same run, step by step.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from random import Random
from typing import Any

from tests.doubles.virtual_loop import Stuck, VirtualLoop


class SeededLoop(VirtualLoop):
    """Stuck also if the main coroutine goes on for ever: after `most_steps`."""

    @classmethod
    def seeded(cls, random: Random) -> SeededLoop:
        """A loop whose order of events `random` decides."""
        loop = cls.fresh()
        loop._random = random.random
        return loop

    _random: Callable[[], float]

    def __init__(self) -> None:
        super().__init__()
        self._ready: list[Any] = []  # type: ignore[assignment]  # any of it may be next
        self.most_steps = 1_000_000

    async def let_others(self) -> None:
        """Room for whoever is ready. Where nobody is, the loop could only go on with the caller."""
        if self._ready:
            await asyncio.sleep(0)

    def _spin(self, until: asyncio.Task[Any] | None) -> None:
        ready, random = self._ready, self._random
        steps = 0
        while until is None or not until.done():
            steps += 1
            if steps > self.most_steps:
                raise Stuck
            if not ready and (until is None or not self._advance()):
                if until is None:
                    return
                raise Stuck
            index = int(random() * len(ready))
            callback, args, context = ready[index]
            last = ready.pop()
            if index < len(ready):
                ready[index] = last
            context.run(callback, *args)
