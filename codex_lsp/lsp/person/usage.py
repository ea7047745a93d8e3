"""Usage: the tokens of this window, and how full the plan's windows are; in words and as JSON."""

from __future__ import annotations

from datetime import datetime

from codex_lsp.agent.events import RateLimits, RateWindow
from codex_lsp.agent.usage import Meter
from codex_lsp.lsp.person.messages import WARNING, say
from codex_lsp.lsp.person.progress import Wire
from codex_lsp.lsp.person.words import plural
from codex_lsp.lsp.tasks import counted

NEARLY_FULL = 90.0
_HOUR, _DAY = 60, 1440  # minutes


class Alarm:
    """Warns once for each of the plan's windows that is nearly used up, and again after its end."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._told: set[tuple[int | None, datetime | None]] = set()

    def note(self, limits: RateLimits) -> None:
        """Look at what the service just said of the plan."""
        for window in _windows(limits):
            key = (window.window_minutes, window.resets_at)
            if window.used_percent >= NEARLY_FULL and key not in self._told:
                self._told.add(key)
                message = (
                    f"Codex: {_filled(window)}. A job may be cut off when it is used up; "
                    "codex.usage shows more."
                )
                say(self._wire, message, WARNING)


def described(meter: Meter) -> dict[str, object]:
    """As `codex.usage` answers: the tokens, `limits`, a list of `{usedPercent, windowMinutes,
    resetsAt}`, and `message`, the same in words.
    """
    windows = [] if meter.limits is None else _windows(meter.limits)
    return {
        **counted(meter.tally),
        "limits": [
            {
                "usedPercent": window.used_percent,
                "windowMinutes": window.window_minutes,
                "resetsAt": None if window.resets_at is None else window.resets_at.isoformat(),
            }
            for window in windows
        ],
        "message": sentence(meter),
    }


def sentence(meter: Meter) -> str:
    """The usage in a sentence or two."""
    tally = meter.tally
    if not tally.rounds:
        said = "Nothing was asked in this window yet."
    else:
        said = (
            f"This window asked {plural(tally.rounds, 'time')}: {tally.input_tokens} tokens in "
            f"({tally.cached_tokens} of them cached), {tally.output_tokens} out."
        )
    windows = [] if meter.limits is None else _windows(meter.limits)
    return " ".join([said, *(f"{_filled(window).capitalize()}." for window in windows)])


def _windows(limits: RateLimits) -> list[RateWindow]:
    return [window for window in (limits.primary, limits.secondary) if window is not None]


def _filled(window: RateWindow) -> str:
    until = ""
    if window.resets_at is not None:
        until = f", until {window.resets_at.astimezone():%a %H:%M}"
    return f"{window.used_percent:.0f} % of the limit{_span(window.window_minutes)} is used{until}"


def _span(minutes: int | None) -> str:
    if not minutes:
        return ""
    if minutes % _DAY == 0:
        return f" for {plural(minutes // _DAY, 'day')}"
    if minutes % _HOUR == 0:
        return f" for {plural(minutes // _HOUR, 'hour')}"
    return f" for {plural(minutes, 'minute')}"
