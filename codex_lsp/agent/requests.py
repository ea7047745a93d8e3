"""What a person can ask for, and how each request is put to the model.

Two flows: `change` asks for a patch and is done when it landed, usually in one round trip;
`answer` asks for prose and changes nothing.
"""

from __future__ import annotations

import asyncio
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import assert_never

from codex_lsp.agent import prompt
from codex_lsp.agent.context import BUDGET_BYTES, excerpt
from codex_lsp.agent.conversation import Message, ModelRequest
from codex_lsp.agent.events import RequestRefused
from codex_lsp.agent.lines import LineRange
from codex_lsp.agent.ports import Editor, Model, Snapshots
from codex_lsp.agent.prompt import Problem
from codex_lsp.agent.steps import StepSink
from codex_lsp.agent.tools.apply_patch import ApplyPatch
from codex_lsp.agent.tools.read_file import ReadFile
from codex_lsp.agent.tools.tool import Tool
from codex_lsp.agent.turn import Ended, run_turn
from codex_lsp.workspace.containment import may_hold_secrets
from codex_lsp.workspace.snapshot import Found, Snapshot


@dataclass(frozen=True, slots=True)
class Fix:
    """Mend what was reported; with no `problems`, whatever is wrong at the place."""

    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class FixAll:
    """Mend everything that was reported in the file."""

    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class Edit:
    """Change the place as the person wishes."""

    wish: str


@dataclass(frozen=True, slots=True)
class Explain:
    """Say what is going on."""

    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class Question:
    """Answer a question about the place."""

    text: str


@dataclass(frozen=True, slots=True)
class Place:
    """Where a request is about: lines `[start, end)` of a file of the workspace."""

    path: Path
    lines: LineRange
    language: str


@dataclass(frozen=True, slots=True)
class Workplace:
    """What every request of a window works with.

    `conversation_id` is the window's: it is the provider's cache key, and what stays the same
    between requests (our rules, the tools) comes first in each. `context_bytes` bounds what is
    sent of a file; `effort` is the reasoning effort, None for the model's own default.
    """

    model: Model
    editor: Editor
    snapshots: Snapshots
    conversation_id: str
    context_bytes: int = BUDGET_BYTES
    effort: str | None = None


Wish = Fix | FixAll | Edit
Query = Explain | Question


async def change(
    place: Place, wish: Wish, at: Workplace, *, tell: StepSink, label: str
) -> tuple[Ended, dict[str, str]]:
    """Ask for a patch and apply it; returns how it ended and the texts of the changed files."""
    near = None if isinstance(wish, FixAll) else (place.path, _line(place, wish))
    tool = ApplyPatch(at.editor, at.snapshots, tell, label=label, near=near)
    text = f"{await _context(place, wish, at)}\n\n{_wish(place, wish)}"
    request = _request(prompt.EDITING, text, at)
    tools: list[Tool] = [tool, ReadFile(at.snapshots)]
    ended = await run_turn(request, model=at.model, tools=tools, tell=tell)
    return ended, tool.changed


async def answer(place: Place, query: Query, at: Workplace, *, tell: StepSink) -> Ended:
    """Ask for prose; it is told as `Writing` while it comes, and whole at the end."""
    text = f"{await _context(place, query, at)}\n\n{_query(place, query)}"
    request = _request(prompt.EXPLAINING, text, at)
    return await run_turn(request, model=at.model, tools=[ReadFile(at.snapshots)], tell=tell)


async def _context(place: Place, what: Wish | Query, at: Workplace) -> str:
    """Cut off the event loop: a large file takes its time."""
    return await asyncio.to_thread(_cut, at.snapshots(), place, what, at.context_bytes)


def _cut(snapshot: Snapshot, place: Place, what: Wish | Query, budget: int) -> str:
    found = snapshot.look(str(place.path))
    if not isinstance(found, Found):
        reason = getattr(found, "reason", "it does not exist")
        raise RequestRefused(f"Codex cannot work on {place.path.name}: {reason}.")
    if may_hold_secrets(found.path):
        raise RequestRefused(f"{found.path.name} may hold secrets, so it is not sent.")
    if found.protected and isinstance(what, Fix | FixAll | Edit):
        raise RequestRefused(
            f"{found.path.name} configures tools that run code: only you may change it. "
            "Ask about it with codex.ask instead."
        )
    cut = excerpt(
        found.text,
        place.lines,
        place.language,
        budget=budget,
        whole=isinstance(what, FixAll),
    )
    if len(cut.text.encode()) > budget:
        raise RequestRefused(
            f"Line {cut.lines.start + 1} of {place.path.name} alone is longer than the {budget} "
            "bytes that are sent of a file. Raise codex.context.maxBytes to ask about it."
        )
    return prompt.context(snapshot.name(found.path), place.language, cut)


def _line(place: Place, wish: Fix | Edit) -> int:
    """The 0-based line that the request is about."""
    match wish:
        case Fix(problems=(problem, *_)):
            return problem.line - 1
        case _:
            return place.lines.start


def _wish(place: Place, wish: Wish) -> str:
    match wish:
        case Fix(problems) | FixAll(problems):
            return prompt.fix(problems, place.lines.start + 1)
        case Edit(text):
            return prompt.edit(text, place.lines.start + 1, max(place.lines.end, 1))
        case _:
            assert_never(wish)


def _query(place: Place, query: Query) -> str:
    match query:
        case Explain(problems):
            return prompt.explain(problems, place.lines.start + 1, max(place.lines.end, 1))
        case Question(text):
            return f"The cursor is at line {place.lines.start + 1}. The question:\n{text}"
        case _:
            assert_never(query)


def _request(instructions: str, text: str, at: Workplace) -> ModelRequest:
    return ModelRequest(
        conversation_id=at.conversation_id,
        turn_id=str(uuid.uuid4()),
        instructions=instructions,
        items=(Message("user", text),),
        effort=at.effort,
    )
