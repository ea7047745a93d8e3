"""The short flow for a model too small for tools: faulty function and error in, function out.

Greedy first, then warmer, until an answer passes the injected check. It knows no editor, no HTTP
and no files, applies nothing, and gives no model more than this one function to see.
"""

from __future__ import annotations

import textwrap
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from codex_lsp.agent.events import ContextTooLong
from codex_lsp.agent.small.replacement import Unusable, read_answer

TEMPERATURES = (0.0, 0.2, 0.4, 0.6, 0.8)
MOST_CHARACTERS = 4_000
"""A longer function does not fit such a model's context twice, beside the example."""

Completion = Callable[[str, float], Awaitable[str]]
"""`(prompt, temperature)` to the model's text; raises `ModelError`."""

Check = Callable[[str], Awaitable[str | None]]
"""The repaired function, indented as the faulty one was, to what is still wrong; None if nothing.

Where nothing can be run, `accept` takes every answer that has the right form.
"""


@dataclass(frozen=True, slots=True)
class Faulty:
    """One function with whole lines, as it stands in the file, and the error in a line or two.

    The answer gets the same indentation and line ends.
    """

    source: str
    error: str
    language: str = "python"


@dataclass(frozen=True, slots=True)
class Try:
    """How one try went: `problem` is None for the one that is the result."""

    number: int
    most: int
    temperature: float
    problem: str | None

    def __str__(self) -> str:
        return f"try {self.number} of {self.most}: {self.problem or 'this one will do'}"


async def accept(_source: str) -> str | None:
    """The check that has nothing to run: form is all that is asked for."""
    return None


async def repair(
    faulty: Faulty,
    complete: Completion,
    *,
    check: Check = accept,
    report: Callable[[Try], None] = lambda _: None,
    temperatures: tuple[float, ...] = TEMPERATURES,
) -> str | None:
    """The whole function, repaired, to stand in for `faulty.source`; None if no try is good.

    `report` hears of each try when it is judged. An answer that was refused once is not checked
    again. Raises `ContextTooLong` before anything is asked, and what `complete` raises.
    """
    if len(faulty.source) > MOST_CHARACTERS:
        raise ContextTooLong(
            "The function is too long for the small model; "
            "select a shorter one, or sign in for a real model."
        )
    newline = "\r\n" if "\r\n" in faulty.source else "\n"
    flush = textwrap.dedent(faulty.source.replace("\r\n", "\n"))
    prompt = write_prompt(flush, faulty.error, faulty.language)
    refused: dict[str, str] = {}
    for number, temperature in enumerate(temperatures, start=1):
        answer = read_answer(await complete(prompt, temperature), flush, faulty.language)
        problem: str | None
        if isinstance(answer, Unusable):
            problem = answer.reason
        elif answer in refused:
            problem = f"the same answer again: {refused[answer]}"
        else:
            source = textwrap.indent(answer, _margin(faulty.source)).replace("\n", newline)
            if not faulty.source.endswith("\n"):
                source = source.removesuffix(newline)
            problem = await check(source)
            if problem is not None:
                refused[answer] = problem
        report(Try(number, len(temperatures), temperature, problem))
        if problem is None:
            return source
    return None


def write_prompt(source: str, error: str, language: str) -> str:
    """What the model is asked. The worked example does more for it than any instruction."""
    return (
        f"Fix the bug in a {language.capitalize()} function. Change as little as possible.\n\n"
        f"{_EXAMPLE}\n"
        f"Bug: {error.strip()}\n```{language}\n{source.rstrip()}\n```\nFixed:\n"
    )


_EXAMPLE = '''\
Bug: add(2, 3) returned -1, expected 5
```python
def add(a, b):
    """The sum of two numbers."""
    return a - b
```
Fixed:
```python
def add(a, b):
    """The sum of two numbers."""
    return a + b
```
'''


def _margin(source: str) -> str:
    """The indentation that `dedent` takes from `source`."""
    first = next((line for line in source.splitlines() if line.strip()), "")
    return first[: len(first) - len(first.lstrip())]
