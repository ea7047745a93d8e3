"""`request_user_input`: the model asks the person, with a few answers to choose from.

Under the name and in the form that Codex models were trained on. How the person is asked, and
whether they can be, is the editor room's business.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from codex_lsp.agent.conversation import FunctionTool
from codex_lsp.agent.steps import StepSink, Wondering
from codex_lsp.agent.tools.tool import Answer

MOST_QUESTIONS = 3
MOST_OPTIONS = 8

_OPTION = {
    "type": "object",
    "properties": {
        "label": {"type": "string", "description": "The answer in one to five words."},
        "description": {"type": "string", "description": "What follows from it, in a sentence."},
    },
    "required": ["label"],
    "additionalProperties": False,
}
_QUESTION = {
    "type": "object",
    "properties": {
        "id": {"type": "string", "description": "By which you find the answer again."},
        "header": {"type": "string", "description": "What it is about, in a word or two."},
        "question": {"type": "string", "description": "The question, in a sentence."},
        "options": {"type": "array", "items": _OPTION, "description": "Answers to choose from."},
    },
    "required": ["id", "question"],
    "additionalProperties": False,
}

SPEC = FunctionTool(
    name="request_user_input",
    description=(
        "Asks the person up to three questions and waits for the answers. Only for what you cannot "
        "find out, and cannot decide for them. They may also answer in their own words, or not."
    ),
    parameters={
        "type": "object",
        "properties": {"questions": {"type": "array", "items": _QUESTION}},
        "required": ["questions"],
        "additionalProperties": False,
    },
)


@dataclass(frozen=True, slots=True)
class Option:
    """One answer to choose."""

    label: str
    description: str = ""


@dataclass(frozen=True, slots=True)
class Question:
    """What the model wants to know. `options` may be empty."""

    text: str
    header: str = ""
    options: tuple[Option, ...] = ()


AskPerson = Callable[[Question], Awaitable[str | None]]
"""The person's answer: the label of an option, or words of their own; None if they gave none. May
take as long as the person does. Being cancelled withdraws the question."""


class AskThePerson:
    """The tool for one turn; it asks one question after the other."""

    spec = SPEC
    reads_only = False

    def __init__(self, ask: AskPerson, tell: StepSink) -> None:
        self._ask = ask
        self._tell = tell

    async def run(self, arguments: str) -> Answer:
        """Ask, or say what is wrong with the questions."""
        try:
            questions = _read(arguments)
        except (ValueError, RecursionError) as error:
            return Answer(f"request_user_input: {error}")
        given: dict[str, object] = {}
        for name, question in questions.items():
            self._tell(Wondering(question.text))
            answer = await self._ask(question)
            if answer is None:
                return Answer(_declined(given))
            given[name] = {"answers": [answer]}
        return Answer(json.dumps({"answers": given}, ensure_ascii=False))


def _declined(given: Mapping[str, object]) -> str:
    before = f" Before that they said: {json.dumps(given, ensure_ascii=False)}." if given else ""
    return (
        f"The person gave no answer.{before} Decide by yourself where it is safe; else stop and "
        "say what you need to know."
    )


def _read(arguments: str) -> dict[str, Question]:
    value = json.loads(arguments or "{}")
    listed = value.get("questions") if isinstance(value, dict) else None
    if not isinstance(listed, list) or not 0 < len(listed) <= MOST_QUESTIONS:
        raise ValueError(f'give an object with "questions", one to {MOST_QUESTIONS} of them')
    found = dict(_question(entry) for entry in listed)
    if len(found) != len(listed):
        raise ValueError("each question needs an id of its own")
    return found


def _question(entry: object) -> tuple[str, Question]:
    if not isinstance(entry, dict) or not all(
        isinstance(entry.get(key), str) and entry[key].strip() for key in ("id", "question")
    ):
        raise ValueError('a question has an "id" and a "question"')
    listed = entry.get("options") or []
    options = tuple(_option(one) for one in listed) if isinstance(listed, list) else ()
    if len(options) > MOST_OPTIONS or len({one.label for one in options}) != len(options):
        raise ValueError(f"at most {MOST_OPTIONS} options, each with a label of its own")
    header = entry.get("header")
    return entry["id"], Question(
        entry["question"], header if isinstance(header, str) else "", options
    )


def _option(entry: object) -> Option:
    if isinstance(entry, str) and entry.strip():
        return Option(entry)
    if not isinstance(entry, dict) or not isinstance(entry.get("label"), str):
        raise ValueError('an option has a "label"')  # noqa: TRY004 - told to the model
    description = entry.get("description")
    return Option(entry["label"], description if isinstance(description, str) else "")
