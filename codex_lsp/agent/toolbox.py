"""Which tools a turn has: the one place where they are put together from a window's `Workplace`.

A quick fix gets only what it needs, because each tool is paid for with every request.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from codex_lsp.agent.changes.takeover import TakeOver
from codex_lsp.agent.commands import Commands
from codex_lsp.agent.events import RequestRefused
from codex_lsp.agent.servers import ServerFailed
from codex_lsp.agent.steps import StepSink
from codex_lsp.agent.tools.apply_patch import ApplyPatch
from codex_lsp.agent.tools.ask_person import AskThePerson
from codex_lsp.agent.tools.diagnostics import Diagnostics
from codex_lsp.agent.tools.exec_command import ExecCommand
from codex_lsp.agent.tools.list_files import ListFiles
from codex_lsp.agent.tools.read_file import ReadFile
from codex_lsp.agent.tools.search_files import SearchFiles
from codex_lsp.agent.tools.server_resources import resource_tools
from codex_lsp.agent.tools.server_tool import server_tools
from codex_lsp.agent.tools.tool import Tool
from codex_lsp.agent.tools.update_plan import UpdatePlan
from codex_lsp.agent.tools.view_image import ViewImage
from codex_lsp.agent.tools.write_stdin import WriteStdin
from codex_lsp.agent.workplace import Workplace


@dataclass(frozen=True, slots=True)
class Toolbox:
    """The tools of one turn. `changed` fills with the texts of the files that they change."""

    tools: tuple[Tool, ...]
    changed: dict[str, str]


def for_answers(at: Workplace) -> Toolbox:
    """To answer a question: nothing can be changed."""
    return Toolbox((ReadFile(at.snapshots),), {})


def for_changes(
    at: Workplace, tell: StepSink, *, label: str, near: tuple[Path, int] | None
) -> Toolbox:
    """To change something in one round trip, two or three."""
    patch = ApplyPatch(at.editor, at.snapshots, tell, label=label, near=near, permit=at.permit)
    return Toolbox((patch, ReadFile(at.snapshots)), patch.changed)


@asynccontextmanager
async def for_jobs(
    at: Workplace, tell: StepSink, *, label: str, near: tuple[Path, int] | None
) -> AsyncIterator[Toolbox]:
    """All that there is. What a tool leaves running ends with the context."""
    asks = at.permit is not None and not at.reviewed
    patch = ApplyPatch(
        at.editor, at.snapshots, tell, label=label, near=near, permit=at.permit, asks=asks
    )
    tools: list[Tool] = [patch, *_looking(at), UpdatePlan(tell)]
    if at.ask is not None:
        tools.append(AskThePerson(at.ask, tell))
    tools += await _of_servers(at)
    async with _commands(at, tell, patch, label) as running:
        yield Toolbox((*tools, *running), patch.changed)


@asynccontextmanager
async def _commands(
    at: Workplace, tell: StepSink, patch: ApplyPatch, label: str
) -> AsyncIterator[tuple[Tool, ...]]:
    """The tools that run commands. What still runs in the end is killed; what it changed is taken
    over, but not where the turn broke off.
    """
    if at.running is None or at.permit is None:
        yield ()
        return
    how = at.running
    take = TakeOver(
        at.editor,
        at.snapshots,
        at.permit,
        tell,
        label=label,
        checkpoints=how.checkpoints,
        reviewed=at.reviewed,
    )
    take.changed = patch.changed
    commands = Commands(how.runner, at.permit, at.snapshots, take, at.ask, idle=how.idle)
    run = ExecCommand(
        commands, at.snapshots, patch.run, shell=how.shell, login=how.login, limit=at.limit
    )
    try:
        yield run, WriteStdin(commands, at.limit, longest_wait=how.longest_wait)
    except BaseException:
        await commands.close(take=False)
        raise
    await commands.close()


async def _of_servers(at: Workplace) -> tuple[Tool, ...]:
    """The tools of MCP servers; those are started now that are not there yet."""
    if at.servers is None or at.permit is None:
        return ()
    try:
        there = await at.servers.connections.started(at.servers.configured, at.permit)
    except ServerFailed as failed:
        raise RequestRefused(str(failed)) from failed
    return (*server_tools(there, at.permit, at.limit), *resource_tools(there, at.permit, at.limit))


def _looking(at: Workplace) -> list[Tool]:
    """What changes nothing."""
    seen, most = at.snapshots, at.limit
    tools: list[Tool] = [
        ReadFile(seen, most),
        ListFiles(seen, most),
        SearchFiles(seen, most),
        ViewImage(seen),
    ]
    return tools if at.reported is None else [*tools, Diagnostics(seen, at.reported, most)]
