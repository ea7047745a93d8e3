"""The arguments of a function call, which a model may get wrong in any way."""

from __future__ import annotations

import json
from collections.abc import Mapping


class BadCall(Exception):
    """The arguments cannot be used; `str()` tells the model what they should be."""


def arguments_of(call: str) -> Mapping[str, object]:
    """The JSON object in `call`; raises `BadCall`."""
    try:
        value = json.loads(call or "{}")
    except (ValueError, RecursionError) as error:
        raise BadCall(f"the arguments are no JSON ({error})") from error
    if not isinstance(value, dict):
        raise BadCall("give the arguments as one JSON object")
    return value


def text(given: Mapping[str, object], name: str) -> str | None:
    """A text that is not empty, or None; raises `BadCall`."""
    value = given.get(name)
    if value is None or isinstance(value, str):
        return value or None
    raise BadCall(f'"{name}" is a text')


def needed(given: Mapping[str, object], name: str) -> str:
    """A text that has to be there; raises `BadCall`."""
    value = text(given, name)
    if value is None:
        raise BadCall(f'"{name}" is missing')
    return value


def flag(given: Mapping[str, object], name: str) -> bool:
    """True or false, false if it is not given; raises `BadCall`."""
    value = given.get(name)
    if value is None or isinstance(value, bool):
        return bool(value)
    raise BadCall(f'"{name}" is true or false')


def count(given: Mapping[str, object], name: str) -> int | None:
    """A whole number from 1, or None; raises `BadCall`."""
    value = given.get(name)
    if value is None:
        return None
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        return value
    raise BadCall(f'"{name}" is a whole number from 1')
