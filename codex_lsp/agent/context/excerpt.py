"""What a request carries of a file, so that one patch can answer it: the definition around the
place, the imports, and the signatures within reach, inside a budget of bytes.

What is left out is named by size, so that the model knows there is more to ask for.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from codex_lsp.agent.context.lines import LineRange, split_lines
from codex_lsp.agent.context.python_source import parsed
from codex_lsp.agent.context.scope import enclosing

BUDGET_BYTES = 12_000
_IMPORT = re.compile(
    r"^\s*(?:import\b|from\s+\S+\s+import\b|use\b|using\b|#\s*include\b|require\b)"
)
_SIGNATURE = re.compile(
    r"^\s*(?:export\s+|pub\s+|public\s+|static\s+|async\s+)*"
    r"(?:def|class|func|function|fn|fun|struct|enum|trait|interface|type)\s+(?:\([^)]*\)\s*)?(\w+)"
)


@dataclass(frozen=True, slots=True)
class Excerpt:
    """Part of a file: whole lines of it, and the imports and signatures that they lean on."""

    lines: LineRange
    text: str
    imports: str
    signatures: str
    total_lines: int


def excerpt(
    text: str, place: LineRange, language: str, *, budget: int = BUDGET_BYTES, whole: bool = False
) -> Excerpt:
    """Cut what a request about `place` needs out of `text`.

    `whole` asks for the entire file where the budget allows it.
    """
    rows = split_lines(text)
    if whole and len(text.encode()) <= budget:
        return Excerpt(LineRange(0, len(rows)), text, "", "", len(rows))
    tree = parsed(text) if language == "python" else None
    scope = enclosing(text, place, language, tree=tree)
    scope = _within_budget(rows, scope, place, budget * 2 // 3)
    body = "".join(rows[scope.start : scope.end])
    rest = budget - len(body.encode())
    imports = _cut(_imports(rows, scope, tree), rest // 2)
    signatures = _cut(_signatures(rows, scope, body, tree), rest - len(imports.encode()))
    return Excerpt(scope, body, imports, signatures, len(rows))


def _within_budget(
    rows: Sequence[str], scope: LineRange, place: LineRange, budget: int
) -> LineRange:
    """Shrink `scope` towards `place` until it fits; lines of `place` go last."""
    start, end = scope.start, scope.end
    size = sum(len(row.encode()) for row in rows[start:end])
    while size > budget and end - start > 1:
        before, after = place.start - start, end - place.end
        if before >= after and start < end - 1:
            size -= len(rows[start].encode())
            start += 1
        else:
            end -= 1
            size -= len(rows[end].encode())
    return LineRange(start, end)


def _imports(rows: Sequence[str], scope: LineRange, tree: ast.Module | None) -> list[str]:
    if tree is None:
        return [row for at, row in enumerate(rows) if at not in scope and _IMPORT.match(row)]
    return [
        "".join(rows[node.lineno - 1 : node.end_lineno])
        for node in tree.body
        if isinstance(node, ast.Import | ast.ImportFrom) and node.lineno - 1 not in scope
    ]


def _signatures(
    rows: Sequence[str], scope: LineRange, body: str, tree: ast.Module | None
) -> list[str]:
    used = set(re.findall(r"\w+", body))
    if tree is None:
        return [
            row
            for at, row in enumerate(rows)
            if at not in scope and (hit := _SIGNATURE.match(row)) and hit[1] in used
        ]
    found = [
        (node.lineno, _header(rows, node))
        for node in _defined(tree.body)
        if node.lineno - 1 not in scope and (node.name in used or _holds(node, scope))
    ]
    found += [
        (node.lineno, rows[node.lineno - 1])
        for node in tree.body
        if node.lineno - 1 not in scope and node.end_lineno == node.lineno and used & _set_by(node)
    ]
    return [text for _, text in sorted(found)]


Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def _defined(body: Iterable[ast.stmt]) -> list[Definition]:
    """Functions and classes of a module, and the methods of its classes."""
    found: list[Definition] = []
    for node in body:
        if isinstance(node, Definition):
            found.append(node)
        if isinstance(node, ast.ClassDef):
            found += _defined(node.body)
    return found


def _holds(node: Definition, scope: LineRange) -> bool:
    return node.lineno - 1 < scope.start < (node.end_lineno or node.lineno)


def _set_by(node: ast.stmt) -> set[str]:
    """The names to which a statement gives a value."""
    match node:
        case ast.Assign(targets=targets):
            return {target.id for target in targets if isinstance(target, ast.Name)}
        case ast.AnnAssign(target=ast.Name(id=name)):
            return {name}
        case _:
            return set()


def _header(rows: Sequence[str], node: Definition) -> str:
    """The lines from the definition's own line to where its body begins."""
    first = node.body[0]
    documented = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
    end = first.lineno if documented else max(first.lineno - 1, node.lineno)
    return "".join(rows[node.lineno - 1 : end])


def _cut(parts: Sequence[str], budget: int) -> str:
    """As many whole parts as fit into `budget` bytes."""
    kept: list[str] = []
    for part in parts:
        budget -= len(part.encode())
        if budget < 0:
            break
        kept.append(part if part.endswith(("\n", "\r")) else f"{part}\n")
    return "".join(kept)
