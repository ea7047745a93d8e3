"""Puts the adapters of a session together: which model answers, with whose credentials.

Nothing heavy is imported, read or connected before the first request needs it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sys
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING

from codex_lsp.agent.compaction import Window
from codex_lsp.agent.events import ModelError
from codex_lsp.cli.configuration import configured, sources
from codex_lsp.cli.runner import LateRunner
from codex_lsp.lsp.adapters import Adapters, LocalModel
from codex_lsp.lsp.person.pages import state_directory
from codex_lsp.tool_servers.connector import SdkConnector

if TYPE_CHECKING:
    from argparse import Namespace
    from pathlib import Path

    from codex_lsp.agent.conversation import ModelRequest
    from codex_lsp.agent.events import ModelEvent
    from codex_lsp.agent.sessions import Archive
    from codex_lsp.agent.small.repair import Completion
    from codex_lsp.auth.accounts import Accounts
    from codex_lsp.auth.source import CredentialSource, PinnedSource
    from codex_lsp.config.codex_toml import CodexToml, TrustLevel
    from codex_lsp.responses.client import ResponsesModel


log = logging.getLogger(__name__)

TURNS_KEPT = 64
_UNKNOWN_TOKENS = 64_000

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


def archive_for(config: CodexToml, home: Path | None, provider: str | None) -> Archive | None:
    """Where conversations are kept, unless the person wants none kept."""
    if home is None or config.history_persistence == "none":
        return None
    from codex_lsp import __version__
    from codex_lsp.config.endpoints import endpoints
    from codex_lsp.responses.sessions import Sessions

    originator = endpoints(config).originator
    return Sessions(home, originator, __version__, provider or "openai")


@asynccontextmanager
async def open_adapters(args: Namespace) -> AsyncIterator[Adapters]:
    """The adapters for one session of `serve`; its options go before what config.toml says."""
    late: list[LateModel] = []
    start = await asyncio.to_thread(_at_start, args)
    credentials = None if start.accounts is None else start.accounts.source
    provider = args.provider or start.config.model_provider
    small = _open_small if provider == EMBEDDED else None

    def open_model(named: str | None) -> LateModel:
        late.append(LateModel(lambda: connect(_config(args), args, named, credentials)))
        return late[-1]

    def open_local(model: LocalModel) -> LateModel:
        late.append(LateModel(partial(connect_local, model, args)))
        return late[-1]

    runner = LateRunner(partial(_config_for, args))
    try:
        yield Adapters(
            open_model,
            state_directory(),
            start.accounts,
            small,
            window=lambda config, provider: model_window(config, provider or args.provider),
            keyless=lambda config: keyless(config, args.provider),
            home=start.home,
            configuration=partial(_config_for, args),
            runner=runner if sys.platform != "win32" else None,  # nothing could hold it there
            archive=archive_for(start.config, start.home, provider),
            servers=SdkConnector(),
            examine=partial(_examined, args),
            models=partial(_models, args, start.home),
            find_local=_find_local,
            open_local=open_local,
        )
    finally:
        await runner.aclose()
        for opened in late:
            with contextlib.suppress(OSError):
                await opened.aclose()


def connect(
    config: CodexToml, args: Namespace, named: str | None, credentials: CredentialSource | None
) -> ResponsesModel:
    """The model `named`, else the one that is configured; raises `ModelError`."""
    from codex_lsp.agent.events import Misconfigured
    from codex_lsp.config.endpoints import endpoints, user_agent
    from codex_lsp.config.home import codex_home
    from codex_lsp.responses.body import Style
    from codex_lsp.responses.catalogue import service_tier
    from codex_lsp.responses.client import Identity, ResponsesModel
    from codex_lsp.responses.providers import resolve

    if (args.provider or config.model_provider) == EMBEDDED:
        raise Misconfigured(
            "The small model on this machine can only fix one function at a time. "
            "For everything else, sign in: codex-lsp login"
        )
    chosen = resolve(config, provider_id=args.provider, model=named or args.model)
    originator = endpoints(config).originator
    identity = Identity(originator, user_agent(originator))
    turns = None if credentials is None else TurnSources(credentials)
    tier = service_tier(codex_home(), chosen.model, config.service_tier)
    style = Style(config.model_reasoning_summary, config.model_verbosity, service_tier=tier)
    return ResponsesModel(chosen, None, identity, style=style, source_for=turns)


async def _examined(args: Namespace) -> AsyncIterator[str]:
    from argparse import Namespace

    from codex_lsp.cli.doctor import examine

    async for finding in examine(Namespace(**vars(args), network=False)):
        yield str(finding)


def connect_local(model: LocalModel, args: Namespace) -> ResponsesModel:
    """A model of a server on this machine; it is never given any credentials."""
    from codex_lsp.config.endpoints import endpoints, user_agent
    from codex_lsp.responses.client import Identity, ResponsesModel
    from codex_lsp.responses.providers import local_provider

    originator = endpoints(_config(args)).originator
    provider = local_provider(model.server, model.base, model.name)
    return ResponsesModel(provider, None, Identity(originator, user_agent(originator)))


async def _find_local() -> list[LocalModel]:
    """The models of the servers that run here."""
    detecting = await asyncio.to_thread(import_module, "codex_lsp.responses.local_servers")
    servers = await detecting.detect_local_servers()
    return [LocalModel(one.name, one.base, name) for one in servers for name in one.models]


def _models(args: Namespace, home: Path | None) -> list[str]:
    """The names to choose from: the configured one, and those that the Codex CLI noted last."""
    from codex_lsp.responses.catalogue import noted_models
    from codex_lsp.responses.providers import DEFAULT_MODEL

    config = _config_for(args, None)
    own = [name for name in (args.model, config.model) if name is not None]
    openai = (args.provider or config.model_provider or "openai") == "openai"
    noted = [DEFAULT_MODEL, *noted_models(home)] if openai and home is not None else []
    return list(dict.fromkeys([*own, *noted]))


def _open_small() -> AbstractAsyncContextManager[Completion]:
    from codex_lsp.responses.embedded.server import open_completion

    return open_completion()


def keyless(config: CodexToml, provider: str | None) -> str | None:
    """The name of the provider that is asked, where it takes no sign-in to OpenAI."""
    chosen = provider or config.model_provider or "openai"
    table = config.model_providers.get(chosen)
    if chosen == "openai" or (table is not None and table.requires_openai_auth):
        return None
    return chosen if table is None else table.name or chosen


def model_window(config: CodexToml, provider: str | None) -> Window:
    """How much the model takes. What is known of no model is taken to be little: a summary too
    many costs less than a request that is refused, or cut off in silence by a server of one's own.
    """
    openai = keyless(config, provider) is None
    tokens = config.model_context_window or (Window().tokens if openai else _UNKNOWN_TOKENS)
    limit = config.model_auto_compact_token_limit
    return Window(tokens, limit, remote=openai, prompt=config.compact_prompt)


def _config(args: Namespace) -> CodexToml:
    """The settings as they are now, outside of any project; raises `ModelError`."""
    from codex_lsp.agent.events import Misconfigured
    from codex_lsp.config.home import BadHome

    try:
        return configured(args)
    except BadHome as error:
        raise Misconfigured(str(error)) from error


def _config_for(args: Namespace, folder: Path | None) -> CodexToml:
    """The settings for work in `folder`; none at all where CODEX_HOME cannot be used."""
    from codex_lsp.config.codex_toml import CodexToml
    from codex_lsp.config.home import BadHome
    from codex_lsp.config.layers import load

    try:
        return load(sources(args), folder, _trusted)
    except BadHome:
        return CodexToml()


def _trusted(said: Mapping[str, TrustLevel], folder: Path) -> bool:
    from pathlib import Path

    from codex_lsp.workspace import trust

    return trust.level(said, trust.identify(folder, Path.home())) == "trusted"


@dataclass(frozen=True, slots=True)
class _Start:
    """What is known when the session starts; `accounts` None where none can be kept at all."""

    config: CodexToml
    accounts: Accounts | None = None
    home: Path | None = None


def _at_start(args: Namespace) -> _Start:
    from codex_lsp.auth.tokens import AuthError
    from codex_lsp.cli.credentials import open_accounts
    from codex_lsp.config.home import BadHome, codex_home

    config = _config_for(args, None)
    for problem in config.problems:
        log.warning("%s", problem)
    try:
        return _Start(config, open_accounts(config, args.auth_file), codex_home())
    except (BadHome, AuthError) as error:
        log.warning("no credentials can be used: %s", error)
        return _Start(config)
