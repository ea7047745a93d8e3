"""Reads a small model's answer: the one function that may stand in for the faulty one, or why not.

Text outside the function is dropped, and a function that does more than repair (another name,
other parameters, a reach for imports or `eval`) is refused. Pure: nothing of it is ever run here.
"""

from __future__ import annotations

import ast
import re
import textwrap
from dataclasses import dataclass

_FENCE = re.compile(r"```[^\n`]*\n(?P<code>.*?)(?:\n[ \t]*```|\Z)", re.DOTALL)
_CLOSES = {")": "(", "]": "[", "}": "{"}
_STRINGS_AND_COMMENTS = re.compile(
    r"//[^\n]*|/\*.*?\*/|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`", re.DOTALL
)
_FAR_REACHING = {"eval", "exec", "compile", "open", "input", "breakpoint", "globals", "vars"}

_NO_PYTHON = (SyntaxError, ValueError, RecursionError, MemoryError)
"""What `ast.parse` raises; ValueError is for null bytes, the last two for absurd nesting."""

_Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True)
class Unusable:
    """An answer that cannot be the repaired function, and the reason in a few words."""

    reason: str


def read_answer(answer: str, faulty: str, language: str) -> str | Unusable:
    """The function of `answer` that replaces `faulty`; both at the margin, ending in a newline."""
    fenced = _FENCE.search(answer)
    if fenced is None:
        return Unusable("the answer holds no code")
    code = fenced["code"]
    found = _read_python(code, faulty) if language == "python" else _read_by_brackets(code, faulty)
    if isinstance(found, str) and found.rstrip() == faulty.rstrip():
        return Unusable("the function came back unchanged")
    return found


def is_whole(answer: str) -> bool:
    """Whether the first code block is closed: what a model says after it is of no use."""
    fenced = _FENCE.search(answer)
    return fenced is not None and fenced.end() > fenced.end("code")


def is_function(source: str, language: str) -> bool:
    """Whether `source` is one function, as far as that can be told: else it is not for repair."""
    if language != "python":
        return bool(source.strip())
    flush = textwrap.dedent(source)
    if _parse_one(flush) is not None:
        return True
    # A class that parses is none; what does not parse may be one whose syntax is the problem.
    return not _parses(flush) and bool(re.match(r"\s*(?:async\s+)?def\s", flush))


def _read_python(code: str, faulty: str) -> str | Unusable:
    try:
        tree = ast.parse(code)
    except _NO_PYTHON as error:
        return Unusable(f"the answer is not valid Python: {_short(error)}")
    name = _name(faulty)
    function = next((n for n in tree.body if isinstance(n, _Function) and n.name == name), None)
    if function is None:
        return Unusable(f"the answer has no function {name}")
    refusal = _overstep(function, _parse_one(faulty))
    if refusal is not None:
        return Unusable(refusal)
    first = min([function.lineno, *(d.lineno for d in function.decorator_list)])
    lines = code.split("\n")[first - 1 : function.end_lineno]
    return "\n".join(lines) + "\n"


def _overstep(new: _Function, old: _Function | None) -> str | None:
    """Why `new` is more than a repair of `old` (None: it could not be parsed, so less is known)."""
    if old is not None and _parameters(new) != _parameters(old):
        return "the answer changes the parameters"
    if old is not None and _decorators(new) != _decorators(old):
        return "the answer changes the decorators"
    beyond = _reach(new) - (_reach(old) if old is not None else set())
    if beyond:
        return f"the answer reaches for {min(beyond)}, which the function did not use"
    return None


def _read_by_brackets(code: str, faulty: str) -> str | Unusable:
    """For languages that we cannot parse: the head must stay and the brackets must balance."""
    body = code.strip("\n")
    if body.split("\n")[0].split() != faulty.lstrip("\n").split("\n")[0].split():
        return Unusable("the answer changes the function's first line")
    open_brackets: list[str] = []
    for character in _STRINGS_AND_COMMENTS.sub("", body):
        if character in "([{":
            open_brackets.append(character)
        elif character in _CLOSES and (
            not open_brackets or open_brackets.pop() != _CLOSES[character]
        ):
            return Unusable("the brackets of the answer do not match")
    if open_brackets:
        return Unusable("the answer is cut off: a bracket is still open")
    return body + "\n"


def _name(source: str) -> str | None:
    match = re.search(r"^\s*(?:async\s+)?def\s+(\w+)", source, re.MULTILINE)
    return match and match[1]


def _parse_one(source: str) -> _Function | None:
    match _parses(source):
        case ast.Module(body=[ast.FunctionDef() | ast.AsyncFunctionDef() as function]):
            return function
        case _:
            return None


def _parses(source: str) -> ast.Module | None:
    try:
        return ast.parse(source)
    except _NO_PYTHON:
        return None


def _parameters(function: _Function) -> list[str]:
    """Names and kinds in order, without defaults and annotations, which a repair may change."""
    given = function.args
    star = [given.vararg.arg] if given.vararg else []
    stars = [given.kwarg.arg] if given.kwarg else []
    return [
        *(argument.arg for argument in given.posonlyargs),
        "/",
        *(argument.arg for argument in given.args),
        "*",
        *star,
        *(argument.arg for argument in given.kwonlyargs),
        "**",
        *stars,
    ]


def _decorators(function: _Function) -> list[str]:
    return [ast.unparse(decorator) for decorator in function.decorator_list]


def _reach(function: _Function) -> set[str]:
    """What a function uses that can touch more than its arguments."""
    reached: set[str] = set()
    for node in ast.walk(function):
        match node:
            case ast.Import(names=names) | ast.ImportFrom(names=names):
                reached.update(f"import {alias.name}" for alias in names)
            case ast.Name(id=name) if name in _FAR_REACHING or name.startswith("__"):
                reached.add(name)
            case ast.Attribute(attr=name) if name.startswith("__"):
                reached.add(name)
    return reached


def _short(error: Exception) -> str:
    return error.msg if isinstance(error, SyntaxError) else str(error)
