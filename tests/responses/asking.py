"""What the tests of this room share: a request, a provider for the double, and their own time."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from codex_lsp.agent.conversation import FreeformTool, FunctionTool, Message, ModelRequest
from codex_lsp.agent.events import ModelError, ModelEvent
from codex_lsp.auth.tokens import AuthError, Bearer, Secret
from codex_lsp.responses.body import OPENAI
from codex_lsp.responses.client import Identity, ResponsesModel
from codex_lsp.responses.providers import Provider
from codex_lsp.responses.retry import Rhythm
from tests.doubles.model_script import Step
from tests.doubles.model_service import Answerer, ModelService

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
IDENTITY = Identity("codex_lsp", "codex_lsp/0 (Test)")
PATCH_TOOL = FreeformTool("apply_patch", "Changes files.", "start: /.+/")
READ_TOOL = FunctionTool("read", "Reads.", {"type": "object", "properties": {}})
REQUEST = ModelRequest(
    conversation_id="conversation-1",
    turn_id="turn-1",
    instructions="Be brief.",
    items=(Message("developer", "Rules."), Message("user", "Mend it: Ä\u2028😀")),
    tools=(PATCH_TOOL, READ_TOOL),
    effort="low",
)


@dataclass
class Time:
    """Sleeps by writing down how long."""

    slept: list[float] = field(default_factory=list)

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)

    def rhythm(self, **more: Any) -> Rhythm:
        return Rhythm(sleep=self.sleep, random=lambda: 0.5, now=lambda: NOW, **more)


@dataclass
class Tokens:
    """A `TokenSource` that goes through `bearers`, and then has no more."""

    bearers: list[Bearer]
    rejected: list[Bearer] = field(default_factory=list)

    async def current(self) -> Bearer:
        if not self.bearers:
            raise AuthError("You are not signed in. Run: codex-lsp login")
        return self.bearers[0]

    async def replace(self, rejected: Bearer) -> Bearer:
        self.rejected.append(rejected)
        self.bearers.pop(0)
        return await self.current()


def api_key(text: str = "sk-made-up") -> Bearer:
    return Bearer("api_key", Secret(text))


def chatgpt(text: str = "made.up.jwt") -> Bearer:
    return Bearer("chatgpt", Secret(text), account_id="account-1", fedramp=True)


def provider_at(service: ModelService, **more: Any) -> Provider:
    base = Provider(
        id="openai",
        name="OpenAI",
        model="gpt-test",
        base=service.base_url,
        chatgpt_base=f"{service.chatgpt_base_url}codex",
        dialect=OPENAI,
        signs_in=True,
        idle=30.0,
    )
    return replace(base, **more)


@dataclass
class Asked:
    """What one `stream` gave: its events, and the error that ended it."""

    events: list[ModelEvent]
    error: ModelError | None

    def of(self, *kinds: type) -> list[Any]:
        return [event for event in self.events if isinstance(event, kinds)]


async def ask(model: ResponsesModel, request: ModelRequest = REQUEST) -> Asked:
    asked = Asked([], None)
    try:
        async with aclosing(model.stream(request)) as events:
            async for event in events:
                asked.events.append(event)
    except ModelError as error:
        asked.error = error
    return asked


@dataclass
class Room:
    """A service that answers by script, a model that asks it, and the time that passes."""

    service: ModelService
    model: ResponsesModel
    time: Time
    tokens: Tokens


@asynccontextmanager
async def room(
    script: Sequence[Step] | Answerer, *, bearers: Sequence[Bearer] = (), **more: Any
) -> AsyncIterator[Room]:
    """`more` are fields of `Provider`, and `tries` of the rhythm."""
    time, tokens = Time(), Tokens(list(bearers) or [api_key()])
    rhythm = time.rhythm(tries=more.pop("tries", 5))
    async with AsyncExitStack() as stack:
        service = await stack.enter_async_context(ModelService(script))
        provider = provider_at(service, **more)
        model = ResponsesModel(provider, tokens, IDENTITY, rhythm=rhythm)
        stack.push_async_callback(model.aclose)
        yield Room(service, model, time, tokens)
