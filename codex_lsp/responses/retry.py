"""Whether to try again, and when: the classes of trouble, and the waits between tries.

Only decides; the client sleeps. The rules that it keeps, with the client:
R1 done only after the completion event; R2 no delta twice or lost over a retry; R3 a tool call is
handed out at most once; R4 Retry-After is obeyed, five tries, jitter; R5 silence counts as broken
after the idle time; R6 unknown events are passed over.
"""

from __future__ import annotations

import asyncio
import random
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from codex_lsp.agent.events import ModelError


@dataclass(frozen=True, slots=True)
class Passing:
    """May be gone the next time. `error` is what to raise when tries run out.

    `after` is how many seconds the service asks to wait, None if it does not say.
    """

    reason: str
    error: ModelError
    after: float | None = None


@dataclass(frozen=True, slots=True)
class Final:
    """Asking again cannot help."""

    error: ModelError


Trouble = Passing | Final


class Broken(Exception):
    """Carries a `Trouble` from where it is met to where it is decided upon."""

    def __init__(self, trouble: Trouble) -> None:
        super().__init__(trouble)
        self.trouble = trouble


@dataclass(frozen=True, slots=True)
class Rhythm:
    """How patient the client is; seconds. The callables are there for tests to own."""

    tries: int = 5
    first_wait: float = 0.5
    longest_wait: float = 8.0
    longest_obeyed: float = 60.0
    jitter: float = 0.1
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    random: Callable[[], float] = random.random
    now: Callable[[], datetime] = lambda: datetime.now(UTC)


def wait_before(attempt: int, trouble: Passing, rhythm: Rhythm) -> float | None:
    """Seconds to wait before try number `attempt` (the first retry is 2); None: give up.

    What the service asks for is never undercut, and not waited for if it is longer than a person
    sits there.
    """
    if attempt > rhythm.tries:
        return None
    if trouble.after is not None and trouble.after > rhythm.longest_obeyed:
        return None
    ours = min(rhythm.first_wait * 2.0 ** (attempt - 2), rhythm.longest_wait)
    spread = rhythm.jitter * (2 * rhythm.random() - 1)
    return max(ours * (1 + spread), trouble.after or 0.0)


def retry_after(header: str | None, now: datetime) -> float | None:
    """Seconds that a Retry-After header asks for: a number, or a date; None if it is neither.

    More than a month counts as neither.
    """
    if header is None:
        return None
    if re.fullmatch(r"\s*\d+(\.\d+)?\s*", header, re.ASCII):
        return _sane(float(header))
    try:
        until = parsedate_to_datetime(header)
    except (ValueError, OverflowError):
        return None
    if until.tzinfo is None:
        until = until.replace(tzinfo=UTC)
    return _sane(max(0.0, (until - now).total_seconds()))


_MONTH = 30 * 86400.0
_TRY_AGAIN = re.compile(
    r"try again in\s+(\d+(?:\.\d+)?)\s*(ms|milliseconds?|s|sec(?:ond)?s?|m|min(?:ute)?s?)\b",
    re.IGNORECASE,
)


def asked_wait(message: str) -> float | None:
    """Seconds, from words such as “try again in 11.05s”, “300ms” or “5 seconds”."""
    found = _TRY_AGAIN.search(message)
    if found is None:
        return None
    unit = found[2].lower()
    scale = 0.001 if unit.startswith(("ms", "milli")) else 60.0 if unit.startswith("m") else 1.0
    return _sane(float(found[1]) * scale)


def _sane(seconds: float) -> float | None:
    return seconds if seconds <= _MONTH else None
