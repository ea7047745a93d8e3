"""A connection to one server, through the SDK: what it offers, and its answers as we know them.

Whatever goes wrong in the SDK, on the way or in the server comes out as `ServerFailed`.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import Any, TypeVar, assert_never

import anyio
import httpx2
import mcp_types as types
from mcp.client.session import ClientSession
from mcp.shared.exceptions import MCPError
from mcp_types.version import LATEST_MODERN_VERSION
from pydantic import ValidationError

from codex_lsp import __version__
from codex_lsp.agent.conversation import Image
from codex_lsp.agent.servers import Connection, Offered, Reply, ServerFailed, ServerSpec
from codex_lsp.agent.tools.view_image import MOST_BYTES, media_type
from codex_lsp.tool_servers.http import http_link
from codex_lsp.tool_servers.link import Link
from codex_lsp.tool_servers.process import process_link

_PAGES = 20  # of a list; a server may never come to an end
_ENTRIES = 500  # of a list of resources that is shown to the model

for _name in ("mcp", "client", "httpx2"):
    logging.getLogger(_name).setLevel(logging.CRITICAL)  # they log what servers say

_Result = TypeVar("_Result")
_Page = TypeVar("_Page", bound=types.PaginatedResult)

_FAULTS = (
    MCPError, ValidationError, httpx2.HTTPError, httpx2.InvalidURL, httpx2.StreamError, OSError,
    RuntimeError, ValueError, anyio.ClosedResourceError, anyio.BrokenResourceError,
    anyio.EndOfStream,
)  # fmt: skip


@asynccontextmanager
async def connected(spec: ServerSpec) -> AsyncIterator[Connection]:
    """See `agent.servers.Connector.open`."""
    with _translated():
        async with (
            process_link(spec) if spec.argv else http_link(spec) as link,
            _Session(link.read, link.write, client_info=_CLIENT) as session,
        ):
            connection = await _introduced(session, link)
            yield connection


class _Session(ClientSession):
    async def validate_tool_result(self, name: str, result: types.CallToolResult) -> None:
        """Nothing: a pattern in a stranger's schema could keep this process busy for good."""


_CLIENT = types.Implementation(name="codex-lsp", version=__version__)


async def _introduced(session: ClientSession, link: Link) -> Connection:
    """Agree on a protocol: the handshake that all know, then what those do who have given it up."""
    try:
        await _unless_ended(session.initialize(), link)
    except MCPError:
        said = await _unless_ended(session.send_discover(LATEST_MODERN_VERSION), link)
        session.adopt(types.DiscoverResult.model_validate(said))
    able = session.server_capabilities
    tools: list[Offered] = []
    if able is not None and able.tools is not None:
        async for page in _pages(session.list_tools, link):
            tools += [_offered(tool) for tool in page.tools]
    resources = able is not None and able.resources is not None
    return _Connection(session, link, tuple(tools), has_resources=resources)


class _Connection:
    def __init__(
        self,
        session: ClientSession,
        link: Link,
        tools: tuple[Offered, ...],
        *,
        has_resources: bool,
    ) -> None:
        self._session = session
        self._link = link
        self.tools = tools
        self.has_resources = has_resources

    async def call(self, tool: str, arguments: Mapping[str, object]) -> Reply:
        with _translated():
            said = await _unless_ended(self._session.call_tool(tool, dict(arguments)), self._link)
        return await asyncio.to_thread(_reply, said)

    async def resources(self) -> str:
        found: list[Any] = []
        with _translated():
            async for page in _pages(self._session.list_resources, self._link):
                found += page.resources
        return _listed(found)

    async def resource_templates(self) -> str:
        found: list[Any] = []
        with _translated():
            async for page in _pages(self._session.list_resource_templates, self._link):
                found += page.resource_templates
        return _listed(found)

    async def read(self, uri: str) -> Reply:
        with _translated():
            said = await _unless_ended(self._session.read_resource(uri), self._link)
        return Reply("\n".join(_contents(one) for one in said.contents))

    async def ended(self) -> str:
        return await asyncio.shield(self._link.ended)


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except _FAULTS as fault:
        raise ServerFailed(_said(fault)) from fault
    except BaseExceptionGroup as group:
        known, other = group.split(lambda one: isinstance(one, (*_FAULTS, ServerFailed)))
        if other is not None or known is None:
            raise
        raise ServerFailed(_said(_first(known))) from group


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    one = group.exceptions[0]
    return _first(one) if isinstance(one, BaseExceptionGroup) else one


def _said(fault: BaseException) -> str:
    """What went wrong, as a clause; what does not fit the protocol is not quoted."""
    if isinstance(fault, ValidationError):
        return "what it answered does not fit the protocol"
    return str(fault) or type(fault).__name__


async def _unless_ended(asking: Awaitable[_Result], link: Link) -> _Result:
    """The answer; raises `ServerFailed`, with the reason, where the server goes instead."""
    answer = asyncio.ensure_future(asking)
    both: set[asyncio.Future[Any]] = {answer, link.ended}
    try:
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        if not answer.done() and link.ended.done():
            raise ServerFailed(link.ended.result())
        try:
            return answer.result()
        except MCPError as error:
            if link.ended.done():
                raise ServerFailed(link.ended.result()) from error
            raise
    finally:
        answer.cancel()
        await asyncio.gather(answer, return_exceptions=True)


async def _pages(ask: Callable[..., Awaitable[_Page]], link: Link) -> AsyncIterator[_Page]:
    cursor: str | None = None
    for _ in range(_PAGES):
        params = None if cursor is None else types.PaginatedRequestParams(cursor=cursor)
        page = await _unless_ended(ask(params=params), link)
        yield page
        if (cursor := page.next_cursor) is None:
            return


def _offered(tool: types.Tool) -> Offered:
    hints = tool.annotations
    reads_only = hints is not None and hints.read_only_hint is True
    return Offered(tool.name, tool.description or "", tool.input_schema, reads_only)


def _reply(said: types.CallToolResult | Any) -> Reply:
    """An answer: what it says in structured form goes before the same as text."""
    if not isinstance(said, types.CallToolResult):
        return Reply("it answered in a form that is not known here", failed=True)
    parts = [_part(block) for block in said.content]
    texts = [part for part in parts if isinstance(part, str)]
    if said.structured_content is not None:
        texts = [json.dumps(said.structured_content, ensure_ascii=False)]
    images = tuple(part for part in parts if isinstance(part, Image))
    return Reply("\n".join(texts), images, failed=said.is_error)


def _part(block: types.ContentBlock) -> str | Image:
    match block:
        case types.TextContent():
            return block.text
        case types.ImageContent():
            return _image(block)
        case types.AudioContent():
            return "[sound is left out]"
        case types.ResourceLink():
            return f"[resource {block.name}: {block.uri}]"
        case types.EmbeddedResource():
            return _contents(block.resource)
        case _:
            assert_never(block)


def _image(block: types.ImageContent) -> str | Image:
    try:
        data = base64.b64decode(block.data, validate=True)
    except (binascii.Error, ValueError):
        return "[an image that cannot be read is left out]"
    media = media_type(data)
    if media is None or len(data) > MOST_BYTES:
        return "[an image is left out: it is too large, or no PNG, JPEG, GIF or WebP]"
    return Image(media, data)


def _contents(one: types.TextResourceContents | types.BlobResourceContents) -> str:
    if isinstance(one, types.TextResourceContents):
        return one.text
    return f"[{one.uri} is left out: it is no text]"


def _listed(found: list[Any]) -> str:
    shown = [
        one.model_dump(mode="json", by_alias=True, exclude_none=True, exclude={"icons", "meta"})
        for one in found[:_ENTRIES]
    ]
    return json.dumps(shown, ensure_ascii=False)
