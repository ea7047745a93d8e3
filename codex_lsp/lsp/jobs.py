"""Jobs: the work behind `codex.do`, and what the person sees of it while it runs and at its end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

from codex_lsp.agent import requests
from codex_lsp.agent.events import RequestRefused
from codex_lsp.agent.sessions import Archive
from codex_lsp.agent.steps import Planned, Step, StepSink
from codex_lsp.agent.turn import Ended
from codex_lsp.agent.workplace import Place
from codex_lsp.lsp.decisions import left_out, summary
from codex_lsp.lsp.editing.review import Origin
from codex_lsp.lsp.person import pages, words
from codex_lsp.lsp.person.asking import asking
from codex_lsp.lsp.person.harmless import harmless
from codex_lsp.lsp.person.messages import say
from codex_lsp.lsp.person.permits import permit_for
from codex_lsp.lsp.person.showing import show_page
from codex_lsp.lsp.person.surroundings import brief
from codex_lsp.lsp.tasks import Job, Task, Work
from codex_lsp.lsp.tool_servers import servers_for
from codex_lsp.lsp.work import following, reviewed
from codex_lsp.lsp.workbench import Workbench
from codex_lsp.lsp.workplace import workplace

SHORT = 240  # characters that are shown as a message; longer answers get a page


def doing(bench: Workbench, job: Job, wish: str, place: Place | None) -> Work:
    """Work that does what `wish` says, as the next turn of the job's conversation."""

    async def work(task: Task) -> str:
        about = bench.roots[0] if place is None else place.path
        at = replace(
            await workplace(bench, about),
            ask=asking(bench, task),
            permit=permit_for(bench, task, place),
            brief=lambda wish: brief(bench, bench.roots_for(about), wish),
        )
        at = replace(at, servers=await servers_for(bench, None if place is None else place.path))
        at = reviewed(bench, at, Origin(task.id, place, wish))
        if job.thread.turn.locked():
            task.progress.report("waiting for the job before")
        ended, changed = await requests.do(
            requests.Job(wish, place),
            at,
            job.thread,
            inbox=job.inbox,
            tell=_planning(bench, task, job),
            label="Codex: do",
        )
        said = await summary(bench, task, changed, "Codex: do") or "Nothing was changed."
        await _tell(bench, wish, ended, said)
        task.told = True
        if (decided := await left_out(bench, task)) is not None:
            async with job.thread.turn:
                job.thread.add(decided)
        return said

    return work


def resuming(
    bench: Workbench, job: Job, wish: str, place: Place | None, archive: Archive, kept: str | None
) -> Work:
    """Work that does what `wish` says in a new conversation that begins with the one of id `kept`,
    or with the newest of the folder.
    """

    async def work(task: Task) -> str:
        folder = bench.roots[0] if place is None else bench.roots_for(place.path)[0]
        found = await asyncio.to_thread(archive.load, kept, folder.resolve())
        if found is None:
            raise RequestRefused("No such conversation is kept. Start one with codex.do.")
        job.thread.forked_from, job.thread.items = found
        return await doing(bench, job, wish, place)(task)

    return work


def steering(job: Job) -> Callable[[str], Work]:
    """Work that adds what the person wrote to a job that runs."""

    def then(text: str) -> Work:
        async def work(_task: Task) -> str:
            return "Codex will heed it." if job.inbox.put(text) else "The job has ended already."

        return work

    return then


def _planning(bench: Workbench, task: Task, job: Job) -> StepSink:
    note = following(bench, task)

    def tell(step: Step) -> None:
        note(step)
        if isinstance(step, Planned):
            job.plan = step.steps
            task.progress.report(words.describe(step) or "the plan is done", words.done(step))

    return tell


async def _tell(bench: Workbench, wish: str, ended: Ended, said: str) -> None:
    """The job is done: the person gets the last words, as a message or, where long, as a page."""
    text = ended.text.strip() or "Codex is done."
    if len(text) <= SHORT and "\n" not in text:
        say(bench.wire, f"{text} {said}")
        return
    folder = bench.adapters.state_folder / "answers"
    page = f"# {words.shortened(wish)}\n\n{harmless(text)}\n\n{said}\n"
    path = await asyncio.to_thread(pages.new_page, folder, "answer", page)
    if await show_page(bench, path):
        message = f"Codex is done. {said}"
        say(bench.wire, message)
