"""The model's questions: asked in its form, answered in its form, and never a crash."""

from __future__ import annotations

import json

import pytest

from codex_lsp.agent.steps import Step, Wondering
from codex_lsp.agent.tools.ask_person import AskThePerson, Option, Question

QUESTION = {
    "id": "db",
    "header": "Database",
    "question": "Which one?",
    "options": [{"label": "SQLite", "description": "one file"}, "Postgres"],
}


class Person:
    def __init__(self, *answers: str | None) -> None:
        self.answers = list(answers)
        self.asked: list[Question] = []
        self.told: list[Step] = []

    async def ask(self, question: Question) -> str | None:
        self.asked.append(question)
        return self.answers.pop(0)

    async def call(self, value: object) -> str:
        text = value if isinstance(value, str) else json.dumps(value)
        return (await AskThePerson(self.ask, self.told.append).run(text)).text


async def test_questions_are_asked_in_order_and_answered_by_their_ids() -> None:
    person = Person("SQLite", "“tea”")
    second = {"id": "drink", "question": "And to drink?"}
    answer = json.loads(await person.call({"questions": [QUESTION, second]}))
    assert answer == {"answers": {"db": {"answers": ["SQLite"]}, "drink": {"answers": ["“tea”"]}}}
    options = (Option("SQLite", "one file"), Option("Postgres"))
    assert person.asked == [Question("Which one?", "Database", options), Question("And to drink?")]
    assert person.told == [Wondering("Which one?"), Wondering("And to drink?")]


async def test_a_person_who_does_not_answer_is_not_asked_on() -> None:
    person = Person("SQLite", None)
    second = {"id": "drink", "question": "And to drink?"}
    said = await person.call({"questions": [QUESTION, second, {**second, "id": "x"}]})
    assert said.startswith("The person gave no answer.")
    assert "SQLite" in said
    assert len(person.asked) == 2


@pytest.mark.parametrize(
    "value",
    [
        "", "{", "[]", "[" * 100_000,
        {"questions": []},
        {"questions": [QUESTION] * 2},
        {"questions": ["why?"]},
        {"questions": [{"id": "a", "question": "  "}]},
        {"questions": [{**QUESTION, "options": [3]}]},
        {"questions": [{**QUESTION, "options": ["same", "same"]}]},
        {"questions": [{**QUESTION, "options": [str(number) for number in range(9)]}]},
    ],
)  # fmt: skip
async def test_questions_that_are_none_are_answered_in_words(value: object) -> None:
    person = Person()
    assert (await person.call(value)).startswith("request_user_input: ")
    assert person.asked == []
