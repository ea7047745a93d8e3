"""The person's answers to what the agent asks for."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path

from codex_lsp.agent.consent.actions import TrustFolder
from codex_lsp.agent.events import RequestRefused
from codex_lsp.lsp.connection.server import Server
from codex_lsp.lsp.person import approval_text, permits
from codex_lsp.lsp.person.approvals import Pending
from codex_lsp.lsp.person.showing import show
from codex_lsp.lsp.targets import BadArguments, one_object
from codex_lsp.lsp.tasks import Task, Work
from codex_lsp.lsp.work import asking_first
from codex_lsp.workspace.trust import NotWritten, TrustLevel, identify

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


def trust(server: Server, arguments: Arguments) -> Reply:
    """`codex.trust` `{path?, level?}`: say whether a folder is trusted; asks where no level is."""
    bench, given = server.bench, _object(arguments)
    home, level = bench.adapters.home, given.get("level")
    if home is None:
        raise BadArguments("There is no folder for settings: see that CODEX_HOME exists.")
    if level not in {None, "trusted", "untrusted"}:
        raise BadArguments('"level" has to be trusted or untrusted.')
    folder = _folder(server, given)

    async def work(task: Task) -> str:
        who = await asyncio.to_thread(identify, folder, Path.home())
        if level is None:
            asker = permits.asker_for(bench, task, None)
            trusted = await permits.ask_trust(bench, home, TrustFolder(who.project), asker)
        else:
            trusted = level == "trusted"
            await _note(server, home, who.project, "trusted" if trusted else "untrusted")
        return f"{who.project} is {'trusted' if trusted else 'not trusted'}."

    return {"taskId": bench.tasks.start("Codex: trust", work).id}


def rules_open(server: Server, _arguments: Arguments) -> Reply:
    """`codex.rules.open`: open the file with what was allowed for projects."""
    bench = server.bench
    home = bench.adapters.home
    if home is None:
        raise BadArguments("There is no folder for settings: see that CODEX_HOME exists.")
    file = permits.rules_file(home)

    async def work(_task: Task) -> str:
        await asyncio.to_thread(permits.append, file, "")
        await show(bench, file.resolve())
        return f"What you allowed for projects is in {file}"

    return {"taskId": bench.tasks.start("Codex: open the rules", work).id}


async def _note(server: Server, home: Path, folder: Path, level: TrustLevel) -> None:
    try:
        await permits.settle_trust(server.bench, home, folder, level)
    except NotWritten as error:
        raise RequestRefused(str(error)) from error


def _folder(server: Server, given: Mapping[str, object]) -> Path:
    """The folder that is named, absolute or relative to the first one, else the first one."""
    path, roots = given.get("path"), server.bench.roots
    if path is not None and not isinstance(path, str):
        raise BadArguments('"path" has to be a string.')
    if not roots:
        raise BadArguments("No folder is open here.")
    return roots[0] / (path or ".")


def _deny_and_say_why(server: Server, pending: Pending) -> str:
    """Deny with what the person writes on a page; nothing is decided before they send it."""

    def then(reason: str) -> Work:
        async def work(_task: Task) -> str:
            denied = server.bench.approvals.respond(pending.id, "deny", reason)
            return "Denied." if denied else "That was answered meanwhile."

        return work

    heading = f"Why should Codex not {approval_text.headline(pending.question)}?"
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
    return one_object(arguments, '{"approvalId": "…", "decision": "once"}')
