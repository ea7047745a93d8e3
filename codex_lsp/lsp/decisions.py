"""What the person decides about changes of the agent, and what becomes of them then: they are made,
taken back, dropped or shown, and the model is told of those that were left out.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from codex_lsp.agent import prompt
from codex_lsp.agent.changes.hunks import UNWANTED
from codex_lsp.agent.context.parts import head
from codex_lsp.agent.conversation import Message
from codex_lsp.agent.events import RequestRefused
from codex_lsp.agent.ports import NotApplied
from codex_lsp.lsp.connection.client import ClientFailure
from codex_lsp.lsp.editing.hunk_text import Pair, as_diff, pairs
from codex_lsp.lsp.person import pages, words
from codex_lsp.lsp.person.messages import choose, say
from codex_lsp.lsp.person.showing import show_page
from codex_lsp.lsp.tasks import Task, Work
from codex_lsp.lsp.workbench import Workbench
from codex_lsp.workspace.ledger import Hunk, Reversal, State
from codex_lsp.workspace.snapshot import Found

MOST_TOLD = 8_000  # bytes of what was left out that the model is told
DECISION = 600.0  # seconds that a person may take to say whether a change is made


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
    dropped = bench.ledger.hunks(State.DROPPED, turn=task.id)
    if not (hunks := [hunk for hunk in dropped if hunk.reason == UNWANTED]):
        return None
    diff = await text_of(bench, hunks, bench.snapshot(hunks[0].path).name)
    return Message("user", prompt.left_out(head(diff, MOST_TOLD)), "context")


def advancing(bench: Workbench, hunks: Sequence[Hunk], verb: str, label: str) -> Work:
    """Work that makes changes, takes them back or makes them again; `verb` says which, as done."""

    async def work(task: Task) -> str:
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
            task.told = True
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
                answer = await _agreed(bench, waiting, [*said, *notes])
                notes = []
                match answer:
                    case words.APPLY:
                        said.append(await advancing(bench, waiting, "Changed", label)(task))
                        break
                    case words.DISCARD:
                        bench.review.drop(waiting)
                        break
                    case words.PREVIEW:
                        task.progress.report("waiting for you to choose in the preview")
                        made, notes = await _previewed(bench, waiting, label)
                        said += filter(None, [made])
                        waiting = _still(bench, waiting)
                    case _:
                        said.append(words.to_review(len(waiting)))
                        break
        except RequestRefused as error:
            raise RequestRefused(" ".join([*said, str(error)])) from error
        except asyncio.CancelledError:
            bench.review.drop(hunks, "the task was cancelled")
            raise
        return " ".join([*said, *notes]) or "Nothing was changed."

    return work


def diffing(bench: Workbench, hunks: Sequence[Hunk]) -> Work:
    """Work that shows changes as a unified diff, on a page of ours."""

    async def work(task: Task) -> str:
        snapshot = bench.snapshot(hunks[0].path)
        text = await text_of(bench, hunks, snapshot.name)
        folder = bench.adapters.state_folder / "diffs"
        path = await asyncio.to_thread(pages.new_page, folder, "diff", text, ".diff")
        await show_page(bench, path)
        task.told = True
        return f"The diff is in {path}"

    return work


async def text_of(bench: Workbench, hunks: Sequence[Hunk], name: Callable[[Path], str]) -> str:
    """The changes as a unified diff, against what is there now."""
    return await asyncio.to_thread(as_diff, await _pairs(bench, hunks), name)


async def _pairs(bench: Workbench, hunks: Sequence[Hunk]) -> list[Pair]:
    snapshot = bench.snapshot(hunks[0].path)
    live: dict[Path, str] = {}
    for path in {hunk.path for hunk in hunks}:
        found = await asyncio.to_thread(snapshot.look, str(path))
        if isinstance(found, Found):
            live[path] = found.text
        await bench.review.places.prepare(path, [hunk for hunk in hunks if hunk.path == path])
    return list(pairs(hunks, bench.review.places, live))


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


def _kept(failure: NotApplied) -> str:
    return f"{failure.path.name} stays as it is: {failure.reason}"
