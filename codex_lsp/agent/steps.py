"""What a turn tells the person while it runs. The editor room turns these into progress."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from codex_lsp.agent.events import RateLimits, Usage
from codex_lsp.workspace.ledger import Undo


@dataclass(frozen=True, slots=True)
class Asking:
    """A round trip begins; `size` is what is sent, in bytes of text."""

    round: int
    size: int


@dataclass(frozen=True, slots=True)
class Thinking:
    """The model reasons; `text` is some more of its summary."""

    text: str


@dataclass(frozen=True, slots=True)
class Writing:
    """The model writes prose; `text` is some more of it."""

    text: str


@dataclass(frozen=True, slots=True)
class Patching:
    """The model writes a patch; `size` characters so far."""

    size: int


@dataclass(frozen=True, slots=True)
class Retrying:
    """The stream broke; what was written since the last `Asking` is void."""

    wait: float
    reason: str


@dataclass(frozen=True, slots=True)
class Landed:
    """A change is in the text of `path`, proven."""

    path: Path
    hunks: int
    undo: Undo


@dataclass(frozen=True, slots=True)
class Waiting:
    """A change waits for the person, in `hunks` parts."""

    path: Path
    hunks: int


@dataclass(frozen=True, slots=True)
class Refused:
    """A change was not made, and why; the model is told too."""

    reason: str


@dataclass(frozen=True, slots=True)
class Steered:
    """What the person added to the turn is on its way to the model."""

    text: str


@dataclass(frozen=True, slots=True)
class PlanStep:
    """One step of what the model means to do."""

    text: str
    state: Literal["pending", "in_progress", "completed"]


@dataclass(frozen=True, slots=True)
class Planned:
    """The model says what it means to do, and how far it is."""

    steps: tuple[PlanStep, ...]
    explanation: str = ""


@dataclass(frozen=True, slots=True)
class Wondering:
    """The turn waits for the person's answer to a question."""

    question: str


@dataclass(frozen=True, slots=True)
class Compacting:
    """The conversation is being shortened; `tokens` is how long it was."""

    tokens: int


@dataclass(frozen=True, slots=True)
class Spent:
    """A round trip is over; `usage` is what it cost."""

    usage: Usage | None


Step = (
    Asking
    | Thinking
    | Writing
    | Patching
    | Retrying
    | Landed
    | Waiting
    | Refused
    | Steered
    | Planned
    | Wondering
    | Compacting
    | Spent
    | RateLimits
)
StepSink = Callable[[Step], None]
