"""How a session ends: once begun, the process is gone within a deadline, whatever hangs.

Anyone may begin the end: the reader (stdin closed), the gate (`exit`), the writer (broken pipe),
a signal, the watch on the editor's process. Safe to call from a signal handler: it only puts into
`SimpleQueue`s, which take no lock of Python's. What is to be saved before is not known here.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from queue import Empty, SimpleQueue
from threading import Thread

DEADLINE = 1.5
"""Seconds from the beginning of the end to the process being gone."""


class Ending:
    """The end of one session. `orderly` becomes true with the `shutdown` request."""

    def __init__(
        self, announce: Callable[[], None], kill: Callable[[int], object] = os._exit
    ) -> None:
        self.orderly = False
        self.reason = ""
        self.failed = False
        self._announce = announce
        self._kill = kill
        self._orders: SimpleQueue[float] = SimpleQueue()
        Thread(target=self._watch, name="deadline", daemon=True).start()

    @property
    def code(self) -> int:
        """The exit code: 0 only after `shutdown`, and not when something went wrong."""
        return 0 if self.orderly and not self.failed else 1

    def begin(self, reason: str, *, failed: bool = False) -> None:
        """End the session because of `reason`, a clause for the log. The first call counts."""
        if self.reason:
            return
        self.reason, self.failed = reason, failed
        if failed:
            logging.getLogger(__name__).error("ending, because %s", reason)
        self._orders.put(DEADLINE)
        self._announce()

    def extend(self, seconds: float) -> None:
        """Give what runs now `seconds` from now instead of what was left."""
        self._orders.put(seconds)

    def _watch(self) -> None:
        seconds = self._orders.get()
        try:
            while True:
                seconds = self._orders.get(timeout=seconds)
        except Empty:
            self._kill(self.code)
