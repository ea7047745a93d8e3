"""What the tasks do: ask the agent, show what happens, and end with a sentence for the person."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path

from codex_lsp.agent import prompt, requests
from codex_lsp.agent.consent.visible import cut
from codex_lsp.agent.events import RateLimits
from codex_lsp.agent.requests import Edit, Fix, Query, Question, Wish
from codex_lsp.agent.small.completion import cannot_call, completing
from codex_lsp.agent.steps import Landed, Retrying, Step, StepSink, Writing
from codex_lsp.agent.workplace import Place, Workplace
from codex_lsp.lsp.decisions import summary, text_of
from codex_lsp.lsp.editing.review import Origin
from codex_lsp.lsp.person import pages, words
from codex_lsp.lsp.person.messages import say
from codex_lsp.lsp.person.permits import permit_for
from codex_lsp.lsp.person.showing import open_at, show_growth, show_page
from codex_lsp.lsp.small import repairing
from codex_lsp.lsp.tasks import Task, Work
from codex_lsp.lsp.workbench import Workbench
from codex_lsp.lsp.workplace import workplace
from codex_lsp.workspace.ledger import Hunk

MOST_SAID = 2_000  # characters of a model that are shown as a message


def changing(
    bench: Workbench, place: Place, wish: Wish, label: str, *, replaces: str | None = None
) -> Work:
    """Work that asks for a change; the person hears of it where the answer is words instead.

    `replaces`: the hunk whose place the change takes.
    """

    async def work(task: Task) -> str:
        at = replace(await workplace(bench, place.path), permit=permit_for(bench, task, place))
        at = reviewed(bench, at, Origin(task.id, place, _asked(wish), replaces))
        tell = following(bench, task)
        ended, changed = await requests.change(place, wish, at, tell=tell, label=label)
        if said := await summary(bench, task, changed, label):
            return said
        if isinstance(wish, Fix) and cannot_call(ended):
            task.progress.report("the model cannot call tools: asking it for the function alone")
            small = repairing(bench, place, wish, lambda: nullcontext(completing(at.model)))
            return await small(task)
        message = cut(ended.text, MOST_SAID) or "Codex changed nothing."
        say(bench.wire, message)
        task.told = True
        return "Nothing was changed."

    return work


def reviewed(bench: Workbench, at: Workplace, origin: Origin) -> Workplace:
    """`at` for a turn whose changes the person can review, as the settings say."""
    held = bench.settings.apply != "auto" or not bench.client.apply_edit
    return replace(at, editor=bench.review.for_turn(origin, held=held), reviewed=held)


def _asked(wish: Wish) -> str:
    """The person's wish, for a request that follows it."""
    return wish.wish if isinstance(wish, Edit) else prompt.problems(wish.problems)


def answering(bench: Workbench, place: Place, query: Query, title: str) -> Work:
    """Work that asks for prose, which streams into a page that is shown."""

    async def work(task: Task) -> str:
        at = await workplace(bench, place.path)
        head = f"# {title}\n\n"
        folder = bench.adapters.state_folder / "answers"
        path = await asyncio.to_thread(pages.new_page, folder, "answer", head)
        grown = partial(show_growth, bench)
        page = pages.Answer(path, bench.editor, bench.buffers.text_at, grown)
        follow = following(bench, task)

        def tell(step: Step) -> None:
            follow(step)
            if isinstance(step, Writing):
                page.write(step.text)
            elif isinstance(step, Retrying):
                page.restart()

        growing = asyncio.ensure_future(page.grow())
        try:
            shown = await show_page(bench, path)
            await requests.answer(place, query, at, tell=tell)
        finally:
            page.finish()
            await growing
        if page.unshown:
            # An editor that cannot be given text, or a page that was typed in.
            path = await asyncio.to_thread(pages.new_page, folder, "answer", head + page.unshown)
            told = f"The editor did not take all of the answer. The rest is in {path}"
            say(bench.wire, told)
        task.told = shown
        return f"The answer is in {path}"

    return work


def asking_first(bench: Workbench, heading: str, then: Callable[[str], Work]) -> Work:
    """Work that lets the person write what they wish on a page of ours, then goes on with it."""

    async def work(task: Task) -> str:
        wish = await written(bench, task, heading)
        return "No request was written." if wish is None else await then(wish)(task)

    return work


async def written(bench: Workbench, task: Task, heading: str, above: str = "") -> str | None:
    """What the person writes on a page of ours, under `heading` and `above`; None if nothing."""
    text = f"# {heading}\n\n{above}{pages.MARK}\n"
    folder = bench.adapters.state_folder / "prompts"
    path = await asyncio.to_thread(pages.new_page, folder, "prompt", text)
    try:
        task.progress.report(f"write your request in {path.name}")
        if not await open_at(bench, path.as_uri()):
            told = (
                f"Open {path}, write your request there, end with a line that says "
                f"{pages.SEND}, and save it."
            )
            say(bench.wire, told)
        return await pages.filled_in(path, text)
    finally:
        await asyncio.to_thread(path.unlink, missing_ok=True)


def following(bench: Workbench, task: Task) -> StepSink:
    """Says each step on the task's progress, and counts what it costs."""
    report = words.reporter(task.progress.report)

    def tell(step: Step) -> None:
        report(step)
        task.meter.note(step)
        bench.meter.note(step)
        if isinstance(step, RateLimits):
            bench.alarm.note(step)
        elif isinstance(step, Landed):
            bench.recent.landed(step.path)

    return tell


def explaining(bench: Workbench, hunk: Hunk, place: Place) -> Work:
    """Work that has the model explain a change of its own, on a page."""

    async def work(task: Task) -> str:
        origin = bench.review.origin(hunk)
        shown = await text_of(bench, [hunk], _name)
        text = prompt.about_change(shown, "" if origin is None else origin.asked)
        about = Question(f"{text}\n\n{prompt.EXPLAIN_CHANGE}")
        return await answering(bench, place, about, f"A change of {hunk.path.name}")(task)

    return work


def redoing(bench: Workbench, hunk: Hunk, place: Place, note: str) -> Work:
    """Work that asks for a change once more, with what the person says to it."""

    async def work(task: Task) -> str:
        origin = bench.review.origin(hunk)
        shown = await text_of(bench, [hunk], _name)
        text = prompt.about_change(shown, "" if origin is None else origin.asked)
        wish = Edit(prompt.redo_change(note, text))
        return await changing(bench, place, wish, "Codex: redo", replaces=hunk.id)(task)

    return work


def _name(path: Path) -> str:
    return path.name
