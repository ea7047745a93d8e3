"""Puts the adapters of a session together: which model answers, with whose credentials.

Nothing heavy is imported, read or connected before the first request needs it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from codex_lsp.agent.compaction import Window
from codex_lsp.agent.events import ModelError
from codex_lsp.lsp.pages import state_directory
from codex_lsp.lsp.workbench import Adapters

if TYPE_CHECKING:
    from codex_lsp.agent.conversation import ModelRequest
    from codex_lsp.agent.events import ModelEvent
    from codex_lsp.agent.repair import Completion
    from codex_lsp.auth.accounts import Accounts
    from codex_lsp.auth.source import CredentialSource, PinnedSource
    from codex_lsp.config.codex_toml import CodexToml
    from codex_lsp.responses.client import ResponsesModel


log = logging.getLogger(__name__)

TURNS_KEPT = 64
_OPENAI_TOKENS, _UNKNOWN_TOKENS = 272_000, 64_000

EMBEDDED = "embedded"
"""The provider that is the small model on this machine."""


class LateModel:
    """A `Model` that is opened, off the event loop, when it is first asked."""

    def __init__(self, open_model: Callable[[], ResponsesModel]) -> None:
        self._open_model = open_model
        self._opening = asyncio.Lock()
        self._model: ResponsesModel | None = None

    async def stream(self, request: ModelRequest) -> AsyncGenerator[ModelEvent]:
        """See `agent.ports.Model`."""
        model = await self.opened()
        async with aclosing(model.stream(request)) as events:
            async for event in events:
                yield event

    async def warm_up(self) -> None:
        """Load and open what a request needs. Sends nothing; what is wrong, asking will say."""
        with contextlib.suppress(ModelError):
            model = await self.opened()
            await model.warm_up()

    async def opened(self) -> ResponsesModel:
        """The model itself; raises `ModelError` where the configuration does not allow one."""
        async with self._opening:
            if self._model is None:
                self._model = await asyncio.to_thread(self._open_model)
            return self._model

    async def aclose(self) -> None:
        """Close its connections."""
        if self._model is not None:
            await self._model.aclose()


class TurnSources:
    """A token source for each turn, which keeps the identity that the turn began with."""

    def __init__(self, credentials: CredentialSource) -> None:
        self._credentials = credentials
        self._pinned: dict[str, PinnedSource] = {}

    def __call__(self, request: ModelRequest) -> PinnedSource:
        """The source of the turn that `request` belongs to."""
        if request.turn_id not in self._pinned:
            for old in [*self._pinned][:-TURNS_KEPT]:
                del self._pinned[old]
            self._pinned[request.turn_id] = self._credentials.pinned()
        return self._pinned[request.turn_id]


@asynccontextmanager
async def open_adapters(
    provider: str | None, model: str | None, auth_file: str | None
) -> AsyncIterator[Adapters]:
    """The adapters for one session; what is given goes before what config.toml says."""
    late: list[LateModel] = []
    configured = await asyncio.to_thread(_configured, auth_file, provider)
    accounts = configured.accounts
    credentials = None if accounts is None else accounts.source
    small = _open_small if (provider or configured.provider) == EMBEDDED else None

    def open_model(named: str | None) -> LateModel:
        late.append(LateModel(lambda: connect(provider, named or model, credentials)))
        return late[-1]

    try:
        yield Adapters(
            open_model,
            state_directory(),
            accounts,
            configured.effort,
            small,
            window=configured.window,
        )
    finally:
        for opened in late:
            with contextlib.suppress(OSError):
                await opened.aclose()


def connect(
    provider: str | None, model: str | None, credentials: CredentialSource | None
) -> ResponsesModel:
    """The model that the configuration in CODEX_HOME names; raises `ModelError`."""
    from codex_lsp.agent.events import Misconfigured
    from codex_lsp.config import layers
    from codex_lsp.config.endpoints import endpoints, user_agent
    from codex_lsp.config.home import BadHome, codex_home
    from codex_lsp.responses.body import Style
    from codex_lsp.responses.client import Identity, ResponsesModel
    from codex_lsp.responses.providers import resolve

    try:
        config = layers.read(codex_home())
    except BadHome as error:
        raise Misconfigured(str(error)) from error
    if (provider or config.model_provider) == EMBEDDED:
        raise Misconfigured(
            "The small model on this machine can only fix one function at a time. "
            "For everything else, sign in: codex-lsp login"
        )
    chosen = resolve(config, provider_id=provider, model=model)
    originator = endpoints(config).originator
    identity = Identity(originator, user_agent(originator))
    turns = None if credentials is None else TurnSources(credentials)
    style = Style(config.model_reasoning_summary, config.model_verbosity)
    return ResponsesModel(chosen, None, identity, style=style, source_for=turns)


def _open_small() -> AbstractAsyncContextManager[Completion]:
    from codex_lsp.responses.embedded.server import open_completion

    return open_completion()


@dataclass(frozen=True, slots=True)
class _Configured:
    """What config.toml and the environment say; `accounts` None where none can be kept at all."""

    accounts: Accounts | None = None
    effort: str | None = None
    provider: str | None = None
    window: Window = field(default_factory=Window)


def model_window(config: CodexToml, provider: str | None) -> Window:
    """How much the model takes. What is known of no model is taken to be little: a summary too
    many costs less than a request that is refused, or cut off in silence by a server of one's own.
    """
    chosen = provider or config.model_provider or "openai"
    table = config.model_providers.get(chosen)
    openai = chosen == "openai" or (table is not None and table.requires_openai_auth)
    tokens = config.model_context_window or (_OPENAI_TOKENS if openai else _UNKNOWN_TOKENS)
    limit = config.model_auto_compact_token_limit
    return Window(tokens, limit, remote=openai, prompt=config.compact_prompt)


def _configured(auth_file: str | None, provider: str | None) -> _Configured:
    from codex_lsp.auth.tokens import AuthError
    from codex_lsp.cli.credentials import open_accounts
    from codex_lsp.config import layers
    from codex_lsp.config.home import BadHome, codex_home

    try:
        config = layers.read(codex_home())
        for problem in config.problems:
            log.warning("%s", problem)
        return _Configured(
            open_accounts(config, auth_file),
            config.model_reasoning_effort,
            config.model_provider,
            model_window(config, provider),
        )
    except (BadHome, AuthError) as error:
        log.warning("no credentials can be used: %s", error)
        return _Configured()
