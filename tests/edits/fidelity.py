"""Seeded files and patches whose result is known byte for byte, from a model of lines.

The model holds a file as (line, terminator) pairs and never joins, splits or searches them; the
engine sees only the text and the patch.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from codex_lsp.edits.misfit import Misfit
from codex_lsp.edits.patch import Patch, UpdateFile, parse
from codex_lsp.edits.text import TextEdit, apply_edits
from tests.edits.schedules import fits

Locate = Callable[[UpdateFile, str], tuple[TextEdit, ...] | Misfit]
EOLS = {"lf": "\n", "crlf": "\r\n", "cr": "\r", "mixed": ""}
CONTENT = {
    "ascii": "abc XYZ_09 (){}[];:'\",.<>/?!@#$%^&*-+=~`|\\",
    "astral": "a \U0001f600\U0001f9d1\u200d\U0001f680 \U00010000",
    "combining": "e\u0301o\u0308 \u0915\u094d\u0937 \u200d\ufe0f",
    "tabs": "\t\t  x\t y",
    "controls": "\x00\x01\x0b\x0c\x1c\x85\u2028\u2029 z",
    "wide": "\u4e2d\u6587 \uff1a\u3000\u00a0\u00ad",
}
Line = tuple[str, str]


@dataclass(frozen=True)
class Case:
    """A file before and after, and the patch between."""

    name: str
    text: str
    patch: str
    expected: str


def cases(eol: str, content: str, count: int) -> Iterator[Case]:
    """`count` cases for each combination of byte order mark and final newline."""
    for mark, final, n in itertools.product(("", "\ufeff"), (True, False), range(count)):
        name = f"{eol}/{content}/{mark!r}/{final}/{n}"
        yield _case(name, random.Random(name), mark, eol, content, final=final)


def broken(locate: Locate, case: Case) -> bool:
    """Whether `locate` makes something else of the case, or places an edit badly."""
    patch = parse(case.patch)
    assert isinstance(patch, Patch), case.name
    (update,) = patch.sections
    assert isinstance(update, UpdateFile), case.name
    edits = locate(update, case.text)
    if isinstance(edits, Misfit) or not fits(case.text, edits):
        return True
    # Surrogates cannot be here, so equal bytes and equal texts are the same thing.
    return apply_edits(case.text, edits).encode() != case.expected.encode()


def _case(name: str, rng: random.Random, mark: str, eol: str, content: str, *, final: bool) -> Case:
    lines = [_line(rng, n, content, eol) for n in range(rng.randrange(1, 12))]
    if rng.random() < 0.01:
        lines[rng.randrange(len(lines))] = ("long " + CONTENT[content] * 40_000, _eol(rng, eol))
    if not final:
        lines[-1] = (lines[-1][0], "")
    elif eol == "mixed" and lines[-1][1] == "\r" and rng.random() < 0.5:
        lines[-1] = (lines[-1][0], "\n")
    body, after = _change(rng, lines, content)
    patch = f"*** Begin Patch\n*** Update File: f\n@@\n{body}*** End Patch"
    return Case(name, mark + _joined(lines), patch, mark + _joined(after))


def _line(rng: random.Random, number: int, content: str, eol: str) -> Line:
    text = "".join(rng.choices(CONTENT[content], k=rng.randrange(12)))
    return f"{number}:{text}|", _eol(rng, eol)


def _eol(rng: random.Random, eol: str) -> str:
    return EOLS[eol] or rng.choice(("\n", "\r\n", "\r"))


def _change(rng: random.Random, lines: list[Line], content: str) -> tuple[str, list[Line]]:
    """A patch that shows every line around one stretch, and the lines it makes."""
    start = rng.randrange(len(lines) + 1)
    end = min(start + rng.choice((0, 1, 1, 2, 5)), len(lines))
    added = [_line(rng, 100 + n, content, "lf")[0] for n in range(rng.choice((0, 1, 1, 2, 4)))]
    before = lines[max(start - 3, 0) : start]
    behind = lines[end : end + 3]
    shown = [f" {text}" for text, _ in before]
    shown += [f"-{text}" for text, _ in lines[start:end]] + [f"+{text}" for text in added]
    shown += [f" {text}" for text, _ in behind]
    new = [(text, _terminator(lines, start, end, n)) for n, text in enumerate(added)]
    after = lines[:start] + new + lines[end:]
    if not shown:
        return " \n", lines
    if end == len(lines) and lines[-1][1] == "":  # the file goes on ending without newline
        if start == end and new:
            above = lines[-1][0], _terminator(lines, start, end, 0)
            after = [*lines[:-1], above, *new]
        if after:
            after[-1] = after[-1][0], ""
    return "".join(f"{line}\n" for line in shown), after


def _terminator(lines: list[Line], start: int, end: int, number: int) -> str:
    """That of the line whose place is taken; else of the line above; else of the line below."""
    for at in (min(start + number, end - 1), min(start + number, end - 1) - 1, end):
        if 0 <= at < len(lines) and lines[at][1]:
            return lines[at][1]
    return "\n"


def _joined(lines: list[Line]) -> str:
    return "".join(text + eol for text, eol in lines)
