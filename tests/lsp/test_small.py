"""Fixing with the small model, between an editor's answers: its check, its yes or no, its edit."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from codex_lsp.agent.context.lines import LineRange
from codex_lsp.agent.requests import Fix, Place
from codex_lsp.agent.small.repair import Completion
from codex_lsp.lsp.adapters import Adapters, WarmModel
from codex_lsp.lsp.connection.client import ClientError
from codex_lsp.lsp.editing.documents import Documents
from codex_lsp.lsp.person.progress import Progress
from codex_lsp.lsp.small import repairing
from codex_lsp.lsp.tasks import Task
from codex_lsp.lsp.workbench import Workbench
from tests.doubles.scripted_model import ScriptedModel, says
from tests.doubles.window import window

TEXT = "# 😀\ndef area(w, h):\n    return w + h\n"
WORSE, GOOD = TEXT.replace("+", "-"), TEXT.replace("+", "*")


class Window:
    """A client with one document; `answers` are what it says to our questions."""

    def __init__(self, folder: Path, *, checks: bool = True) -> None:
        self.documents = Documents("utf-32")
        self.path = folder / "area.py"
        self.uri = self.path.as_uri()
        self.answers: dict[str, Any] = {"window/showMessageRequest": {"title": "Change it"}}
        self.first_alone = False
        self.asked: list[tuple[str, Any]] = []
        self.notified: list[tuple[str, Any]] = []
        document = {"uri": self.uri, "languageId": "python", "version": 1, "text": TEXT}
        self.documents.did_open({"textDocument": document})
        params = {
            "rootUri": folder.as_uri(),
            "capabilities": {
                "workspace": {"applyEdit": True, "workspaceEdit": {"documentChanges": True}},
                "experimental": {"codexCheck": checks},
            },
        }
        self.bench = Workbench(self, params, Adapters(_no_model, folder, small=_small))

    def spawn(self, work: Coroutine[Any, Any, object], *, name: str) -> asyncio.Task[None]:
        raise AssertionError("the work is run by the test")

    def notify(self, method: str, params: object) -> None:
        self.notified.append((method, params))

    async def ask(self, method: str, params: Any, *, timeout: float) -> object:  # noqa: ASYNC109 - the seam's shape
        self.asked.append((method, params))
        if method == "codex/check" and method not in self.answers:
            return {"problem": None if params["text"] == GOOD else "not yet"}
        if method == "workspace/applyEdit":
            (change,) = params["edit"]["documentChanges"]
            document = {"uri": self.uri, "version": 2}
            changes = [{"range": e["range"], "text": e["newText"]} for e in change["edits"]]
            self.documents.did_change({"textDocument": document, "contentChanges": changes})
            return {"applied": True}
        answer = self.answers[method]
        if self.first_alone and len(params["actions"]) > 1:
            answer = ClientError(-32601, "not every answer")
        if isinstance(answer, ClientError):
            raise answer
        return answer

    async def fix(self) -> str:
        task = Task("t", "fix", Progress(self, "t", "fix"))
        place = Place(self.path, LineRange(2, 3), "python")
        return await repairing(self.bench, place, Fix(()), _small)(task)

    @property
    def text(self) -> str:
        document = self.documents.get(self.uri)
        assert document is not None
        return document.text

    def questions(self, method: str) -> list[Any]:
        return [params for asked, params in self.asked if asked == method]


def _no_model(_name: str | None) -> WarmModel:
    return None  # type: ignore[return-value]  # opened by name only, and never asked here


@asynccontextmanager
async def _small() -> AsyncIterator[Completion]:
    answers = iter([WORSE, GOOD, GOOD, GOOD, GOOD])

    async def complete(_prompt: str, _temperature: float) -> str:
        return f"```python\n{next(answers).partition(chr(10))[2]}```"

    yield complete


async def test_the_client_checks_each_try_and_the_person_agrees_once(tmp_path: Path) -> None:
    window = Window(tmp_path)
    assert await window.fix() == "Changed area.py."
    assert window.text == GOOD
    checked = window.questions("codex/check")
    assert checked == [{"uri": window.uri, "text": text} for text in (WORSE, GOOD)]
    (question,) = window.questions("window/showMessageRequest")
    assert "-    return w + h\n+    return w * h\n" in question["message"]


async def test_a_client_that_checks_nothing_is_not_asked_to(tmp_path: Path) -> None:
    window = Window(tmp_path, checks=False)
    await window.fix()
    assert window.text == WORSE
    assert window.questions("codex/check") == []
    assert len(window.questions("window/showMessageRequest")) == 1


async def test_where_one_answer_can_be_given_it_is_the_yes(tmp_path: Path) -> None:
    window = Window(tmp_path, checks=False)
    window.first_alone = True
    assert await window.fix() == "Changed area.py."
    assert [a["title"] for a in window.asked[-2][1]["actions"]] == ["Change it"]


@pytest.mark.parametrize(
    "answer", [None, {"title": "Leave it"}, "Change it", ClientError(-32601, "what?")]
)
async def test_whatever_is_not_a_yes_changes_nothing(tmp_path: Path, answer: object) -> None:
    window = Window(tmp_path)
    window.answers["window/showMessageRequest"] = answer
    said = await window.fix()
    assert said == "Nothing was changed: the change was not agreed to."
    assert window.text == TEXT
    assert ("window/showMessage", {"type": 3, "message": said}) in window.notified


@pytest.mark.parametrize("answer", [None, {}, ClientError(-32601, "what?")])
async def test_a_check_without_an_answer_passes_nothing(tmp_path: Path, answer: object) -> None:
    window = Window(tmp_path)
    window.answers["codex/check"] = answer
    assert "found no fix" in await window.fix()
    assert window.text == TEXT


class Hearsay(ScriptedModel):
    """Writes the call of a tool down, then `answers` what it is asked."""

    def __init__(self, *answers: str) -> None:
        called = '```json\n{"name": "apply_patch", "arguments": {}}\n```'
        super().__init__(says(called), *(says(answer) for answer in answers))

    async def warm_up(self) -> None:
        """Nothing to make ready."""


def fenced(text: str) -> str:
    return f"```python\n{text.partition(chr(10))[2]}```"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path.resolve()


async def test_a_model_that_cannot_call_tools_is_asked_for_the_function_alone(
    folder: Path,
) -> None:
    model = Hearsay(fenced(GOOD))
    async with window(folder, Adapters(lambda _: model, folder)) as client:
        uri = client.open(folder / "area.py", TEXT)
        task = (await client.execute("codex.fix", {"uri": uri, "line": 3}))["taskId"]
        question = await client.question()
        assert "+    return w * h" in question["params"]["message"]
        client.answer(question, {"title": "Leave it"})
        assert "not agreed to" in await client.ended(task)
    model.assert_used_up()


async def test_a_model_at_its_own_temperature_is_asked_five_times_at_the_most(
    folder: Path,
) -> None:
    model = Hearsay(*[fenced(TEXT)] * 5)
    async with window(folder, Adapters(lambda _: model, folder)) as client:
        uri = client.open(folder / "area.py", TEXT)
        task = (await client.execute("codex.fix", {"uri": uri, "line": 3}))["taskId"]
        assert "found no fix" in await client.ended(task)
    model.assert_used_up()
