"""A model service that looks at the request: it mends the lines that it is told are faulty.

For end-to-end tests and benchmarks whose prompts are nobody's business here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from tests.doubles.model_script import Patch, Step, Text, Turn


@dataclass(frozen=True, slots=True)
class Rule:
    """Where the whole lines `old` stand in the request, `file` gets `new` in their place."""

    file: str
    old: str
    new: str

    def patch(self) -> str:
        """The change in the apply_patch language."""
        return "\n".join(
            [
                "*** Begin Patch",
                f"*** Update File: {self.file}",
                "@@",
                *(f"-{line}" for line in self.old.splitlines()),
                *(f"+{line}" for line in self.new.splitlines()),
                "*** End Patch",
            ]
        )


def mends(
    rules: Sequence[Rule], *, say: str = "Fixed.", pause: float = 0.0
) -> Callable[[dict[str, Any]], Step]:
    """Answers a request body: a patch by the first rule that fits; prose once a tool has run."""

    def answer(body: dict[str, Any]) -> Step:
        if str(body["input"][-1].get("type")).endswith("_output"):
            return Turn((Text(say),), pause=pause)
        text = "\n".join(strings(body["input"]))
        for rule in rules:
            if rule.old in text:
                return Turn((Patch(rule.patch()),), pause=pause)
        return Turn((Text("There is nothing here that I know how to mend."),), pause=pause)

    return answer


def strings(value: Any) -> Iterator[str]:
    """Every string in a JSON value, in order."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from strings(inner)
