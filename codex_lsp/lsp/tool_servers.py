"""The MCP servers of a window: which are configured for some work, and how they read in a list."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from codex_lsp.agent.connections import Server
from codex_lsp.agent.consent.visible import visible
from codex_lsp.agent.server_specs import specs
from codex_lsp.agent.servers import ServerSpec, Unusable
from codex_lsp.agent.tools.server_tool import function_names, usable
from codex_lsp.agent.workplace import Servers
from codex_lsp.lsp.workbench import Workbench


async def servers_for(bench: Workbench, about: Path | None) -> Servers | None:
    """The servers for work on the file `about`, or in the first folder; None where none can be."""
    if bench.connections is None or not (about or bench.roots):
        return None
    roots = bench.roots if about is None else bench.roots_for(about)
    found = await asyncio.to_thread(_configured, bench, roots)
    return Servers(bench.connections, found) if found else None


def _configured(bench: Workbench, roots: tuple[Path, ...]) -> tuple[ServerSpec | Unusable, ...]:
    config = bench.adapters.configuration(roots[0])
    if not config.mcp_servers:
        return ()
    return specs(config, bench.adapters.configuration(None), roots, os.environ)


def described(servers: Servers) -> list[dict[str, object]]:
    """As `codex.mcp.list` shows them."""
    known = [one for one in servers.configured if isinstance(one, ServerSpec)]
    there = [servers.connections.of(spec) for spec in known]
    offered = [
        (spec.name, tool)
        for spec, server in zip(known, there, strict=True)
        if server.connection is not None
        for tool in usable(spec, server.connection.tools)
    ]
    names = function_names([(name, tool.name) for name, tool in offered])
    tools: dict[str, list[dict[str, object]]] = {}
    for (name, tool), function in zip(offered, names, strict=True):
        shown = {"name": visible(tool.name), "function": function, "readOnly": tool.reads_only}
        tools.setdefault(name, []).append(shown)
    wrong = [_unusable(one) for one in servers.configured if isinstance(one, Unusable)]
    return [*(_one(one, tools.get(one.spec.name, [])) for one in there), *wrong]


def _one(server: Server, tools: list[dict[str, object]]) -> dict[str, object]:
    return {
        "server": server.spec.name,
        "from": server.spec.place or "you",
        "state": server.state,
        "message": visible(server.why),
        "tools": tools,
    }


def _unusable(one: Unusable) -> dict[str, object]:
    return {"server": one.name, "state": "failed", "message": one.why, "tools": []}
