"""The commands about MCP servers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from codex_lsp.agent.servers import ServerFailed, ServerSpec
from codex_lsp.agent.workplace import Servers
from codex_lsp.lsp.connection.server import Server
from codex_lsp.lsp.editing.buffers import to_path
from codex_lsp.lsp.person.permits import permit_for
from codex_lsp.lsp.person.words import plural
from codex_lsp.lsp.targets import BadArguments, parse_target
from codex_lsp.lsp.tasks import Task
from codex_lsp.lsp.tool_servers import described, servers_for
from codex_lsp.lsp.workbench import Workbench

Reply = dict[str, object]


async def listed(server: Server, _arguments: Sequence[object] | None) -> list[Reply]:
    """`codex.mcp.list`: the configured servers, what became of them, and their tools."""
    servers = await _servers(server.bench)
    return [] if servers is None else described(servers)


async def reconnect(server: Server, arguments: Sequence[object] | None) -> Reply:
    """`codex.mcp.reconnect` `{server?}`: end a server and start it anew, or all of them."""
    bench, name = server.bench, parse_target(arguments).server
    servers = await _servers(bench)
    known = () if servers is None else servers.configured
    chosen = tuple(one for one in known if name in {None, one.name})
    if servers is None or not chosen:
        raise BadArguments("No such MCP server is configured: codex.mcp.list shows those that are.")
    wanted = replace(servers, configured=chosen)

    async def work(task: Task) -> str:
        return await _again(wanted, bench, task)

    return {"taskId": bench.tasks.start("Codex: start MCP servers", work).id}


async def _again(servers: Servers, bench: Workbench, task: Task) -> str:
    for spec in servers.configured:
        if isinstance(spec, ServerSpec):
            await servers.connections.forget(spec)
    permit = permit_for(bench, task, None)
    try:
        there = await servers.connections.started(servers.configured, permit)
    except ServerFailed as failed:
        return str(failed)
    return f"{plural(len(there), 'MCP server')} of {len(servers.configured)} can be used."


async def _servers(bench: Workbench) -> Servers | None:
    return await servers_for(bench, None if bench.last is None else to_path(bench.last.uri))
