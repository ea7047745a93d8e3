"""A tool of an MCP server, as the model calls it: `mcp__server__tool`.

What the server says of its tool is data from outside: cut, freed of what cannot be seen, and never
a reason not to ask the person, unless they configured the server themselves.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections import Counter
from collections.abc import Awaitable, Iterable, Mapping, Sequence
from hashlib import sha1

from codex_lsp.agent.consent.actions import CallServerTool, Denied, Permit, covers
from codex_lsp.agent.consent.visible import without_hidden
from codex_lsp.agent.conversation import FunctionTool
from codex_lsp.agent.servers import Connection, Offered, Reply, ServerFailed, ServerSpec
from codex_lsp.agent.tools.arguments import BadCall, arguments_of
from codex_lsp.agent.tools.tool import Answer
from codex_lsp.agent.truncation import Limit, output

MOST_TOOLS = 128  # of one server
_MOST_NAME, _DIGEST = 64, 12
_MOST_DESCRIPTION = 2000
_MOST_SCHEMA = 32_000  # characters of JSON
_PROSE = frozenset({"description", "title", "$comment"})


class ServerTool:
    """One tool, for one turn."""

    def __init__(
        self,
        name: str,
        server: ServerSpec,
        offered: Offered,
        connection: Connection,
        permit: Permit,
        limit: Limit,
    ) -> None:
        said = plain(offered.description) or "It says nothing of what it does."
        description = f"Tool {offered.name} of the MCP server {server.name}. {said}"
        self.spec = FunctionTool(name, description, plain_schema(offered.parameters))
        self.reads_only = server.parallel
        self._server = server
        self._offered = offered
        self._connection = connection
        self._permit = permit
        self._limit = limit

    async def run(self, arguments: str) -> Answer:
        """Call it, if the person lets the model do that."""
        tool = self._offered.name
        try:
            given = arguments_of(arguments)
        except BadCall as wrong:
            return Answer(f"{self.spec.name}: {wrong}")
        free = self._server.approvals.runs_unasked(tool, reads_only=self._offered.reads_only)
        if not free and (refused := await refusal(self._server, tool, given, self._permit)):
            return Answer(refused)
        return await answered(self._connection.call(tool, given), self._server, self._limit)


async def refusal(
    server: ServerSpec, what: str, given: Mapping[str, object], permit: Permit
) -> str:
    """Ask for a call; why it may not be made, for the model, or ""."""
    action = CallServerTool(server.name, what, json.dumps(given, ensure_ascii=False))
    decision = await permit(action)
    if isinstance(decision, Denied):
        return "tool call rejected by user" + (decision.reason and f": {decision.reason}")
    if not covers(decision, action):
        return "tool call rejected: what was allowed was something else"
    return ""


async def answered(asking: Awaitable[Reply], server: ServerSpec, limit: Limit) -> Answer:
    """What a server answers, within the time and the room that it has."""
    try:
        async with asyncio.timeout(server.tool_timeout):
            reply = await asking
    except TimeoutError:
        return Answer(
            f"{server.name} did not answer within {server.tool_timeout:g} s. What it was asked for "
            "may have been done all the same."
        )
    except ServerFailed as failed:
        return Answer(f"{server.name} gave no answer: {failed}")
    text = output(reply.text, limit)
    return Answer(f"The tool failed: {text}" if reply.failed else text, images=reply.images)


def server_tools(
    servers: Sequence[tuple[ServerSpec, Connection]], permit: Permit, limit: Limit
) -> tuple[ServerTool, ...]:
    """The tools that these servers offer and the configuration lets the model have."""
    found = [
        (spec, connection, offered)
        for spec, connection in servers
        for offered in usable(spec, connection.tools)
    ]
    names = function_names([(spec.name, offered.name) for spec, _, offered in found])
    return tuple(
        ServerTool(name, spec, offered, connection, permit, limit)
        for name, (spec, connection, offered) in zip(names, found, strict=True)
    )


def usable(spec: ServerSpec, offered: Iterable[Offered]) -> list[Offered]:
    """What of a server's tools can be shown to the model: the first of each name, and not what is
    too large or hides something in what has to be sent as it is.
    """
    kept: dict[str, Offered] = {}
    for one in offered:
        if len(kept) < MOST_TOOLS and spec.offers(one.name) and one.name not in kept and _fits(one):
            kept[one.name] = one
    return [*kept.values()]


def function_names(tools: Sequence[tuple[str, str]]) -> list[str]:
    """A name for each (server, tool) that models' services take, and none of them twice."""
    names = [re.sub(r"[^A-Za-z0-9_]", "_", f"mcp__{server}__{tool}") for server, tool in tools]
    times = Counter(names)
    taken = set(names)
    for at, (server, tool) in enumerate(tools):
        if times[names[at]] > 1 or len(names[at]) > _MOST_NAME:
            names[at] = _other_name(names[at], f"{server}\0{tool}", taken)
            taken.add(names[at])
    return names


def _other_name(name: str, raw: str, taken: set[str]) -> str:
    """`name` with a digest of what it stands for; a server may have guessed that and taken it."""
    while True:
        digest = sha1(raw.encode("utf-8", "surrogatepass"), usedforsecurity=False).hexdigest()
        other = f"{name[: _MOST_NAME - _DIGEST - 1]}_{digest[:_DIGEST]}"
        if other not in taken:
            return other
        raw += "\0"


def plain(text: str) -> str:
    """Prose of a server, without what cannot be seen, and not too much of it."""
    seen = without_hidden(text).strip()
    if len(seen) <= _MOST_DESCRIPTION:
        return seen
    return f"{seen[:_MOST_DESCRIPTION]}… (cut)"


def plain_schema(schema: Mapping[str, object]) -> Mapping[str, object]:
    """A schema, with its prose made plain."""
    return {key: _plain(key, value) for key, value in schema.items()}


def _plain(key: str, value: object) -> object:
    if isinstance(value, str):
        return plain(value) if key in _PROSE else value
    if isinstance(value, Mapping):
        return plain_schema(value)
    if isinstance(value, list):
        return [_plain("", one) for one in value]
    return value


def _fits(offered: Offered) -> bool:
    """Whether a tool can be passed on. What is not prose reaches the model as it is, so nothing
    may hide in it.
    """
    try:
        exact = json.dumps(plain_schema(offered.parameters), ensure_ascii=False)
    except RecursionError:
        return False
    hides = without_hidden(exact) != exact or not offered.name.isprintable()
    return len(exact) <= _MOST_SCHEMA and not hides
