"""What the command line gives to a server: models, accounts, settings, what runs commands.

Each but the first two can be missing, and then does nothing, finds nothing or is not offered.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from codex_lsp.agent.compaction import Window
from codex_lsp.agent.ports import CommandRunner, Model
from codex_lsp.agent.servers import Connector
from codex_lsp.agent.sessions import Archive
from codex_lsp.config.codex_toml import CodexToml

if TYPE_CHECKING:
    from codex_lsp.agent.small.fix import OpenCompletion
    from codex_lsp.auth.accounts import Accounts


class WarmModel(Model, Protocol):
    """A model that can be made ready before it is asked."""

    async def warm_up(self) -> None:
        """Load and open what a request needs; sends nothing, raises nothing."""
        ...


@dataclass(frozen=True, slots=True)
class LocalModel:
    """A model of a server that runs on this machine; `base` is the server's address."""

    server: str
    base: str
    name: str

    @property
    def title(self) -> str:
        """As it is offered."""
        return f"{self.name} ({self.server}, on this machine)"


def _nothing_configured(_folder: Path | None) -> CodexToml:
    return CodexToml()


async def _nothing_examined() -> AsyncIterator[str]:
    """What is known of this machine where nobody looks."""
    for line in list[str]():
        yield line


async def _no_local() -> Sequence[LocalModel]:
    return ()


@dataclass(frozen=True, slots=True)
class Adapters:
    """What the command line gives to the server. `open_model` takes the model's name or None.

    `small`: fixes go to the small model on this machine, and `open_model` has none to open.
    `home` is CODEX_HOME; `configuration` tells what config.toml says for work in a folder, or,
    for None, everywhere, and reads a few small files for it. `window` is how much a model of the
    named provider, or else of the configured one, holds by these settings; `keyless` names the
    configured one where it takes no sign-in. `examine` says line by
    line what works on this machine. `models` are the names that can be chosen; `find_local` looks
    for servers on this machine, and asks them for a list alone. `servers` starts MCP servers, or
    reaches them.
    """

    open_model: Callable[[str | None], WarmModel]
    state_folder: Path
    accounts: Accounts | None = None
    small: OpenCompletion | None = None
    window: Callable[[CodexToml, str | None], Window] = lambda _config, _provider: Window()
    keyless: Callable[[CodexToml], str | None] = lambda _config: None
    home: Path | None = None
    configuration: Callable[[Path | None], CodexToml] = _nothing_configured
    runner: CommandRunner | None = None
    archive: Archive | None = None
    servers: Connector | None = None
    examine: Callable[[], AsyncIterator[str]] = _nothing_examined
    models: Callable[[], Sequence[str]] = tuple
    find_local: Callable[[], Awaitable[Sequence[LocalModel]]] = _no_local
    open_local: Callable[[LocalModel], WarmModel] | None = None

    @property
    def checkpoints(self) -> Path:
        """Where bytes go that a command replaced, so that they can be put back."""
        return self.state_folder / "checkpoints"
