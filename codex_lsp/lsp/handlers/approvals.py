"""The person's answers to what the agent asks for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from codex_lsp.lsp import questions
from codex_lsp.lsp.approvals import Pending
from codex_lsp.lsp.server import Server
from codex_lsp.lsp.targets import BadArguments
from codex_lsp.lsp.tasks import Task, Work
from codex_lsp.lsp.work import asking_first

Reply = dict[str, object]
Arguments = Sequence[object] | None

DECISIONS = ("once", "session", "project", "deny")


def respond(server: Server, arguments: Arguments) -> Reply:
    """`codex.approval.respond` `{approvalId, decision, reason?}`: answer a question."""
    approvals, given = server.bench.approvals, _object(arguments)
    if "approvalId" not in given:
        # What the oldest question is may have changed since the person looked.
        raise BadArguments("Name the question: codex.approval.list tells the ids of all of them.")
    pending = _pending(server, given)
    decision = given.get("decision")
    reason = given.get("reason")
    if decision not in DECISIONS:
        raise BadArguments(f'"decision" has to be one of: {", ".join(DECISIONS)}.')
    if reason is not None and not isinstance(reason, str):
        raise BadArguments('"reason" has to be a string.')
    if decision == "deny" and given.get("asksWhy") is True:
        return {"taskId": _deny_and_say_why(server, pending)}
    if not approvals.respond(pending.id, str(decision), reason or ""):
        raise BadArguments(f"“{decision}” is none of the answers to this question.")
    return {"ok": True}


def listed(server: Server, _arguments: Arguments) -> list[Reply]:
    """`codex.approval.list`: the open questions, oldest first."""
    return [pending.describe() for pending in server.bench.approvals.pending()]


def shown(server: Server, arguments: Arguments) -> Reply:
    """`codex.approval.show` `{approvalId}`: open a page with the whole action."""
    pending = _pending(server, _object(arguments))

    async def work(_task: Task) -> str:
        path = await server.bench.show_question(pending)
        return f"The action is in {path}"

    return {"taskId": server.bench.tasks.start("Codex: show what is asked", work).id}


def _deny_and_say_why(server: Server, pending: Pending) -> str:
    """Deny with what the person writes on a page; nothing is decided before they send it."""

    def then(reason: str) -> Work:
        async def work(_task: Task) -> str:
            denied = server.bench.approvals.respond(pending.id, "deny", reason)
            return "Denied." if denied else "That was answered meanwhile."

        return work

    heading = f"Why should Codex not {questions.headline(pending.question)}?"
    work = asking_first(server.bench, heading, then)
    return server.bench.tasks.start("Codex: deny and say why", work).id


def _pending(server: Server, given: Mapping[str, object]) -> Pending:
    approval_id = given.get("approvalId")
    if approval_id is not None and not isinstance(approval_id, str):
        raise BadArguments('"approvalId" has to be a string.')
    pending = server.bench.approvals.find(approval_id)
    if pending is None:
        raise BadArguments("Nothing waits for approval here: it was answered or cancelled already.")
    return pending


def _object(arguments: Arguments) -> Mapping[str, object]:
    if not arguments:
        return {}
    if len(arguments) != 1 or not isinstance(arguments[0], Mapping):
        raise BadArguments('Give one JSON object: {"approvalId": "…", "decision": "once"}.')
    return arguments[0]
