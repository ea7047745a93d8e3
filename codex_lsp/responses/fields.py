"""Fields of a JSON object of which nothing is certain: the right kind, or an empty one."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

Json = Mapping[str, Any]

_LARGEST = 1e15  # beyond any count or time; also keeps infinities out
_LATEST = 2e11  # unix seconds: the year 8307, in which any time zone can still be added


def object_in(holder: Json, key: str) -> Json:
    """The object at `key`; empty if there is none."""
    value = holder.get(key)
    return value if isinstance(value, dict) else {}


def text_in(holder: Mapping[str, object], key: str) -> str:
    """The text at `key`, fit to be encoded; empty if there is none."""
    value = holder.get(key)
    return _whole(value) if isinstance(value, str) else ""


def texts(parts: object, *keys: str) -> list[str]:
    """The texts at any of `keys` in a list of objects, in order."""
    listed = parts if isinstance(parts, list) else []
    found = [text_in(part, key) for part in listed if isinstance(part, dict) for key in keys]
    return [text for text in found if text]


def count_in(holder: Json, key: str) -> int:
    """The whole number at `key`; 0 if there is none."""
    value = holder.get(key)
    return value if isinstance(value, int) else 0


def number(value: object) -> float | None:
    """A number, or the number that a text spells."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        found = float(value)
    except (ValueError, OverflowError):
        return None
    return found if abs(found) < _LARGEST else None


def moment(seconds: object) -> datetime | None:
    """A time from unix seconds, a number or its text; None if no calendar needs it."""
    value = number(seconds)
    if value is None or not 0 <= value <= _LATEST:
        return None
    return datetime.fromtimestamp(value, UTC)


def _whole(text: str) -> str:
    """JSON can spell half a surrogate pair, which nothing can encode: it becomes U+FFFD."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text
