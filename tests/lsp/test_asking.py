"""The model's questions on the person's screen: buttons where they work, a page where not."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest

from codex_lsp.agent.tools.ask_person import Option, Question
from codex_lsp.lsp.adapters import Adapters
from codex_lsp.lsp.connection.client import ClientError
from codex_lsp.lsp.editing.documents import Documents
from codex_lsp.lsp.person.asking import asking
from codex_lsp.lsp.person.progress import Progress
from codex_lsp.lsp.tasks import Task
from codex_lsp.lsp.workbench import Workbench

QUESTION = Question(
    "Which\none? <!-- x -->", "Database", (Option("SQLite", "one file"), Option("Postgres"))
)


class Window:
    """A client that answers `showMessageRequest`, and whose person writes on pages."""

    def __init__(self, folder: Path, answer: object, written: str = "") -> None:
        self.documents = Documents("utf-32")
        self.answer, self.written = answer, written
        self.asked: list[Any] = []
        self.status: list[Any] = []
        self.page = ""
        params = {
            "capabilities": {
                "window": {"showDocument": {"support": True}},
                "experimental": {"codexStatus": True},
            }
        }
        self.bench = Workbench(self, params, Adapters(lambda _: None, folder))  # type: ignore[arg-type,return-value]

    def spawn(self, work: Coroutine[Any, Any, object], *, name: str) -> asyncio.Task[None]:
        raise AssertionError("nothing is started here")

    def notify(self, method: str, params: Any) -> None:
        if method == "codex/status":
            self.status.append(params)

    async def ask(self, method: str, params: Any, *, timeout: float) -> object:  # noqa: ASYNC109 - the seam's shape
        if method == "window/showDocument":
            self._write(Path(params["uri"].removeprefix("file://")))
            return {"success": True}
        self.asked.append(params)
        if isinstance(self.answer, ClientError):
            raise self.answer
        return self.answer

    def _write(self, page: Path) -> None:
        self.page = page.read_text()
        page.write_text(f"{self.page}{self.written}\nSEND\n")

    async def put(self, question: Question) -> str | None:
        task = Task("t", "Codex: job", Progress(self, "t", "job"))
        return await asking(self.bench, task)(question)


async def test_a_button_is_an_answer(tmp_path: Path) -> None:
    window = Window(tmp_path, {"title": "Postgres"})
    assert await window.put(QUESTION) == "Postgres"
    [asked] = window.asked
    assert asked["message"].endswith("Which one? <!-- x -->\n- SQLite: one file\n- Postgres")
    assert [action["title"] for action in asked["actions"]] == [
        "SQLite",
        "Postgres",
        "Answer in my own words",
    ]
    assert [one["kind"] for one in window.status] == ["Warning", "Normal"]


@pytest.mark.parametrize("answer", [None, {"title": "something else"}, "SQLite", {"title": 3}])
async def test_no_button_is_no_answer(tmp_path: Path, answer: object) -> None:
    assert await Window(tmp_path, answer).put(QUESTION) is None


@pytest.mark.parametrize(
    "answer", [ClientError(-32601, "what?"), {"title": "Answer in my own words"}]
)
async def test_own_words_are_written_on_a_page(tmp_path: Path, answer: object) -> None:
    window = Window(tmp_path, answer, "Neither.")
    assert await window.put(QUESTION) == "Neither."
    assert "> Which one? <! -- x -->\n> - SQLite: one file\n> - Postgres\n\n<!--" in window.page


async def test_a_question_without_options_goes_to_a_page_at_once(tmp_path: Path) -> None:
    window = Window(tmp_path, None, "42")
    assert await window.put(Question("How many?")) == "42"
    assert window.asked == []
