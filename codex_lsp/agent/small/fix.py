"""Fix with a model too small for tools: the function around the place is repaired, shown, agreed to
and then changed in the editor like by any patch. For the quick fix only: it can do nothing else.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

from codex_lsp.agent.context.lines import split_lines
from codex_lsp.agent.context.scope import enclosing
from codex_lsp.agent.events import RequestRefused
from codex_lsp.agent.ports import Applied, ChangeFile, Editor, Held, NotApplied, Snapshots
from codex_lsp.agent.requests import Fix, Place
from codex_lsp.agent.small.repair import Completion, Faulty, Try, repair
from codex_lsp.agent.small.replacement import is_function
from codex_lsp.edits.diff import diff, unified
from codex_lsp.workspace.snapshot import Found

OpenCompletion = Callable[[], AbstractAsyncContextManager[Completion]]
"""Starts the small model; leaving the context ends it. Raises `ModelError`."""


@dataclass(frozen=True, slots=True)
class Person:
    """What the flow needs of whoever asked.

    `check`: the whole text with the repair in it, to what is still wrong with it, None if nothing.
    `agree`: shown a unified diff, whether it may be made. `tell`: one line of progress.
    """

    check: Callable[[str], Awaitable[str | None]]
    agree: Callable[[str], Awaitable[bool]]
    tell: Callable[[str], None]


async def fix_function(
    place: Place,
    fix: Fix,
    *,
    open_completion: OpenCompletion,
    snapshots: Snapshots,
    editor: Editor,
    person: Person,
    label: str,
) -> Applied | NotApplied:
    """Repair the function at `place`; raises `ModelError`."""
    snapshot = snapshots()
    found = snapshot.look(str(place.path))
    if not isinstance(found, Found):
        raise RequestRefused(f"Codex cannot work on {place.path.name}: it cannot be read.")
    if found.protected:
        raise RequestRefused(f"{place.path.name} is protected: only you may change it.")
    start, end = _function(found.text, place)
    faulty = Faulty(found.text[start:end], _error(fix), place.language or "python")

    def whole(source: str) -> str:
        return found.text[:start] + source + found.text[end:]

    async def check(source: str) -> str | None:
        return await person.check(whole(source))

    def report(one: Try) -> None:
        person.tell(str(one))

    person.tell("starting the small model")
    async with open_completion() as complete:
        person.tell("the small model is thinking")
        repaired = await repair(faulty, complete, check=check, report=report)
    if repaired is None:
        return NotApplied(found.path, "the small model found no fix; a larger one may")
    text = whole(repaired)
    if not await person.agree(unified(found.text, text, snapshot.name(found.path))):
        return NotApplied(found.path, "the change was not agreed to")
    change = ChangeFile(found.path, found.source, diff(found.text, text))
    outcome = await editor.apply(change, label=label)
    if isinstance(outcome, Held):
        return NotApplied(found.path, "it waits for your review")
    return outcome


def _function(text: str, place: Place) -> tuple[int, int]:
    """Where the function around `place` starts and ends in `text`; raises `RequestRefused`."""
    rows = split_lines(text)
    lines = enclosing(text, place.lines, place.language)
    start = len(text) - sum(map(len, rows)) + sum(map(len, rows[: lines.start]))
    end = start + sum(map(len, rows[lines.start : lines.end]))
    if not is_function(text[start:end], place.language):
        raise RequestRefused(
            "The small model can only fix a function, and there is none at this place. "
            "Put the cursor in one, or sign in for a real model: codex-lsp login"
        )
    return start, end


def _error(fix: Fix) -> str:
    told = [problem.message.strip() for problem in fix.problems]
    return "\n".join(told) or "it does not do what its name and text say"
