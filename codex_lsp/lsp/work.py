"""What the tasks do: ask the agent, show what happens, and end with a sentence for the person."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from codex_lsp.agent import requests
from codex_lsp.agent.events import RequestRefused
from codex_lsp.agent.ports import NotApplied
from codex_lsp.agent.requests import Place, Query, Wish
from codex_lsp.agent.steps import Landed, Retrying, Step, StepSink, Writing
from codex_lsp.agent.undo import reverse
from codex_lsp.lsp import pages, words
from codex_lsp.lsp.client import ClientFailure
from codex_lsp.lsp.permits import permit_for
from codex_lsp.lsp.tasks import INFO, Task, Work
from codex_lsp.lsp.workbench import Workbench
from codex_lsp.workspace.ledger import Turn


def changing(bench: Workbench, place: Place, wish: Wish, label: str) -> Work:
    """Work that asks for a change; the person hears of it where the answer is words instead."""

    async def work(task: Task) -> str:
        at = replace(bench.workplace(place.path), permit=permit_for(bench, task, place))
        if bench.settings.apply == "propose":
            at = replace(at, editor=bench.review.for_turn(task.id))
        tell = noting(bench, task)
        ended, changed = await requests.change(place, wish, at, tell=tell, label=label)
        if changed:
            return words.changed([Path(name) for name in changed])
        if waiting := bench.review.of_turn(task.id):
            return words.to_review(len(waiting))
        message = ended.text or "Codex changed nothing."
        bench.wire.notify("window/showMessage", {"type": INFO, "message": message})
        return "Nothing was changed."

    return work


def answering(bench: Workbench, place: Place, query: Query, title: str) -> Work:
    """Work that asks for prose, which streams into a page that is shown."""

    async def work(task: Task) -> str:
        at = bench.workplace(place.path)
        head = f"# {title}\n\n"
        folder = bench.adapters.state_folder / "answers"
        path = await asyncio.to_thread(pages.new_page, folder, "answer", head)
        page = pages.Answer(path, bench.editor, bench.buffers.text_at)
        follow = following(bench, task)

        def tell(step: Step) -> None:
            follow(step)
            if isinstance(step, Writing):
                page.write(step.text)
            elif isinstance(step, Retrying):
                page.restart()

        growing = asyncio.ensure_future(page.grow())
        try:
            await show(bench, path)
            await requests.answer(place, query, at, tell=tell)
        finally:
            page.finish()
            await growing
        if page.unshown:
            # An editor that cannot be given text, or a page that was typed in.
            path = await asyncio.to_thread(pages.new_page, folder, "answer", head + page.unshown)
            told = f"The editor did not take all of the answer. The rest is in {path}"
            bench.wire.notify("window/showMessage", {"type": INFO, "message": told})
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
        if not await show(bench, path):
            told = (
                f"Open {path}, write your request there, end with a line that says "
                f"{pages.SEND}, and save it."
            )
            bench.wire.notify("window/showMessage", {"type": INFO, "message": told})
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

    return tell


def noting(bench: Workbench, task: Task) -> StepSink:
    """Follows the steps, and notes what lands, so that it can be undone."""
    follow = following(bench, task)

    def tell(step: Step) -> None:
        follow(step)
        if isinstance(step, Landed):
            bench.ledger.note(task.id, step.undo)

    return tell


def reversing(bench: Workbench, turn: Turn, *, undone: bool) -> Work:
    """Work that takes a turn back, or makes it again if it was `undone`."""

    async def work(_task: Task) -> str:
        label = "Codex: redo" if undone else "Codex: undo"
        outcome = await reverse(turn.undos, bench.editor, label=label)
        if not outcome.done:
            raise RequestRefused("\n".join(_kept(failure) for failure in outcome.kept))
        bench.ledger.settle(turn, outcome.undos, undone=not undone)
        for undo in outcome.left:
            # What was typed over can be taken back once the person has made room for it.
            bench.ledger.note(f"{turn.id}-rest", undo, undone=undone)
        names = ", ".join(dict.fromkeys(applied.path.name for applied in outcome.done))
        message = f"{'Redone' if undone else 'Undone'} in {names}."
        if outcome.kept:
            message += "\n" + "\n".join(_kept(failure) for failure in outcome.kept)
            bench.wire.notify("window/showMessage", {"type": INFO, "message": message})
        return message

    return work


def _kept(failure: NotApplied) -> str:
    return f"{failure.path.name} stays as it is: {failure.reason}"


async def show(bench: Workbench, path: Path) -> bool:
    """Have the editor open a page of ours; False where it cannot."""
    if not bench.client.show_document and bench.client.quirks.profile != "helix":
        message = f"Codex wrote {path}"
        bench.wire.notify("window/showMessage", {"type": INFO, "message": message})
        return False
    asked = {"uri": path.as_uri(), "external": False, "takeFocus": True}
    try:
        answer = await bench.wire.ask("window/showDocument", asked, timeout=10)
    except ClientFailure:
        return False
    return isinstance(answer, dict) and answer.get("success") is True
