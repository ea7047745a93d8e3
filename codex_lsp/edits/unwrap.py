"""Takes off what models wrap around a patch: JSON, code fences, a shell heredoc.

Only wrappers that are whole are taken off. What is inside is not read here.
"""

from __future__ import annotations

import json
import re

_HEREDOC = re.compile(r"(?:apply_?patch[ \t]*)?<<-?[ \t]*(['\"]?)(\w+)\1[ \t]*")
_FENCE = re.compile(r"(`{3,}|~{3,})[^`]*")
_FIELDS = ("input", "patch", "command", "arguments", "diff")
_DEPTH = 4  # of wrappers in one another; more is no mistake of a model


def unwrap(text: str) -> str:
    """The patch inside `text`, trimmed; `text` itself, trimmed, if nothing is around it."""
    for _ in range(_DEPTH):
        text = text.strip()
        inner = _from_json(text) or _from_shell(text)
        if inner is None:
            break
        text = inner
    return text.strip()


def _from_json(text: str) -> str | None:
    if text[:1] not in {"{", "[", '"'}:
        return None
    try:
        value: object = json.loads(text, strict=False)
    except (ValueError, RecursionError):
        return None
    if isinstance(value, dict):
        value = next((value[field] for field in _FIELDS if field in value), None)
    if isinstance(value, list):  # a command: the patch is its last word
        value = value[-1] if value else None
    return value if isinstance(value, str) else None


def _from_shell(text: str) -> str | None:
    first, _, rest = text.partition("\n")
    body, _, last = rest.rpartition("\n")
    first, last = first.strip(), last.strip()
    heredoc = _HEREDOC.fullmatch(first)
    fence = _FENCE.fullmatch(first)
    if (heredoc and last == heredoc[2]) or (fence and last == fence[1]):
        return body
    return rest if first in {"apply_patch", "applypatch"} and last else None
