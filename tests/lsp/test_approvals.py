"""The person's side of approvals: a message and code actions, whichever is answered first."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from codex_lsp.lsp.workbench import Adapters
from tests.doubles.window import Window, no_model, window
from tests.lsp.wanting import COMMANDS

MAKE = ["bash", "-lc", "make all"]


@asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[tuple[Window, str]]:
    work = folder / "work"
    work.mkdir()
    file = work / "a.py"
    file.write_text("x = 1\ny = 2\n")
    async with window(work, Adapters(no_model, folder / "state"), COMMANDS) as one:
        yield one, one.open(file, "x = 1\ny = 2\n")


async def want(one: Window, uri: str, **given: Any) -> str:
    """Have a task ask; its id."""
    wish = {"argv": MAKE, "uri": uri, "line": 1, **given}
    return str((await one.execute("test.want", wish))["taskId"])


async def test_a_question_comes_as_a_message_and_as_a_diagnostic(tmp_path: Path) -> None:
    async with opened(tmp_path) as (one, uri):
        task = await want(one, uri, reason="to build it")
        question = await one.question()
        text = question["params"]["message"]
        assert "`make all`" in text
        assert "NOT sandboxed" in text
        assert "The model says: to build it" in text
        titles = [action["title"] for action in question["params"]["actions"]]
        assert titles == ["Show everything", "Deny", "Allow once", "Allow for this session",
                          "Allow for this project"]  # fmt: skip
        (mark,) = one.diagnostics[uri]
        assert (mark["range"]["start"]["line"], mark["severity"]) == (1, 2)
        assert mark["message"] == text
        await one.until(lambda: any("waits for you" in m for m in one.progress(task)))


@pytest.mark.parametrize(
    ("title", "end"),
    [
        ("Allow once", "allowed once"),
        ("Allow for this session", "allowed session"),
        ("Deny", '["denied", ""]'),
    ],
)
async def test_a_button_answers_and_takes_the_diagnostic_away(
    tmp_path: Path, title: str, end: str
) -> None:
    async with opened(tmp_path) as (one, uri):
        task = await want(one, uri)
        one.answer(await one.question(), {"title": title})
        assert await one.ended(task) == end
        assert one.diagnostics[uri] == []
        assert await one.execute("codex.approval.list") == []


@pytest.mark.parametrize("automatic", [True, False])
async def test_a_code_action_answers_where_the_editor_has_no_buttons(
    tmp_path: Path, automatic: bool
) -> None:
    async with opened(tmp_path) as (one, uri):
        task = await want(one, uri)
        one.refuse(await one.question())
        await one.until(lambda: any("code action" in str(m.get("params")) for m in one.said))
        found = [
            action
            for action in await one.actions(uri, 1, automatic=automatic)
            if action["kind"] == "quickfix.codex.approval"
        ]
        assert [action["title"].partition(": ")[2].split(":")[0] for action in found] == [
            "show", "allow once", "allow for this session", "allow for this project", "deny",
            "deny and say why…",
        ]  # fmt: skip
        assert all(len(action["title"]) <= 60 for action in found)
        await one.run(found[1])
        assert await one.ended(task) == "allowed once"
        assert not [
            action
            for action in await one.actions(uri, 1)
            if action["kind"] == "quickfix.codex.approval"
        ]


async def test_a_late_or_strange_answer_to_the_message_changes_nothing(tmp_path: Path) -> None:
    async with opened(tmp_path) as (one, uri):
        first = await want(one, uri)
        question = await one.question()
        (pending,) = await one.execute("codex.approval.list")
        answer = {"approvalId": pending["approvalId"], "decision": "deny", "reason": "use ninja"}
        assert await one.execute("codex.approval.respond", answer) == {"ok": True}
        assert json.loads(await one.ended(first)) == ["denied", "use ninja"]
        second = await want(one, uri)
        await one.until(lambda: len(one.asked) == 2)
        one.answer(question, {"title": "Allow once"})  # to the first one, which is over
        one.answer(one.asked[1], {"title": "Allow everything"})
        assert "answered or cancelled already" in await one.execute(
            "codex.approval.respond", {**answer, "decision": "once"}
        )
        (pending,) = await one.execute("codex.approval.list")
        assert pending["decisions"] == ["once", "session", "project", "deny"]
        one.bench.tasks.cancel(second)
        await one.ended(second)


@pytest.mark.parametrize(
    "answer",
    [None, {"title": "Show everything"}, {"title": 5}, {}, "Allow once", {"title": "allow once"}],
)
async def test_what_is_no_answer_leaves_the_question_open(tmp_path: Path, answer: object) -> None:
    async with opened(tmp_path) as (one, uri):
        task = await want(one, uri)
        one.answer(await one.question(), answer)
        assert len(await one.execute("codex.approval.list")) == 1
        one.bench.tasks.cancel(task)
        assert await one.ended(task) == "Cancelled."
        await one.until(lambda: one.diagnostics[uri] == [])
        assert await one.execute("codex.approval.list") == []


async def test_nobody_answers_by_chance(tmp_path: Path) -> None:
    """Without an id, with a wrong one, or with a decision that was not offered."""
    async with opened(tmp_path) as (one, uri):
        protected = str(tmp_path / "work" / ".envrc")
        task = await want(one, uri, path=protected, preview="+export A=1")
        await one.question()
        (pending,) = await one.execute("codex.approval.list")
        assert pending["decisions"] == ["once", "deny"]
        for given in (
            {"decision": "once"},
            {"approvalId": "approval-0", "decision": "once"},
            {"approvalId": pending["approvalId"], "decision": "session"},
            {"approvalId": pending["approvalId"], "decision": "project"},
            {"approvalId": pending["approvalId"], "decision": "yes"},
            {"approvalId": pending["approvalId"]},
            {"approvalId": [pending["approvalId"]], "decision": "once"},
        ):
            assert isinstance(await one.execute("codex.approval.respond", given), str)
        assert await one.execute("codex.approval.list") == [pending]
        answer = {"approvalId": pending["approvalId"], "decision": "once"}
        assert await one.execute("codex.approval.respond", answer) == {"ok": True}
        assert await one.ended(task) == "allowed once"


async def test_a_session_covers_exactly_what_was_allowed(tmp_path: Path) -> None:
    async with opened(tmp_path) as (one, uri):
        task = await want(one, uri)
        one.answer(await one.question(), {"title": "Allow for this session"})
        await one.ended(task)
        assert await one.ended(await want(one, uri)) == "allowed session"
        for other in ({"argv": [*MAKE, "x"]}, {"network": True}, {"confinement": "bwrap"}):
            task = await want(one, uri, **other)
            await one.until(one.bench.approvals.pending)
            one.bench.tasks.cancel(task)
            await one.ended(task)


async def test_the_page_shows_all_and_denying_can_say_why(tmp_path: Path) -> None:
    async with opened(tmp_path) as (one, uri):
        script = "make " + "x" * 5000 + " \u202e![](http://evil)"
        task = await want(one, uri, argv=["bash", "-lc", script])
        question = await one.question()
        assert "more characters" in question["params"]["message"]
        one.answer(question, {"title": "Show everything"})
        await one.until(lambda: one.shown)
        (page,) = (tmp_path / "state" / "approvals").glob("*.md")
        assert "make " + "x" * 5000 + " ⟨U+202E⟩![](http://evil)" in page.read_text("utf-8")
        found = await one.actions(uri, 0)  # not the marked line, but the person opened the menu
        await one.run(next(a for a in found if a["title"].endswith("say why…")))
        folder = tmp_path / "state" / "prompts"
        await one.until(lambda: [*folder.glob("*.md")])
        (prompt,) = folder.glob("*.md")
        assert len(await one.execute("codex.approval.list")) == 1
        prompt.write_text(prompt.read_text("utf-8") + "use ninja\nSEND\n", "utf-8")
        assert json.loads(await one.ended(task)) == ["denied", "use ninja"]
