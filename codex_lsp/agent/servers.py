"""MCP servers as a turn knows them: what the configuration names, and what a connection can do.

No protocol here: who speaks it implements `Connector`. What comes from a server (names,
descriptions, schemas, hints, answers) is data from outside.

    ServerFailed        there is no server, or no answer; str() says why
      NotInstalled      what speaks the protocol is not installed
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from codex_lsp.agent.conversation import Image


class ServerFailed(Exception):
    """See the tree above."""


class NotInstalled(ServerFailed):
    """See the tree above."""


@dataclass(frozen=True, slots=True)
class Approvals:
    """When the person is asked before a call; `own`: the modes are the person's own words."""

    default: str = "auto"
    tools: Mapping[str, str] = field(default_factory=dict)
    own: bool = True

    def runs_unasked(self, tool: str, *, reads_only: bool) -> bool:
        """Whether a call needs nobody's word. A project, or a server's hint, does not widen that
        for a server that the person did not configure.
        """
        mode = self.tools.get(tool, self.default)
        return self.own and (mode == "approve" or (mode in {"auto", "writes"} and reads_only))


@dataclass(frozen=True, slots=True)
class ServerSpec:
    """A server to start (`argv`, in `cwd`, with the whole `environment`) or to reach at `url`.

    `place` is the project whose file names it, "" where the person's own does. `sets` is what is
    set for it, fit to be shown, and `passes` the names of the person's variables that it gets.
    Files below `roots` that it is started from are part of what the person agrees to. Times are in
    seconds.
    """

    name: str
    place: str = ""
    argv: tuple[str, ...] = ()
    cwd: Path | None = None
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    url: str = ""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    sets: tuple[tuple[str, str], ...] = ()
    passes: tuple[str, ...] = ()
    roots: tuple[Path, ...] = ()
    required: bool = False
    startup_timeout: float = 30.0
    tool_timeout: float = 300.0
    enabled_tools: tuple[str, ...] | None = None
    disabled_tools: tuple[str, ...] = ()
    approvals: Approvals = field(default_factory=Approvals)
    parallel: bool = False

    def offers(self, tool: str) -> bool:
        """Whether the configuration lets the model have that tool."""
        allowed = self.enabled_tools is None or tool in self.enabled_tools
        return allowed and tool not in self.disabled_tools


@dataclass(frozen=True, slots=True)
class Unusable:
    """A server that is configured such that it cannot be used, and why."""

    name: str
    why: str
    required: bool = False


@dataclass(frozen=True, slots=True)
class Offered:
    """A tool as the server describes it. `reads_only` is its own word for it."""

    name: str
    description: str
    parameters: Mapping[str, object]
    reads_only: bool = False


@dataclass(frozen=True, slots=True)
class Reply:
    """What a server answered. `failed`: by its own word, as text."""

    text: str
    images: tuple[Image, ...] = ()
    failed: bool = False


class Connection(Protocol):
    """A server that is there. Every question raises `ServerFailed` where no answer is to be had."""

    @property
    def tools(self) -> tuple[Offered, ...]:
        """Its tools, as it listed them at the start."""
        ...

    @property
    def has_resources(self) -> bool:
        """Whether it says that it has resources."""
        ...

    async def call(self, tool: str, arguments: Mapping[str, object]) -> Reply:
        """Call a tool."""
        ...

    async def resources(self) -> str:
        """The resources that it lists, as JSON."""
        ...

    async def resource_templates(self) -> str:
        """The templates of resources that it lists, as JSON."""
        ...

    async def read(self, uri: str) -> Reply:
        """A resource."""
        ...

    async def ended(self) -> str:
        """Wait until it has gone by itself; why, as a clause."""
        ...


class Connector(Protocol):
    """Starts servers, or reaches them."""

    async def load(self) -> None:
        """Load what that takes; raises `NotInstalled`."""
        ...

    def open(self, spec: ServerSpec) -> AbstractAsyncContextManager[Connection]:
        """A connection; leaving ends it, and what was started for it. Raises `ServerFailed`."""
        ...
