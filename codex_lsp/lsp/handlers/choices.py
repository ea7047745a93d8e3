"""Which model, how much it thinks, and what it used: for this window, until it is closed."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from codex_lsp.lsp.adapters import LocalModel
from codex_lsp.lsp.connection.client import ClientFailure
from codex_lsp.lsp.connection.server import Server
from codex_lsp.lsp.person import usage as used
from codex_lsp.lsp.person.messages import choose, say
from codex_lsp.lsp.targets import BadArguments
from codex_lsp.lsp.tasks import Task
from codex_lsp.lsp.workbench import Workbench

Reply = dict[str, object]
Arguments = Sequence[object] | None

EFFORTS = ("minimal", "low", "medium", "high", "xhigh")
CONFIGURED = "The configured one"
_PATIENCE = 15 * 60.0  # seconds that a person may take to answer
_MOST_SHOWN = 12


def model(server: Server, arguments: Arguments) -> Reply:
    """`codex.model.select` `{model}`: use it from now on; asks which where none is named."""
    bench, named = server.bench, _argument(arguments, "model")
    if named is not None:
        return {"ok": True, "message": bench.choice.use_model(named)}

    async def work(_task: Task) -> str:
        names = await asyncio.to_thread(bench.adapters.models)
        local = await bench.adapters.find_local()
        offered: dict[str, str | LocalModel | None] = {CONFIGURED: None}
        offered |= {name: name for name in names} | {one.title: one for one in local}
        title = await _chosen(bench, "Which model should Codex ask?", list(offered))
        return "Nothing was chosen." if title is None else bench.choice.use_model(offered[title])

    return {"taskId": bench.tasks.start("Codex: choose a model", work).id}


def effort(server: Server, arguments: Arguments) -> Reply:
    """`codex.effort.select` `{effort}`: think that much from now on; asks where none is named."""
    bench, named = server.bench, _argument(arguments, "effort")
    if named is not None:
        return {"ok": True, "message": bench.choice.use_effort(named)}

    async def work(_task: Task) -> str:
        title = await _chosen(bench, "How much should the model think?", [CONFIGURED, *EFFORTS])
        if title is None:
            return "Nothing was chosen."
        return bench.choice.use_effort(None if title == CONFIGURED else title)

    return {"taskId": bench.tasks.start("Codex: choose the effort", work).id}


def usage(server: Server, _arguments: Arguments) -> Reply:
    """`codex.usage`: the tokens of this window, and how full the plan's windows are."""
    bench = server.bench
    found = used.described(bench.meter)
    message = f"Codex: {found['message']}"
    say(bench.wire, message)
    return found


def _argument(arguments: Arguments, name: str) -> str | None:
    """The text that is given, alone or under its name."""
    given = arguments[0] if arguments else None
    value = given.get(name) if isinstance(given, Mapping) else given
    if value is None or (isinstance(value, str) and value.strip()):
        return value
    raise BadArguments(f'Give {{"{name}": "…"}}, or nothing to be asked.')


async def _chosen(bench: Workbench, question: str, titles: list[str]) -> str | None:
    """The title that the person chose; where the editor cannot ask, they hear what there is."""
    try:
        return await choose(bench.wire, question, titles[:_MOST_SHOWN], patience=_PATIENCE)
    except ClientFailure:
        message = f"{question} Name it in the command: {', '.join(titles[1:])}."
        say(bench.wire, message)
        return None
