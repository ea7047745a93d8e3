"""What a person can ask for, and how each request is put to the model.

Three flows: `change` asks for a patch and is done when it landed, usually in one round trip;
`answer` asks for prose and changes nothing; `do` gives a job, with all tools, and can be added to
while it runs and gone on from when it has ended.
"""

from __future__ import annotations

import asyncio
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import assert_never

from codex_lsp.agent import prompt
from codex_lsp.agent.context import briefing
from codex_lsp.agent.context.briefing import Surroundings
from codex_lsp.agent.context.excerpt import excerpt
from codex_lsp.agent.context.mentions import mentioned, mentions
from codex_lsp.agent.context.parts import Part
from codex_lsp.agent.conversation import Message, ModelRequest
from codex_lsp.agent.events import RequestRefused
from codex_lsp.agent.prompt import Problem
from codex_lsp.agent.sessions import Told
from codex_lsp.agent.steering import Inbox
from codex_lsp.agent.steps import StepSink
from codex_lsp.agent.thread import Thread
from codex_lsp.agent.toolbox import for_answers, for_changes, for_jobs
from codex_lsp.agent.turn import Ended, Turn, run_turn
from codex_lsp.agent.workplace import Place, Workplace
from codex_lsp.workspace.containment import may_hold_secrets
from codex_lsp.workspace.snapshot import Found, Snapshot

__all__ = [
    "Edit", "Explain", "Fix", "FixAll", "Job", "Place", "Query", "Question", "Wish", "Workplace",
    "answer", "change", "do", "preview",
]  # fmt: skip


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
class Job:
    """Do what the person says, and what that takes; `place` is where they are, if anywhere."""

    wish: str
    place: Place | None = None


Wish = Fix | FixAll | Edit
Query = Explain | Question

MAX_JOB_ROUNDS = 200


async def change(
    place: Place, wish: Wish, at: Workplace, *, tell: StepSink, label: str
) -> tuple[Ended, dict[str, str]]:
    """Ask for a patch and apply it; returns how it ended and the texts of the changed files."""
    near = None if isinstance(wish, FixAll) else (place.path, _line(place, wish))
    box = for_changes(at, tell, label=label, near=near)
    named = await _named(wish.wish if isinstance(wish, Edit) else "", at)
    text = f"{await _context(place, wish, at)}{named}\n\n{_wish(place, wish)}"
    thread = Thread(at.conversation_id, (Message("user", text),))
    request = _request(prompt.EDITING, thread, at)
    ended = await run_turn(Turn(request, thread, at.model, box.tools, tell))
    return ended, box.changed


async def answer(place: Place, query: Query, at: Workplace, *, tell: StepSink) -> Ended:
    """Ask for prose; it is told as `Writing` while it comes, and whole at the end."""
    named = await _named(query.text if isinstance(query, Question) else "", at)
    text = f"{await _context(place, query, at)}{named}\n\n{_query(place, query)}"
    thread = Thread(at.conversation_id, (Message("user", text),))
    request = _request(prompt.EXPLAINING, thread, at)
    return await run_turn(Turn(request, thread, at.model, for_answers(at).tools, tell))


async def do(
    job: Job, at: Workplace, thread: Thread, *, inbox: Inbox, tell: StepSink, label: str
) -> tuple[Ended, dict[str, str]]:
    """Do a job as the next turn of `thread`, when the one before has ended; else like `change`."""
    async with thread.turn:
        before, done = thread.items, False
        request = _request(prompt.DOING, thread, at)
        try:
            async with for_jobs(at, tell, label=label, near=_near(job.place)) as box:
                if at.brief is not None:
                    thread.add(*briefing.items(await at.brief(job.wish), thread.items))
                thread.add(Message("user", await _job(job, at)))
                turn = Turn(
                    request, thread, at.model, box.tools, tell, inbox,
                    settles=False, window=at.window, max_rounds=MAX_JOB_ROUNDS,
                )  # fmt: skip
                ended = await run_turn(turn)
            done = True
            return ended, box.changed
        finally:
            inbox.close()
            if at.archive is not None and thread.items != before:
                told = _told(thread, request, at.snapshots(), done=done)
                await asyncio.to_thread(at.archive.save, told)


def _told(thread: Thread, request: ModelRequest, snapshot: Snapshot, *, done: bool) -> Told:
    """The conversation as it is kept."""
    folder = snapshot.roots[0]
    return Told(thread.id, request.turn_id, folder, thread.items, done, thread.forked_from)


async def preview(job: Job, at: Workplace, around: Surroundings) -> tuple[Part, ...]:
    """What a job would send, part by part, in a conversation that begins with it."""
    found = [Part("rules", prompt.DOING), *await briefing.parts(job.wish, around)]
    try:
        found.append(Part("your request", await _job(job, at)))
    except RequestRefused as error:
        found.append(Part("your request", left_out=(str(error),)))
    return tuple(found)


def _near(place: Place | None) -> tuple[Path, int] | None:
    return None if place is None else (place.path, place.lines.start)


async def _job(job: Job, at: Workplace) -> str:
    """The person's words, after the part of the file that they are at."""
    if (place := job.place) is None:
        return prompt.job(job.wish, None)
    lines = (place.lines.start + 1, max(place.lines.end, place.lines.start + 1))
    return f"{await _context(place, job, at)}\n\n{prompt.job(job.wish, lines)}"


async def _named(words: str, at: Workplace) -> str:
    """What the person's words name by `@` and `#`, to go between the context and the request."""
    if not any(mentioned(words)):
        return ""
    found = await mentions(words, at.snapshots(), budget=at.context_bytes)
    refused = [f"Not sent: {reason}" for part in found for reason in part.left_out]
    return "".join(f"\n\n{text}" for text in [*(p.text for p in found if p.text), *refused])


async def _context(place: Place, what: Wish | Query | Job, at: Workplace) -> str:
    """Cut off the event loop: a large file takes its time."""
    return await asyncio.to_thread(_cut, at.snapshots(), place, what, at)


def _cut(snapshot: Snapshot, place: Place, what: Wish | Query | Job, at: Workplace) -> str:
    budget = at.context_bytes
    found = snapshot.look(str(place.path))
    if not isinstance(found, Found):
        reason = getattr(found, "reason", "it does not exist")
        raise RequestRefused(f"Codex cannot work on {place.path.name}: {reason}.")
    if may_hold_secrets(found.path):
        raise RequestRefused(f"{found.path.name} may hold secrets, so it is not sent.")
    if found.protected and at.permit is None and isinstance(what, Fix | FixAll | Edit):
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


def _request(instructions: str, thread: Thread, at: Workplace) -> ModelRequest:
    return ModelRequest(
        conversation_id=thread.id,
        turn_id=str(uuid.uuid4()),
        instructions=instructions,
        items=(),
        effort=at.effort,
    )
