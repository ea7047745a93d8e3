"""What the tasks do: ask the agent, show what happens, and end with a sentence for the person."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path

from codex_lsp.agent import prompt, requests
from codex_lsp.agent.consent.visible import cut
from codex_lsp.agent.context.parts import head
from codex_lsp.agent.conversation import Message
from codex_lsp.agent.events import RateLimits, RequestRefused
from codex_lsp.agent.ports import NotApplied
from codex_lsp.agent.requests import Edit, Fix, Query, Question, Wish
from codex_lsp.agent.small.completion import cannot_call, completing
from codex_lsp.agent.steps import Landed, Retrying, Step, StepSink, Writing
from codex_lsp.agent.workplace import Place, Workplace
from codex_lsp.lsp.connection.client import ClientFailure
from codex_lsp.lsp.editing.hunk_text import Pair, as_diff, pairs
from codex_lsp.lsp.editing.review import Origin
from codex_lsp.lsp.person import pages, words
from codex_lsp.lsp.person.messages import choose, say
from codex_lsp.lsp.person.permits import permit_for
from codex_lsp.lsp.person.showing import show, show_growth, show_page
from codex_lsp.lsp.small import repairing
from codex_lsp.lsp.tasks import Task, Work
from codex_lsp.lsp.workbench import Workbench
from codex_lsp.lsp.workplace import workplace
from codex_lsp.workspace.ledger import Hunk, Reversal, State
from codex_lsp.workspace.snapshot import Found

MOST_SAID = 2_000  # characters of a model that are shown as a message
MOST_TOLD = 8_000  # bytes of what was left out that the model is told
DECISION = 600.0  # seconds that a person may take to say whether a change is made


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
            return await repairing(bench, place, wish, lambda: nullcontext(completing(at.model)))(
                task
            )
        message = cut(ended.text, MOST_SAID) or "Codex changed nothing."
        say(bench.wire, message)
        return "Nothing was changed."

    return work


def reviewed(bench: Workbench, at: Workplace, origin: Origin) -> Workplace:
    """`at` for a turn whose changes the person can review, as the settings say."""
    held = bench.settings.apply != "auto"
    return replace(at, editor=bench.review.for_turn(origin, held=held), reviewed=held)


async def summary(bench: Workbench, task: Task, changed: Iterable[str], label: str) -> str | None:
    """What a turn did to files, in a sentence; None if nothing. What waits is asked about here."""
    if waiting := bench.ledger.hunks(State.PROPOSED, turn=task.id):
        if bench.settings.apply == "confirm":
            return await confirming(bench, waiting, label)(task)
        return words.to_review(len(waiting))
    names = [Path(name) for name in changed]
    return words.changed(names) if names else None


async def left_out(bench: Workbench, task: Task) -> Message | None:
    """What the model is to know of what the person decided against, for the next turn."""
    if not (hunks := bench.ledger.hunks(State.DROPPED, turn=task.id)):
        return None
    name = bench.snapshot(hunks[0].path).name
    diff = await asyncio.to_thread(as_diff, await _pairs(bench, hunks), name)
    return Message("user", prompt.left_out(head(diff, MOST_TOLD)), "context")


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
            await show_page(bench, path)
            await requests.answer(place, query, at, tell=tell)
        finally:
            page.finish()
            await growing
        if page.unshown:
            # An editor that cannot be given text, or a page that was typed in.
            path = await asyncio.to_thread(pages.new_page, folder, "answer", head + page.unshown)
            told = f"The editor did not take all of the answer. The rest is in {path}"
            say(bench.wire, told)
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


def advancing(bench: Workbench, hunks: Sequence[Hunk], verb: str, label: str) -> Work:
    """Work that makes changes, takes them back or makes them again; `verb` says which, as done."""

    async def work(_task: Task) -> str:
        outcome = await bench.review.advance(hunks, label=label)
        failures = "\n".join(dict.fromkeys(_kept(failure) for failure in outcome.kept))
        if not outcome.done:
            raise RequestRefused(failures or "Nothing was changed: it was decided already.")
        for applied in outcome.done:
            bench.recent.landed(applied.path)
        names = ", ".join(dict.fromkeys(applied.path.name for applied in outcome.done))
        message = f"{verb} in {names}."
        if failures:
            message += f"\n{failures}"
            say(bench.wire, message)
        return message

    return work


def confirming(bench: Workbench, hunks: Sequence[Hunk], label: str) -> Work:
    """Work that asks the person about changes that wait, and does what they say.

    Where the client cannot ask, or the person does not answer, the changes wait on. After a preview
    what could not be shown there, or was not made by accident, is asked about again.
    """

    async def work(task: Task) -> str:
        said, notes, waiting = list[str](), list[str](), list(hunks)
        try:
            while waiting:
                task.progress.report("waiting for you to agree")
                match await _agreed(bench, waiting, [*said, *notes]):
                    case words.APPLY:
                        said.append(await advancing(bench, waiting, "Changed", label)(task))
                        break
                    case words.DISCARD:
                        bench.review.drop(waiting)
                        break
                    case words.PREVIEW:
                        task.progress.report("waiting for you to choose in the preview")
                        outcome = await _previewed(bench, waiting, label)
                        said += filter(None, [outcome[0]])
                        notes = outcome[1]
                        waiting = _still(bench, waiting)
                    case _:
                        said.append(words.to_review(len(waiting)))
                        break
        except RequestRefused as error:
            raise RequestRefused(" ".join([*said, str(error)])) from error
        except asyncio.CancelledError:
            bench.review.drop(hunks, "the task was cancelled")
            raise
        return " ".join(said) or "Nothing was changed."

    return work


async def _agreed(bench: Workbench, hunks: Sequence[Hunk], before: Sequence[str]) -> str | None:
    """The title that was chosen; None too if the person decided by code action meanwhile."""
    preview = [words.PREVIEW] if _previewable(bench, hunks) else []
    titles = words.APPLY, *preview, words.REVIEW, words.DISCARD
    message = "\n".join([*before, words.question(hunks)])
    asking = asyncio.ensure_future(choose(bench.wire, message, titles, patience=DECISION))
    deciding = asyncio.ensure_future(bench.review.decided(hunks))
    try:
        await asyncio.wait([asking, deciding], return_when=asyncio.FIRST_COMPLETED)
        return asking.result() if asking.done() else None
    except ClientFailure:
        return None
    finally:
        asking.cancel()
        deciding.cancel()


def _previewable(bench: Workbench, hunks: Sequence[Hunk]) -> list[Hunk]:
    """Those that a preview can show: not what is done to whole files."""
    if not (bench.client.previews and bench.settings.preview):
        return []
    return [hunk for hunk in hunks if isinstance(hunk.step, Reversal)]


async def _previewed(bench: Workbench, hunks: Sequence[Hunk], label: str) -> tuple[str, list[str]]:
    """What came of a preview in a sentence, and why what is not decided is not."""
    outcome = await bench.review.choose(
        _previewable(bench, hunks), bench.editor.preview, label=label
    )
    for applied in outcome.done:
        bench.recent.landed(applied.path)
    made = words.chosen([one.path for one in outcome.done], len(outcome.left_out))
    return made, list(dict.fromkeys(_kept(failure) for failure in outcome.kept))


def _still(bench: Workbench, hunks: Sequence[Hunk]) -> list[Hunk]:
    """Those that wait on, as they are now."""
    found = (bench.ledger.find(hunk.id) for hunk in hunks)
    return [hunk for hunk in found if hunk is not None and hunk.state is State.PROPOSED]


def diffing(bench: Workbench, hunks: Sequence[Hunk]) -> Work:
    """Work that shows changes as a unified diff, on a page of ours."""

    async def work(_task: Task) -> str:
        snapshot = bench.snapshot(hunks[0].path)
        text = await asyncio.to_thread(as_diff, await _pairs(bench, hunks), snapshot.name)
        folder = bench.adapters.state_folder / "diffs"
        path = await asyncio.to_thread(pages.new_page, folder, "diff", text, ".diff")
        await show_page(bench, path)
        return f"The diff is in {path}"

    return work


def explaining(bench: Workbench, hunk: Hunk, place: Place) -> Work:
    """Work that has the model explain a change of its own, on a page."""

    async def work(task: Task) -> str:
        origin = bench.review.origin(hunk)
        shown = as_diff(await _pairs(bench, [hunk]), _name)
        text = prompt.about_change(shown, "" if origin is None else origin.asked)
        about = Question(f"{text}\n\n{prompt.EXPLAIN_CHANGE}")
        return await answering(bench, place, about, f"A change of {hunk.path.name}")(task)

    return work


def redoing(bench: Workbench, hunk: Hunk, place: Place, note: str) -> Work:
    """Work that asks for a change once more, with what the person says to it."""

    async def work(task: Task) -> str:
        origin = bench.review.origin(hunk)
        shown = as_diff(await _pairs(bench, [hunk]), _name)
        text = prompt.about_change(shown, "" if origin is None else origin.asked)
        wish = Edit(prompt.redo_change(note, text))
        return await changing(bench, place, wish, "Codex: redo", replaces=hunk.id)(task)

    return work


async def _pairs(bench: Workbench, hunks: Sequence[Hunk]) -> list[Pair]:
    snapshot = bench.snapshot(hunks[0].path)
    live: dict[Path, str] = {}
    for path in {hunk.path for hunk in hunks}:
        found = await asyncio.to_thread(snapshot.look, str(path))
        if isinstance(found, Found):
            live[path] = found.text
        await bench.review.places.prepare(path, [hunk for hunk in hunks if hunk.path == path])
    return list(pairs(hunks, bench.review.places, live))


def _name(path: Path) -> str:
    return path.name


def _kept(failure: NotApplied) -> str:
    return f"{failure.path.name} stays as it is: {failure.reason}"
