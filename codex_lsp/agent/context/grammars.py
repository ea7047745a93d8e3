"""Definitions by tree-sitter, for the languages whose grammar wheel is installed.

The extra `tree-sitter` brings a few; every other single-grammar wheel of the usual naming
(`tree_sitter_LANGUAGE` with a `language()` function) is found too.
"""

from __future__ import annotations

import importlib
import re
from functools import cache
from typing import Any

from codex_lsp.agent.context.lines import LineRange
from codex_lsp.agent.context.python_source import MAX_PARSED

_MODULES = {
    "javascript": ("tree_sitter_javascript", "language"),
    "javascriptreact": ("tree_sitter_javascript", "language"),
    "typescript": ("tree_sitter_typescript", "language_typescript"),
    "typescriptreact": ("tree_sitter_typescript", "language_tsx"),
    "csharp": ("tree_sitter_c_sharp", "language"),
}
_DEFINES = re.compile(r"function|method|class|impl|constructor|interface|struct|enum|trait|module")


def definitions(text: str, lines: LineRange, language: str) -> list[LineRange] | None:
    """Definitions that hold `lines`, smallest first; None where no grammar is installed."""
    parser = _parser(language) if len(text) <= MAX_PARSED else None
    if parser is None:
        return None
    node = parser.parse(text.encode()).root_node.descendant_for_point_range(
        (lines.start, 0), (max(lines.end - 1, lines.start), 0)
    )
    found = []
    while node is not None and node.parent is not None:
        scope = LineRange(node.start_point[0], node.end_point[0] + 1)
        if _DEFINES.search(node.type) and scope.start <= lines.start and lines.end <= scope.end:
            found.append(scope)
        node = node.parent
    return found


@cache
def _parser(language: str) -> Any:
    module, function = _MODULES.get(language, (f"tree_sitter_{language}", "language"))
    if not re.fullmatch(r"[a-z0-9_]+", module):
        return None
    try:
        tree_sitter = importlib.import_module("tree_sitter")
        grammar = getattr(importlib.import_module(module), function)()
    except (ImportError, AttributeError):
        return None
    return tree_sitter.Parser(tree_sitter.Language(grammar))
