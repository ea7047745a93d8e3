"""What a person can do in every real editor; each driver does it with that editor's own keys."""

from __future__ import annotations

from typing import Protocol


class Person(Protocol):
    """Somebody before an editor that shows one file, with our server attached."""

    async def go_to(self, line: int) -> None:
        """Put the cursor at the start of a line, counted from 1."""

    async def insert(self) -> None:
        """Begin to write before the cursor: from here on, keys are text."""

    async def type(self, text: str) -> None:
        """Press the keys of a text."""

    async def leave(self) -> None:
        """Stop writing: from here on, keys are commands."""

    async def choose_action(self, title: str) -> None:
        """Open the menu of code actions and choose the one that has `title` in it."""

    async def see_progress(self) -> None:
        """Wait until the editor shows that a task runs."""

    async def wait_for(self, text: str) -> None:
        """Wait until the buffer holds exactly this text."""

    async def undo(self) -> None:
        """Press undo once."""

    async def save(self) -> None:
        """Save the file, and wait until the editor says so."""
