"""Puts the model's questions to the person: as a message with buttons where that works, else on a
page to write on. Nothing waits for the answer but the turn that asked.
"""

from __future__ import annotations

from codex_lsp.agent.tools.ask_person import AskPerson, Question
from codex_lsp.lsp.connection.client import ClientFailure
from codex_lsp.lsp.person import pages
from codex_lsp.lsp.person.messages import choose
from codex_lsp.lsp.person.words import shortened
from codex_lsp.lsp.tasks import Task
from codex_lsp.lsp.work import written
from codex_lsp.lsp.workbench import Workbench

_PATIENCE = 30 * 60.0  # seconds; nobody may be there, and a client may never answer
_OWN_WORDS = "Answer in my own words"
_LONGEST = 80


def asking(bench: Workbench, task: Task) -> AskPerson:
    """How the turn of `task` asks."""

    async def ask(question: Question) -> str | None:
        with bench.status.needs_person(f"{task.title} asks: {shortened(question.text)}"):
            chosen = await _chosen(bench, task, question)
            if chosen is None or chosen in {option.label for option in question.options}:
                return chosen
            return await written(bench, task, "Codex asks", pages.quoted(_page(question)))

    return ask


async def _chosen(bench: Workbench, task: Task, question: Question) -> str | None:
    """The label of the option that was chosen; "" asks for a page, None is no answer at all."""
    if not question.options:
        return ""
    titles = {shortened(option.label, _LONGEST): option.label for option in question.options}
    if len(titles) < len(question.options):
        return ""
    message = f"{shortened(task.title)} asks:\n{_page(question)}"
    try:
        title = await choose(bench.wire, message, (*titles, _OWN_WORDS), patience=_PATIENCE)
    except ClientFailure:
        return ""
    return "" if title == _OWN_WORDS else titles.get(title or "")


def _page(question: Question) -> str:
    options = (f"- {one.label}: {one.description}".removesuffix(": ") for one in question.options)
    return "\n".join(" ".join(line.split()) for line in (question.text, *options))
