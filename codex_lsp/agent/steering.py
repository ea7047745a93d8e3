"""What the person adds to a running turn: it is delivered before the model is asked again.

A message is either taken, and then the turn does not end without it, or refused at once.
"""

from __future__ import annotations


class Inbox:
    """The messages for one turn; used on the event loop only."""

    def __init__(self) -> None:
        self._waiting: list[str] = []
        self._open = True

    def put(self, text: str) -> bool:
        """Leave a message; False where the turn takes none any more."""
        if self._open:
            self._waiting.append(text)
        return self._open

    def take(self) -> tuple[str, ...]:
        """What waits, oldest first."""
        taken, self._waiting = tuple(self._waiting), []
        return taken

    def close_if_empty(self) -> bool:
        """The turn wants to end; False where something waits that it has to hear first."""
        self._open = bool(self._waiting)
        return not self._open

    def close(self) -> tuple[str, ...]:
        """The turn has ended, whatever waits; returns what was not heard."""
        self._open = False
        return self.take()
