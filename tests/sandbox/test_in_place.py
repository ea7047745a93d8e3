"""Commands that nothing can be laid over or copied for run in place, on what is saved; and where
they do, the person and the model know what they do not see.
"""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from codex_lsp.agent.consent.actions import RunCommand
from codex_lsp.agent.tools.ask_person import Question
from codex_lsp.sandbox import mirror
from codex_lsp.sandbox.policy import Policy
from codex_lsp.sandbox.runner import Runner
from tests.sandbox import backing
from tests.sandbox.open_texts import OpenTexts, Tools

SAVED, AS_SAVED, NOT = "I have saved them", "Run on what is saved", "Do not run it"


class Person:
    """Answers what is asked; `saves` is done first, as a person would."""

    def __init__(self, answer: str | None, saves: Callable[[], object] = lambda: None) -> None:
        self.answer = answer
        self.saves = saves
        self.asked: list[Question] = []

    async def __call__(self, question: Question) -> str | None:
        self.asked.append(question)
        self.saves()
        return self.answer


@pytest.fixture
def window(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> OpenTexts:
    """A workspace that is too large to be copied, with one file that is not saved."""
    monkeypatch.setattr(mirror, "MOST_FILES", 2)
    root = (tmp_path / "project").resolve()
    (root / ".git").mkdir(parents=True)
    for name in ("a.txt", "b.txt", "c.txt", ".git/config"):
        (root / name).write_text("saved\n")
    return OpenTexts(root, {root / "a.txt": "unsaved\n", root / "b.txt": "saved\r\n"})


@pytest.fixture(params=["copy", "landlock"])
async def runner(request: pytest.FixtureRequest) -> AsyncIterator[Runner]:
    made = Runner(lambda _roots: Policy(), os.environ, backing.only(request.param))
    yield made
    await made.aclose()


async def run(tools: Tools, cmd: str, **more: object) -> str:
    return (await tools.exec.run(json.dumps({"cmd": cmd, **more}))).text


async def test_it_runs_in_place_inside_the_sandbox_once_the_person_has_saved(
    window: OpenTexts, runner: Runner
) -> None:
    path = window.root / "a.txt"
    person = Person(SAVED, lambda: path.write_text("unsaved\n"))
    tools = Tools(window, runner, ask=person)
    outside = window.root.parent / "outside"
    cmd = f"cat a.txt; echo x >made/y 2>&1 || mkdir made; echo x >made/y; echo z >{outside}"
    said = await run(tools, cmd)
    await tools.commands.close()
    assert "unsaved changes in 1 file (a.txt)" in person.asked[0].text
    assert "unsaved\n" in said
    assert "It ran in place" in said
    assert "not seen" not in said
    assert (window.root / "made/y").read_text() == "x\n"
    assert not outside.exists()
    (asked,) = window.asked
    assert isinstance(asked, RunCommand)
    assert asked.in_place
    assert "changed at once" in asked.confinement
    assert asked.unseen == ()


async def test_it_runs_on_what_is_saved_if_the_person_says_so_once(
    window: OpenTexts, runner: Runner
) -> None:
    person = Person(AS_SAVED)
    tools = Tools(window, runner, ask=person)
    said = [await run(tools, "cat a.txt") for _ in range(2)]
    assert all("Output:\nsaved\n" in text for text in said)
    assert all("unsaved changes in 1 file (a.txt) were not seen" in text for text in said)
    assert len(person.asked) == 1
    assert [getattr(action, "unseen", None) for action in window.asked] == [("a.txt",)] * 2


@pytest.mark.parametrize("answer", [NOT, None, SAVED, "use the other one"])
async def test_it_is_not_run_while_something_is_not_saved(
    window: OpenTexts, runner: Runner, answer: str | None
) -> None:
    person = Person(answer)
    tools = Tools(window, runner, ask=person)
    said = [await run(tools, "touch made") for _ in range(2)]
    assert all(text.startswith("exec_command failed: ") and "a.txt" in text for text in said)
    assert (answer or "") in said[0] or answer in (NOT, SAVED)
    assert len(person.asked) == (2 if answer == SAVED else 1)
    assert window.asked == []
    assert not (window.root / "made").exists()
    (window.root / "a.txt").write_text("unsaved\n")
    assert "exited with code 0" in await run(tools, "touch made")


async def test_what_is_kept_out_stays_hidden_in_place(window: OpenTexts, runner: Runner) -> None:
    window.texts.clear()
    (window.root / ".codexignore").write_text("private/\n")
    (window.root / "private").mkdir()
    (window.root / "private/key").write_text("hidden words\n")
    tools = Tools(window, runner)
    said = await run(tools, "cat private/*; echo x >private/key; echo done")
    assert "hidden words" not in said.replace("x >", "")
    assert "done" in said
    assert (window.root / "private/key").read_text() == "hidden words\n"


async def test_what_configures_git_is_read_only_in_place(window: OpenTexts) -> None:
    window.texts.clear()
    runner = Runner(lambda _roots: Policy(), os.environ, backing.only("copy"))
    await run(Tools(window, runner), "echo x >.git/config; touch .git/x")
    await runner.aclose()
    assert (window.root / ".git/config").read_text() == "saved\n"
    assert not (window.root / ".git/x").exists()


async def test_a_large_folder_that_is_only_read_is_not_written_in_place(
    window: OpenTexts,
) -> None:
    window.texts.clear()
    runner = Runner(lambda _roots: Policy("read-only"), os.environ, backing.only("landlock"))
    said = await run(Tools(window, runner), "cat a.txt; touch made || echo held")
    await runner.aclose()
    assert "saved\n" in said
    assert "held" in said
    assert "in place" not in said
    (asked,) = window.asked
    assert isinstance(asked, RunCommand)
    assert not asked.in_place


async def test_without_the_sandbox_the_person_and_the_model_hear_what_is_not_seen(
    window: OpenTexts,
) -> None:
    runner = Runner(lambda _roots: Policy(), os.environ, backing.only("overlay"))
    tools = Tools(window, runner)
    said = await run(tools, "cat a.txt", sandbox_permissions="require_escalated")
    assert "unsaved changes in 1 file (a.txt) were not seen" in said
    (asked,) = window.asked
    assert isinstance(asked, RunCommand)
    assert asked.unseen == ("a.txt",)
    assert "not seen" not in await run(tools, "cat a.txt")
    (window.root / "a.txt").write_text("unsaved\n")
    assert "not seen" not in await run(tools, "cat a.txt", sandbox_permissions="require_escalated")
    await runner.aclose()
