"""Fixing with a model too small for tools: its flow between the editor's answers.

The server runs nothing to check a repair. A client may offer to (`experimental.codexCheck`, then
`codex/check` is asked), and the person is shown each change before it is made.
"""

from __future__ import annotations

from functools import partial

from codex_lsp.agent.ports import Applied
from codex_lsp.agent.requests import Fix, Place
from codex_lsp.agent.small.fix import OpenCompletion, Person, fix_function
from codex_lsp.lsp.connection.client import ClientError, ClientFailure
from codex_lsp.lsp.editing.review import Origin
from codex_lsp.lsp.person import words
from codex_lsp.lsp.person.messages import choose, say
from codex_lsp.lsp.tasks import Task, Work
from codex_lsp.lsp.workbench import Workbench

_CHECK, _DECISION = 120.0, 600.0  # seconds: for a program, and for a person
_YES, _NO = "Change it", "Leave it"


def repairing(bench: Workbench, place: Place, fix: Fix, small: OpenCompletion) -> Work:
    """Work that repairs the function at `place`."""

    async def work(task: Task) -> str:
        origin = Origin(task.id, place, "")
        held = bench.settings.apply == "propose" or not bench.client.apply_edit
        outcome = await fix_function(
            place,
            fix,
            open_completion=small,
            snapshots=lambda: bench.snapshot(place.path),
            editor=bench.review.for_turn(origin, held=held),
            person=_person(bench, task, place),
            label="Codex: fix",
        )
        if isinstance(outcome, Applied):
            return words.changed([outcome.path])
        message = f"Nothing was changed: {outcome.reason}."
        say(bench.wire, message)
        return message

    return work


def _person(bench: Workbench, task: Task, place: Place) -> Person:
    document = bench.buffers.at(place.path)
    uri = place.path.as_uri() if document is None else document.uri

    async def check(text: str) -> str | None:
        if not bench.client.checks:
            return None
        asked = {"uri": uri, "text": text}
        try:
            answer = await bench.wire.ask("codex/check", asked, timeout=_CHECK)
        except ClientFailure:
            answer = None
        found = answer if isinstance(answer, dict) else {}
        problem = found.get("problem", "the check gave no answer")
        return None if problem is None else str(problem)

    async def agree(diff: str) -> bool:
        task.progress.report("waiting for you to agree")
        question = f"The small model suggests a change.\n\n{diff}"
        ask = partial(choose, bench.wire, question, patience=_DECISION)
        try:
            try:
                return await ask((_YES, _NO)) == _YES
            except ClientError:  # vim-lsp hands over the first answer alone
                return await ask((_YES,)) == _YES
        except ClientFailure:
            return False

    return Person(check, agree, task.progress.report)
