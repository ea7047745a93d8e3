"""What happens: events of one model stream, and the model's ways to fail.

ModelError                what stands between the person and an answer
  NotSignedIn             no credentials, or they were refused for good
  Misconfigured           a setting that the person has to mend (provider, base URL, key)
  Unreachable             offline, DNS, proxy, TLS: the request did not arrive
  UsageLimitReached       the plan's limit, with the time it resets
  ContextTooLong          the request is larger than the model takes
  Overloaded              the service asks to come back later
  RequestRefused          the service calls our request bad (a bug, or a model without a feature)
  StreamBroken            the answer ended early, and retrying did not help or was not allowed
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from codex_lsp.agent.conversation import ReceivedItem


@dataclass(frozen=True, slots=True)
class TextDelta:
    """Some more prose of the message that is being written."""

    text: str


@dataclass(frozen=True, slots=True)
class ReasoningDelta:
    """Some more of the reasoning summary."""

    text: str


@dataclass(frozen=True, slots=True)
class ToolInputDelta:
    """Some more of a tool call's input; for display only, never acted on."""

    text: str


@dataclass(frozen=True, slots=True)
class ItemDone:
    """An item is complete. The only place from which a tool call may be run."""

    item: ReceivedItem


@dataclass(frozen=True, slots=True)
class Restarted:
    """The stream broke and is tried again: forget the deltas and items since it began."""

    attempt: int
    wait: float
    reason: str


@dataclass(frozen=True, slots=True)
class RateWindow:
    """One usage window: how full (percent), how long (minutes), when it empties."""

    used_percent: float
    window_minutes: int | None
    resets_at: datetime | None


@dataclass(frozen=True, slots=True)
class RateLimits:
    """The plan's usage windows, as the service last reported them."""

    primary: RateWindow | None
    secondary: RateWindow | None


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one round trip."""

    input_tokens: int
    cached_tokens: int
    output_tokens: int
    reasoning_tokens: int
    total_tokens: int


@dataclass(frozen=True, slots=True)
class Completed:
    """The answer is whole. A stream that ends without it has failed.

    `end_turn` False: the model wants another round trip even though it called no tool.
    """

    usage: Usage | None
    end_turn: bool | None


ModelEvent = (
    TextDelta | ReasoningDelta | ToolInputDelta | ItemDone | Restarted | RateLimits | Completed
)


class ModelError(Exception):
    """`str()` is for the person: what happened, and one thing to do. `detail` is for the log."""

    def __init__(self, message: str, *, detail: str = "") -> None:
        super().__init__(message)
        self.detail = detail


class NotSignedIn(ModelError):
    """No credentials, or credentials that the service will not take again."""


class Misconfigured(ModelError):
    """A setting has to be mended before anything can be asked."""


class Unreachable(ModelError):
    """The request did not arrive."""


class UsageLimitReached(ModelError):
    """The plan's limit is used up until `resets_at` (None: not said)."""

    def __init__(self, message: str, *, resets_at: datetime | None, detail: str = "") -> None:
        super().__init__(message, detail=detail)
        self.resets_at = resets_at


class ContextTooLong(ModelError):
    """The request is larger than the model's context."""


class Overloaded(ModelError):
    """The service is too busy."""


class RequestRefused(ModelError):
    """The service will not take this request, now or again."""


class StreamBroken(ModelError):
    """The answer ended before it was whole."""
