"""`list_mcp_resources`, `list_mcp_resource_templates` and `read_mcp_resource`, for servers that say
they have something to read.

Listing tells a server nothing and is not asked about; a read does, and is treated as a call.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence

from codex_lsp.agent.consent.actions import Permit
from codex_lsp.agent.conversation import FunctionTool
from codex_lsp.agent.servers import Connection, Reply, ServerSpec
from codex_lsp.agent.tools.arguments import BadCall, arguments_of, needed, text
from codex_lsp.agent.tools.server_tool import answered, refusal
from codex_lsp.agent.tools.tool import Answer, Tool
from codex_lsp.agent.truncation import Limit

READ = "resources/read"
"""What a read is called where the person is asked, or has set an approval mode for it."""

_SERVER = {"type": "string", "description": "The server's name."}

Servers = Mapping[str, tuple[ServerSpec, Connection]]
Listing = Callable[[Connection], Awaitable[str]]


def resource_tools(
    servers: Sequence[tuple[ServerSpec, Connection]], permit: Permit, limit: Limit
) -> tuple[Tool, ...]:
    """The three tools; none where no server has resources."""
    having = {spec.name: (spec, one) for spec, one in servers if one.has_resources}
    if not having:
        return ()
    return (
        ListResources("list_mcp_resources", "resources", _resources, having, limit),
        ListResources(
            "list_mcp_resource_templates", "resource templates", _templates, having, limit
        ),
        ReadResource(having, permit, limit),
    )


def _resources(connection: Connection) -> Awaitable[str]:
    return connection.resources()


def _templates(connection: Connection) -> Awaitable[str]:
    return connection.resource_templates()


class ListResources:
    """What one server lists, or all of them."""

    reads_only = True

    def __init__(
        self, name: str, what: str, listing: Listing, servers: Servers, limit: Limit
    ) -> None:
        self.spec = FunctionTool(
            name,
            f"Lists the {what} of MCP servers: of {', '.join(servers)}.",
            {
                "type": "object",
                "properties": {"server": _SERVER},
                "additionalProperties": False,
            },
        )
        self._listing = listing
        self._servers = servers
        self._limit = limit

    async def run(self, arguments: str) -> Answer:
        """A JSON document for each server."""
        try:
            name = text(arguments_of(arguments), "server")
            asked = self._servers if name is None else {name: _known(name, self._servers)}
        except BadCall as wrong:
            return Answer(f"{self.spec.name}: {wrong}")
        said: list[str] = []
        for spec, connection in asked.values():
            answer = await answered(self._listed(connection), spec, self._limit)
            said.append(f"{spec.name}: {answer.text}")
        return Answer("\n".join(said))

    async def _listed(self, connection: Connection) -> Reply:
        return Reply(await self._listing(connection))


class ReadResource:
    """One resource."""

    reads_only = False

    def __init__(self, servers: Servers, permit: Permit, limit: Limit) -> None:
        self.spec = FunctionTool(
            "read_mcp_resource",
            "Reads a resource of an MCP server, by its URI.",
            {
                "type": "object",
                "properties": {"server": _SERVER, "uri": {"type": "string"}},
                "required": ["server", "uri"],
                "additionalProperties": False,
            },
        )
        self._servers = servers
        self._permit = permit
        self._limit = limit

    async def run(self, arguments: str) -> Answer:
        """Read it, if the person lets the model do that."""
        try:
            given = arguments_of(arguments)
            spec, connection = _known(needed(given, "server"), self._servers)
            uri = needed(given, "uri")
        except BadCall as wrong:
            return Answer(f"read_mcp_resource: {wrong}")
        if not spec.approvals.runs_unasked(READ, reads_only=True):
            refused = await refusal(spec, READ, {"uri": uri}, self._permit)
            if refused:
                return Answer(refused)
        return await answered(connection.read(uri), spec, self._limit)


def _known(name: str, servers: Servers) -> tuple[ServerSpec, Connection]:
    if name not in servers:
        raise BadCall(f"no server {json.dumps(name)}; there are {', '.join(servers)}")
    return servers[name]
