"""The house holds its own rules: sizes, names, one supervisor, rooms as they are documented."""

from __future__ import annotations

import ast
import graphlib
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

REPO = Path(__file__).resolve().parent.parent
PACKAGE = REPO / "codex_lsp"
SOURCES = sorted(PACKAGE.rglob("*.py"))
MOST_FILE_LINES = 600
MOST_FUNCTION_LINES = 60
FORBIDDEN_NAMES = {"utils", "helpers", "helper", "common", "manager", "types", "models", "misc"}
SUPERVISORS = {
    "codex_lsp/lsp/connection/faults.py",  # the task supervisor
    "codex_lsp/auth/keyring_store.py",  # foreign keyring backends raise what they like
}


def name(path: Path) -> str:
    return path.relative_to(REPO).as_posix()


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


@pytest.mark.parametrize("path", [*SOURCES, *sorted((REPO / "tests").rglob("*.py"))], ids=name)
def test_files_and_functions_keep_to_their_size(path: Path) -> None:
    assert len(path.read_text("utf-8").splitlines()) <= MOST_FILE_LINES
    long = [
        function.name
        for function in functions(path)
        if (function.end_lineno or 0) - function.lineno + 1 > MOST_FUNCTION_LINES
    ]
    assert not long


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_every_file_opens_with_what_it_is(path: Path) -> None:
    said = ast.get_docstring(ast.parse(path.read_text("utf-8")))
    assert said
    assert path.stem not in FORBIDDEN_NAMES
    assert path.parent.name not in FORBIDDEN_NAMES


def swallows_anything(handler: ast.ExceptHandler) -> bool:
    """Whether the handler takes every exception and does not pass it on."""
    named = ast.walk(handler.type) if handler.type else ()
    names = {n.id for n in named if isinstance(n, ast.Name)}
    broad = handler.type is None or names & {"Exception", "BaseException"}
    last = handler.body[-1]
    return bool(broad) and not (isinstance(last, ast.Raise) and last.exc is None)


def test_any_exception_is_caught_in_the_supervisor_alone() -> None:
    broad = {
        name(path)
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.ExceptHandler) and swallows_anything(node)
    }
    assert broad <= SUPERVISORS


def imports(tree: ast.AST) -> Iterator[str]:
    """What a module imports when it is loaded or run; not what it only names in types."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        if isinstance(node, ast.ImportFrom) and node.module:
            yield from (node.module, *(f"{node.module}.{one.name}" for one in node.names))
        elif isinstance(node, ast.Import):
            yield from (one.name for one in node.names)
        yield from imports(node)


def test_no_module_imports_itself_in_a_circle() -> None:
    modules = {name(path).removesuffix(".py").replace("/", "."): path for path in SOURCES}
    graph = {
        module: modules.keys() & imports(ast.parse(path.read_text("utf-8")))
        for module, path in modules.items()
    }
    assert sum(map(len, graph.values())) > len(graph)
    graphlib.TopologicalSorter(graph).prepare()  # raises CycleError, with the circle in it


def test_tasks_have_an_owner() -> None:
    loose = [
        name(path)
        for path in SOURCES
        if re.search(r"asyncio\.create_task\(", path.read_text("utf-8"))
    ]
    assert not loose


def rooms() -> set[str]:
    return {path.parent.name for path in PACKAGE.glob("*/__init__.py")}


def test_every_room_stands_in_the_contract_and_in_the_guide() -> None:
    contracts = tomllib.loads((REPO / "pyproject.toml").read_text())["tool"]["importlinter"]
    layers = next(c for c in contracts["contracts"] if c["id"] == "layers")["layers"]
    contracted = {room.strip() for layer in layers for room in layer.split("|")}
    guide = (REPO / "ARCHITECTURE.md").read_text("utf-8")
    documented = set(re.findall(r"^\| `(\w+)/` \|", guide, re.MULTILINE))
    assert rooms() == contracted == documented
    assert len(guide.splitlines()) <= 300


def test_nothing_names_a_registry_or_this_machine() -> None:
    forbidden = re.compile(
        "|".join(["py" + r"pi\.org", "python" + "hosted", "npm" + r"js\.(org|com)", "/wo" + "rk/"])
    )
    guilty = [
        name(path)
        for path in REPO.rglob("*")
        if path.is_file()
        and path.suffix in {".py", ".md", ".toml", ".yml", ".json", ".lua", ".el", ".sh", ""}
        and not set(path.relative_to(REPO).parts)
        & {".git", ".venv", ".tools", "node_modules", ".mypy_cache", ".ruff_cache", ".hypothesis"}
        and forbidden.search(path.read_text("utf-8", errors="replace"))
    ]
    assert not guilty
