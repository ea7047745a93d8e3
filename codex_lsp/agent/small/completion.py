"""The short flow's question, put to any model; and how a model shows that it has need of it."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING, cast

from codex_lsp.agent.conversation import Message, ModelRequest
from codex_lsp.agent.events import ModelEvent, Restarted, TextDelta
from codex_lsp.agent.small.replacement import is_whole
from codex_lsp.agent.tools.apply_patch import SPEC

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from codex_lsp.agent.ports import Model
    from codex_lsp.agent.small.repair import Completion
    from codex_lsp.agent.turn import Ended


def cannot_call(ended: Ended) -> bool:
    """Whether the model wrote the tool's name down instead of calling the tool.

    So do local models that know tools by hearsay: the name stands in JSON or in a code block of
    their own making, and nothing was changed.
    """
    return ended.rounds == 1 and not ended.settled and SPEC.name in ended.text


def completing(model: Model) -> Completion:
    """`model` for the short flow, at the temperature that it has by itself: it is asked as often as
    one of ours, five times at the most, and each answer may be another.
    """

    async def complete(prompt: str, _temperature: float) -> str:
        return await asked(model, prompt)

    return complete


async def asked(model: Model, prompt: str) -> str:
    """One answer, read until its code block is closed: the rest is chatter and costs time.

    So is what is much longer than the question: such a model can ramble for minutes.
    Raises `ModelError`.
    """
    request = ModelRequest("repair", "repair", "", (Message("user", prompt),))
    stream = cast("AsyncGenerator[ModelEvent, None]", model.stream(request))
    text = ""
    async with aclosing(stream) as events:
        async for event in events:
            match event:
                case TextDelta(more):
                    text += more
                case Restarted():
                    text = ""
                case _:
                    pass
            if is_whole(text) or len(text) > 2 * len(prompt):
                break
    return text
