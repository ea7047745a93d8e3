"""Python files as syntax trees, where they parse and are not too large."""

from __future__ import annotations

import ast

MAX_PARSED = 60_000  # characters; parsing holds up every other thread, some 30 ms for this much


def parsed(text: str) -> ast.Module | None:
    """The tree of `text`; None where there is none to be had."""
    if len(text) > MAX_PARSED:
        return None
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
