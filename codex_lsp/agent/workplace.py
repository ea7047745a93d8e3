"""What the requests of a window are about, and what they work with."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from codex_lsp.agent.commands import Running
from codex_lsp.agent.compaction import Window
from codex_lsp.agent.connections import Connections
from codex_lsp.agent.consent.actions import Permit
from codex_lsp.agent.context.excerpt import BUDGET_BYTES
from codex_lsp.agent.context.lines import LineRange
from codex_lsp.agent.context.parts import Part
from codex_lsp.agent.ports import Editor, Model, Snapshots
from codex_lsp.agent.servers import ServerSpec, Unusable
from codex_lsp.agent.sessions import Archive
from codex_lsp.agent.tools.ask_person import AskPerson
from codex_lsp.agent.tools.diagnostics import Reported
from codex_lsp.agent.truncation import DEFAULT, Limit

Brief = Callable[[str], Awaitable[Sequence[Part]]]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a request is about: lines `[start, end)` of a file of the workspace."""

    path: Path
    lines: LineRange
    language: str


@dataclass(frozen=True, slots=True)
class Servers:
    """The MCP servers that are configured for some work, and the window's connections to them."""

    connections: Connections
    configured: tuple[ServerSpec | Unusable, ...]


@dataclass(frozen=True, slots=True)
class Workplace:
    """What every request of a window works with.

    `conversation_id` is the window's: it is the provider's cache key, and what stays the same
    between requests (our rules, the tools) comes first in each. `context_bytes` bounds what is
    sent of a file; `effort` is the reasoning effort, None for the model's own default. `limit`
    bounds what a tool answers. `reported` tells the problems that the editor knows of a file. What
    needs the person's word is not done where there is no `permit`. `window` is how much the model
    takes; `ask` puts a question to the person, None where nobody can be asked. Commands are run
    where there is `running`, and jobs are kept where there is an `archive`. `reviewed`: the person
    looks at each change before it is made. `brief` gathers what
    goes along with a job.
    """

    model: Model
    editor: Editor
    snapshots: Snapshots
    conversation_id: str
    context_bytes: int = BUDGET_BYTES
    effort: str | None = None
    limit: Limit = DEFAULT
    reported: Reported | None = None
    permit: Permit | None = None
    window: Window = field(default_factory=Window)
    ask: AskPerson | None = None
    running: Running | None = None
    archive: Archive | None = None
    servers: Servers | None = None
    brief: Brief | None = None
    reviewed: bool = False
