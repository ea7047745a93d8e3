"""What the model was paid for, and how full a conversation is, in tokens.

Full is what the service last counted, and an estimate of what was said since: four bytes a token.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import assert_never

from codex_lsp.agent.conversation import (
    AssistantMessage,
    Compaction,
    CompactionTrigger,
    Item,
    Message,
    Opaque,
    Reasoning,
    ToolCall,
    ToolOutput,
)
from codex_lsp.agent.events import RateLimits, Usage
from codex_lsp.agent.steps import Spent, Step
from codex_lsp.agent.truncation import BYTES_PER_TOKEN

_IMAGE_TOKENS = 1_800  # an ordinary picture; what it is billed at depends on its size
_CIPHER_OVERHEAD = 650  # bytes of an encrypted thought that are no text


@dataclass(frozen=True, slots=True)
class Tally:
    """Tokens of several round trips together. `input_tokens` holds the cached ones as well."""

    rounds: int = 0
    input_tokens: int = 0
    cached_tokens: int = 0
    output_tokens: int = 0
    reasoning_tokens: int = 0
    total_tokens: int = 0

    def plus(self, usage: Usage | None) -> Tally:
        """One round trip more; its usage is None where the service told none."""
        if usage is None:
            return Tally(self.rounds + 1, *self.tokens)
        return Tally(
            self.rounds + 1,
            self.input_tokens + usage.input_tokens,
            self.cached_tokens + usage.cached_tokens,
            self.output_tokens + usage.output_tokens,
            self.reasoning_tokens + usage.reasoning_tokens,
            self.total_tokens + usage.total_tokens,
        )

    @property
    def tokens(self) -> tuple[int, int, int, int, int]:
        """All but the rounds, in the order of the fields."""
        return (
            self.input_tokens,
            self.cached_tokens,
            self.output_tokens,
            self.reasoning_tokens,
            self.total_tokens,
        )


@dataclass(slots=True)
class Meter:
    """Counts along with the steps of turns. `limits` is what the service said last of the plan."""

    tally: Tally = field(default_factory=Tally)
    limits: RateLimits | None = None

    def note(self, step: Step) -> None:
        """Take what a step says of usage; others say nothing."""
        if isinstance(step, Spent):
            self.tally = self.tally.plus(step.usage)
        elif isinstance(step, RateLimits):
            self.limits = step


def tokens_of(items: Iterable[Item]) -> int:
    """How much room `items` take, by estimate."""
    return sum(-(-_bytes(item) // BYTES_PER_TOKEN) for item in items)


def _bytes(item: Item) -> int:
    match item:
        case Message(text=text):
            return len(text.encode("utf-8", "replace"))
        case ToolOutput(text=text, images=images):
            seen = len(images) * _IMAGE_TOKENS * BYTES_PER_TOKEN
            return len(text.encode("utf-8", "replace")) + seen
        case Reasoning(raw=raw) | Compaction(raw=raw):
            cipher = raw.get("encrypted_content")
            hidden = len(cipher) * 3 // 4 - _CIPHER_OVERHEAD if isinstance(cipher, str) else 0
            return max(hidden, 0)
        case AssistantMessage(raw=raw) | ToolCall(raw=raw) | Opaque(raw=raw):
            return len(json.dumps(raw))
        case CompactionTrigger():
            return 0
        case _:
            assert_never(item)
