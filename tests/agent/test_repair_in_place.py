"""The short flow on a file: which function is repaired, who is asked, and what the editor gets."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from codex_lsp.agent.context.lines import LineRange
from codex_lsp.agent.events import RequestRefused
from codex_lsp.agent.ports import Applied, NotApplied
from codex_lsp.agent.prompt import Problem
from codex_lsp.agent.requests import Fix, Place
from codex_lsp.agent.small.fix import Person, fix_function
from codex_lsp.agent.small.repair import TEMPERATURES, Completion
from tests.doubles.folder_editor import FolderEditor

TEXT = """\
import math


class Circle:
    def area(self, r):
        return math.pi * r

    def name(self):
        return "circle"
"""
GOOD = "```python\ndef area(self, r):\n    return math.pi * r * r\n```"
FIXED = TEXT.replace("pi * r", "pi * r * r")


class Desk:
    """A person, a file and a model that says its lines in order."""

    def __init__(self, root: Path, *answers: str, text: str = TEXT) -> None:
        self.editor = FolderEditor(root.resolve(), calc__py=text)
        self.path = root.resolve() / "calc.py"
        self.answers = list(answers)
        self.prompts: list[str] = []
        self.told: list[str] = []
        self.shown: list[str] = []
        self.checked: list[str] = []
        self.agrees = True
        self.types: str | None = None
        self.running = False

    async def fix(self, row: int, *problems: Problem) -> Applied | NotApplied:
        return await fix_function(
            Place(self.path, LineRange(row, row + 1), "python"),
            Fix(problems),
            open_completion=self.open,
            snapshots=self.editor.snapshot,
            editor=self.editor,
            person=Person(self.check, self.agree, self.told.append),
            label="fix",
        )

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Completion]:
        self.running = True
        yield self.complete
        self.running = False

    async def complete(self, prompt: str, temperature: float) -> str:
        assert self.running
        self.prompts.append(prompt)
        return self.answers.pop(0)

    async def check(self, text: str) -> str | None:
        self.checked.append(text)
        return None if "r * r" in text else "area is too small"

    async def agree(self, diff: str) -> bool:
        assert not self.running, "the model holds no memory while the person thinks"
        self.shown.append(diff)
        if self.types is not None:
            self.editor.texts[self.path] = self.types
        return self.agrees

    @property
    def text(self) -> str:
        return self.editor.texts[self.path]


async def test_only_the_function_at_the_place_is_sent_and_changed(tmp_path: Path) -> None:
    desk = Desk(tmp_path, GOOD)
    outcome = await desk.fix(5, Problem("area is too small", 6))
    assert isinstance(outcome, Applied)
    assert (outcome.path, outcome.text) == (desk.path, FIXED)
    assert desk.text == FIXED
    assert desk.checked == [FIXED]
    assert "Bug: area is too small" in desk.prompts[0]
    assert "name" not in desk.prompts[0].rpartition("Bug:")[2]
    assert "+        return math.pi * r * r\n" in desk.shown[0]


async def test_each_try_is_told(tmp_path: Path) -> None:
    desk = Desk(tmp_path, "No.", GOOD.replace("r * r", "r * 2"), GOOD)
    await desk.fix(5)
    assert [line for line in desk.told if line.startswith("try")] == [
        "try 1 of 5: the answer holds no code",
        "try 2 of 5: area is too small",
        "try 3 of 5: this one will do",
    ]


async def test_what_the_person_does_not_agree_to_is_not_made(tmp_path: Path) -> None:
    desk = Desk(tmp_path, GOOD)
    desk.agrees = False
    assert isinstance(await desk.fix(5), NotApplied)
    assert desk.text == TEXT


async def test_what_was_typed_meanwhile_stays(tmp_path: Path) -> None:
    desk = Desk(tmp_path, GOOD)
    desk.types = "# mine\n" + TEXT
    await desk.fix(5)
    assert desk.text == "# mine\n" + FIXED


async def test_no_good_try_changes_nothing_and_asks_nobody(tmp_path: Path) -> None:
    desk = Desk(tmp_path, *["No."] * len(TEMPERATURES))
    assert isinstance(await desk.fix(5), NotApplied)
    assert (desk.text, desk.shown) == (TEXT, [])


@pytest.mark.parametrize("row", [0, 3], ids=["an import", "a class"])
async def test_what_is_no_function_never_reaches_the_model(tmp_path: Path, row: int) -> None:
    desk = Desk(tmp_path)
    with pytest.raises(RequestRefused, match="can only fix a function"):
        await desk.fix(row)
    assert desk.told == []


async def test_a_function_that_does_not_parse_is_one_all_the_same(tmp_path: Path) -> None:
    broken = "def area(r):\n    return (3 * r\n"
    desk = Desk(tmp_path, "```python\ndef area(r):\n    return 3 * r * r\n```", text=broken)
    await desk.fix(1)
    assert desk.text == "def area(r):\n    return 3 * r * r\n"


async def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.editor.texts.clear()
    with pytest.raises(RequestRefused):
        await desk.fix(5)


async def test_a_protected_file_is_the_person_s_own(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.path = desk.path.with_name(".env.py")
    desk.editor.texts = {desk.path: TEXT}
    with pytest.raises(RequestRefused, match="only you may change it"):
        await desk.fix(5)
    assert desk.told == []
