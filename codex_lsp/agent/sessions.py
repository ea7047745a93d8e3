"""Where conversations are kept beyond the life of the server: a seam, with what crosses it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from codex_lsp.agent.conversation import Item


@dataclass(frozen=True, slots=True)
class Told:
    """A conversation as it is after a turn; `whole` says that the turn came to its end.

    `forked_from` is the session that it began from, "" for none.
    """

    thread: str
    turn: str
    folder: Path
    items: tuple[Item, ...]
    whole: bool
    forked_from: str = ""


class Archive(Protocol):
    """Keeps conversations. Both calls block, and raise nothing."""

    def save(self, told: Told) -> None:
        """Keep what a turn added to a conversation."""
        ...

    def load(self, session: str | None, folder: Path) -> tuple[str, tuple[Item, ...]] | None:
        """A session by its id, or the newest one of a folder: its id, and what was said."""
        ...
