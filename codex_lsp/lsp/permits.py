"""The `Permit` of a task: all that decides what the agent may do, put together for one window."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codex_lsp.agent import approvals, gate
from codex_lsp.agent.actions import Decision, Permit, RunCommand
from codex_lsp.agent.approvals import Policy, Question
from codex_lsp.agent.requests import Place
from codex_lsp.agent.rules import NoRules
from codex_lsp.lsp.approvals import Asker
from codex_lsp.lsp.tasks import Task

if TYPE_CHECKING:
    from codex_lsp.lsp.workbench import Workbench


def permit_for(bench: Workbench, task: Task, place: Place | None) -> Permit:
    """The permit for what `task` wants to do; it asks at `place`, where the task was started."""
    document = None if place is None else bench.buffers.at(place.path)
    asker = Asker(
        task.title,
        None if document is None else document.uri,
        0 if place is None else place.lines.start,
        task.progress.report,
    )
    roots = bench.roots if place is None else bench.roots_for(place.path)

    async def ask(question: Question) -> Decision:
        return await bench.approvals.ask(question, asker)

    def judge(action: RunCommand, policy: Policy) -> gate.Judged:
        return gate.judge(action, policy, roots)

    return approvals.permit(Policy, NoRules(), judge, bench.granted, ask)
