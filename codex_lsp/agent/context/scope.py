"""Finds the definition around a line: what a small fix is about.

Python is parsed (`ast`); a file that does not parse, and every other language, is scanned by
indentation and brackets, or by a tree-sitter grammar where the extra is installed.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence

from codex_lsp.agent.context import grammars
from codex_lsp.agent.context.lines import LineRange, split_lines
from codex_lsp.agent.context.python_source import parsed

MAX_LINES = 120

_DEFINITION = re.compile(
    r"^\s*(?:export\s+|default\s+|pub(?:\([^)]*\))?\s+|public\s+|private\s+|protected\s+|static\s+"
    r"|abstract\s+|final\s+|async\s+|unsafe\s+|inline\s+|virtual\s+|override\s+|local\s+)*"
    r"(?:def|class|func|function|fn|fun|impl|struct|enum|trait|interface|module|namespace|sub|proc"
    r"|method|type|object)\b"
    r"|^\s*(?!\s)(?!(?:if|else|elif|for|foreach|while|until|unless|switch|match|catch|try|do|return"
    r"|with|using|lock|synchronized)\b)[\w<>\[\],:*&\s~]+\([^;{}]*\)[^;=]*\{\s*$"
    r"|^\s*(?:const|let|var)\s+\w+\s*=\s*(?:async\s*)?(?:function\b|\([^)]*\)\s*=>)"
    r"|^\(def\w*\b"
)


def enclosing(
    text: str,
    lines: LineRange,
    language: str,
    *,
    tree: ast.Module | None = None,
    most: int = MAX_LINES,
) -> LineRange:
    """The smallest definition that holds `lines`; else the lines around them, `most` at most.

    `tree` is that of a Python text which was parsed already.
    """
    rows = split_lines(text)
    last = max(len(rows) - 1, 0)
    lines = LineRange(min(lines.start, last), min(max(lines.end, 1), len(rows)))
    if language == "python":
        tree = tree or parsed(text)
    chain = _definitions(text, rows, lines, language, tree)
    for scope in chain:
        if scope.end - scope.start <= most:
            return scope
    margin = max((most - (lines.end - lines.start)) // 2, 0)
    return LineRange(max(lines.start - margin, 0), min(lines.end + margin, len(rows)))


def _definitions(
    text: str, rows: Sequence[str], lines: LineRange, language: str, tree: ast.Module | None
) -> Iterator[LineRange]:
    """Definitions that hold `lines`, the smallest first."""
    if tree is not None:
        return _python_definitions(tree, lines)
    found = None if language == "python" else grammars.definitions(text, lines, language)
    if found is None:
        return _scanned_definitions(rows, lines)
    return (LineRange(_with_heading(rows, scope.start), scope.end) for scope in found)


def _python_definitions(tree: ast.Module, lines: LineRange) -> Iterator[LineRange]:
    """A function inside another one leans on its names, so the outer one goes before it."""
    outer, local = list[LineRange](), list[LineRange]()
    todo: list[tuple[ast.AST, bool]] = [(tree, False)]
    while todo:
        node, is_local = todo.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            first = min([node.lineno, *(mark.lineno for mark in node.decorator_list)])
            scope = LineRange(first - 1, node.end_lineno or node.lineno)
            if not (scope.start <= lines.start and lines.end <= scope.end):
                continue
            (local if is_local else outer).append(scope)
        is_local = is_local or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        todo += [(child, is_local) for child in ast.iter_child_nodes(node)]
    outer.sort(key=_length)
    yield from outer[:1]
    yield from sorted(local, key=_length, reverse=True)
    yield from outer[1:]


def _length(scope: LineRange) -> int:
    return scope.end - scope.start


def _scanned_definitions(rows: Sequence[str], lines: LineRange) -> Iterator[LineRange]:
    """Climb to lines that are indented less, and take those that read like a definition."""
    limit = _indent_at(rows, lines.start)
    row = min(lines.start, len(rows) - 1)
    while row >= 0:
        if rows[row].strip():
            indent = _indent(rows[row])
            if (indent < limit or row == lines.start) and _DEFINITION.match(rows[row]):
                scope = LineRange(_with_heading(rows, row), _end_of_block(rows, row))
                if lines.end <= scope.end:
                    yield scope
            limit = min(limit, indent)
            if limit == 0 and row < lines.start:
                return
        row -= 1


def _end_of_block(rows: Sequence[str], header: int) -> int:
    """The line after the block that `header` opens: by brackets if it has any, else by indent."""
    depth = 0
    opened = False
    own = _indent(rows[header])
    for row in range(header, len(rows)):
        line = rows[row]
        depth += line.count("{") - line.count("}")
        opened = opened or "{" in line
        if opened and depth <= 0:
            return row + 1
        if not opened and row > header and line.strip() and _indent(line) <= own:
            closes = line.strip()[0] in ")]}" or line.strip().startswith("end")
            return row + 1 if closes else _without_blank_tail(rows, header, row)
    return _without_blank_tail(rows, header, len(rows))


def _with_heading(rows: Sequence[str], header: int) -> int:
    """Comments, decorators and attributes right above a definition belong to it."""
    row = header
    while row > 0 and rows[row - 1].strip().startswith(("//", "#", "--", "@", "/*", "*", ";")):
        row -= 1
    return row


def _without_blank_tail(rows: Sequence[str], start: int, end: int) -> int:
    while end > start + 1 and not rows[end - 1].strip():
        end -= 1
    return end


def _indent_at(rows: Sequence[str], line: int) -> int:
    """The indentation of the first line at or after `line` that has text."""
    return next((_indent(row) for row in rows[line:] if row.strip()), 0)


def _indent(row: str) -> int:
    expanded = row.expandtabs(8)
    return len(expanded) - len(expanded.lstrip())
