"""How much of the plan is used up, as headers and events report it."""

from __future__ import annotations

from collections.abc import Mapping

from codex_lsp.agent.events import RateLimits, RateWindow
from codex_lsp.responses.fields import Json, moment, number


def rate_limits_in(limits: Json) -> RateLimits | None:
    """The usage windows of a `codex.rate_limits` event."""

    def window(which: str) -> RateWindow | None:
        told = limits.get(which)
        if not isinstance(told, dict):
            return None
        return _window(told.get("used_percent"), told.get("window_minutes"), told.get("reset_at"))

    return _both(window("primary"), window("secondary"))


def rate_limits_of(headers: Mapping[str, str]) -> RateLimits | None:
    """The usage windows of an answer; names in `headers` are lower-case."""

    def window(which: str) -> RateWindow | None:
        stem = f"x-codex-{which}"
        return _window(
            headers.get(f"{stem}-used-percent"),
            headers.get(f"{stem}-window-minutes"),
            headers.get(f"{stem}-reset-at"),
        )

    return _both(window("primary"), window("secondary"))


def _both(primary: RateWindow | None, secondary: RateWindow | None) -> RateLimits | None:
    return RateLimits(primary, secondary) if primary or secondary else None


def _window(used: object, minutes: object, reset_at: object) -> RateWindow | None:
    percent, span = number(used), number(minutes)
    if percent is None:
        return None
    return RateWindow(percent, int(span) if span is not None else None, moment(reset_at))
