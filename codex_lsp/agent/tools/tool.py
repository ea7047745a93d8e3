"""What a tool is to the turn: a description for the model, and an answer to its call."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from codex_lsp.agent.conversation import Image
from codex_lsp.agent.conversation import Tool as ToolSpec


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back to the model. `settles` says that the request is met if nothing else fails."""

    text: str
    settles: bool = False
    images: tuple[Image, ...] = ()


class Tool(Protocol):
    """Bad arguments are answered in words; a tool raises only for a bug or a cancel."""

    @property
    def spec(self) -> ToolSpec:
        """How the model is told of it."""
        ...

    @property
    def reads_only(self) -> bool:
        """Whether it changes nothing: such calls of one answer are run side by side."""
        ...

    async def run(self, arguments: str) -> Answer:
        """Answer a call."""
        ...
