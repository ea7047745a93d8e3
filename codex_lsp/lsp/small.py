"""Fixing with the small model on this machine: its flow between the editor's answers.

The server runs nothing to check a repair. A client may offer to (`experimental.codexCheck`, then
`codex/check` is asked), and the person is shown each change before it is made.
"""

from __future__ import annotations

from codex_lsp.agent.ports import Applied
from codex_lsp.agent.requests import Fix, Place
from codex_lsp.agent.small.fix import OpenCompletion, Person, fix_function
from codex_lsp.lsp.connection.client import ClientFailure
from codex_lsp.lsp.editing.review import Origin
from codex_lsp.lsp.person import words
from codex_lsp.lsp.tasks import INFO, Task, Work
from codex_lsp.lsp.workbench import Workbench

_CHECK, _DECISION = 120.0, 600.0  # seconds: for a program, and for a person
_YES, _NO = "Change it", "Leave it"


def repairing(bench: Workbench, place: Place, fix: Fix, small: OpenCompletion) -> Work:
    """Work that repairs the function at `place`."""

    async def work(task: Task) -> str:
        origin = Origin(task.id, place, "")
        outcome = await fix_function(
            place,
            fix,
            open_completion=small,
            snapshots=lambda: bench.snapshot(place.path),
            editor=bench.review.for_turn(origin, held=bench.settings.apply == "propose"),
            person=_person(bench, task, place),
            label="Codex: fix",
        )
        if isinstance(outcome, Applied):
            return words.changed([outcome.path])
        message = f"Nothing was changed: {outcome.reason}."
        bench.wire.notify("window/showMessage", {"type": INFO, "message": message})
        return message

    return work


def _person(bench: Workbench, task: Task, place: Place) -> Person:
    document = bench.buffers.at(place.path)
    uri = place.path.as_uri() if document is None else document.uri

    async def check(text: str) -> str | None:
        if not bench.client.checks:
            return None
        answer = await _asked("codex/check", {"uri": uri, "text": text}, _CHECK)
        problem = (answer or {}).get("problem", "the check gave no answer")
        return None if problem is None else str(problem)

    async def agree(diff: str) -> bool:
        task.progress.report("waiting for you to agree")
        question = {
            "type": INFO,
            "message": f"The small local model suggests a change.\n\n{diff}",
            "actions": [{"title": _YES}, {"title": _NO}],
        }
        answer = await _asked("window/showMessageRequest", question, _DECISION)
        return answer is not None and answer.get("title") == _YES

    async def _asked(method: str, params: object, seconds: float) -> dict[str, object] | None:
        try:
            answer = await bench.wire.ask(method, params, timeout=seconds)
        except ClientFailure:
            return None
        return answer if isinstance(answer, dict) else None

    return Person(check, agree, task.progress.report)
