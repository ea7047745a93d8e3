"""The person's side of approvals: a message and code actions, whichever is answered first."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from codex_lsp.workspace import trust
from tests.doubles.window import Window, configured, window
from tests.lsp.wanting import COMMANDS

MAKE = ["bash", "-lc", "make all"]


@asynccontextmanager
async def opened(
    folder: Path, level: trust.TrustLevel | None = "untrusted"
) -> AsyncIterator[tuple[Window, str]]:
    work = folder / "work"
    work.mkdir()
    file = work / "a.py"
    file.write_text("x = 1\ny = 2\n")
    home = folder / "codex"
    home.mkdir()
    if level is not None:
        trust.note(home / "config.toml", work, level)
    adapters = configured(folder)
    async with window(work, adapters, COMMANDS) as one:
        yield one, one.open(file, "x = 1\ny = 2\n")


@asynccontextmanager
async def reopened(folder: Path) -> AsyncIterator[tuple[Window, str]]:
    """Another window on what `opened` made."""
    adapters = configured(folder)
    async with window(folder / "work", adapters, COMMANDS) as one:
        yield one, one.open(folder / "work" / "a.py", "x = 1\ny = 2\n")


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
        assert mark["source"] == "Codex"
        assert mark["message"] == text.replace("Codex: test", 'The task "test"', 1)
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
            "show", "deny", "allow once", "allow for this session", "allow for this project",
            "deny and say why…",
        ]  # fmt: skip
        assert all(len(action["title"]) <= 60 for action in found)
        await one.run(found[2])
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
        assert pending["decisions"] == ["deny", "once", "session", "project"]
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
        assert pending["decisions"] == ["deny", "once"]
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


async def test_an_undecided_folder_is_asked_about_once_and_what_is_said_is_noted(
    tmp_path: Path,
) -> None:
    async with opened(tmp_path, None) as (one, uri):
        task = await want(one, uri, confinement="bubblewrap")
        question = await one.question()
        titles = [action["title"] for action in question["params"]["actions"]]
        assert titles == ["Show everything", "Do not trust it", "Trust this folder"]
        one.answer(question, {"title": "Trust this folder"})
        assert "Call it once more" in await one.ended(task)
        config = (tmp_path / "codex" / "config.toml").read_text("utf-8")
        assert config == f'[projects."{tmp_path / "work"}"]\ntrust_level = "trusted"\n'
        # From now on commands run in the sandbox unasked; without it each one asks.
        assert await one.ended(await want(one, uri, confinement="bubblewrap")) == "allowed once"
        task = await want(one, uri)
        await one.until(one.bench.approvals.pending)
        one.bench.tasks.cancel(task)
        await one.ended(task)


async def test_a_folder_that_is_not_trusted_is_noted_as_such(tmp_path: Path) -> None:
    async with opened(tmp_path, None) as (one, uri):
        task = await want(one, uri, confinement="bubblewrap")
        one.answer(await one.question(), {"title": "Do not trust it"})
        await one.until(lambda: len(one.asked) == 2)
        one.answer(one.asked[1], {"title": "Allow once"})
        assert await one.ended(task) == "allowed once"
        assert 'trust_level = "untrusted"' in (tmp_path / "codex" / "config.toml").read_text()
        task = await want(one, uri, confinement="bubblewrap")
        await one.until(lambda: len(one.asked) == 3)
        assert "make all" in one.asked[2]["params"]["message"]
        one.answer(one.asked[2], {"title": "Deny"})
        await one.ended(task)


async def test_what_only_reads_needs_no_question(tmp_path: Path) -> None:
    async with opened(tmp_path, None) as (one, uri):
        script = ["bash", "-lc", "ls -l && cat a.py | wc -l"]
        task = await want(one, uri, argv=script, confinement="bubblewrap")
        assert await one.ended(task) == "allowed once"
        assert one.asked == []


async def test_a_project_remembers_exactly_what_was_allowed(tmp_path: Path) -> None:
    async with opened(tmp_path) as (one, uri):
        task = await want(one, uri)
        one.answer(await one.question(), {"title": "Allow for this project"})
        assert await one.ended(task) == "allowed project"
        await one.ended((await one.execute("codex.rules.open"))["taskId"])
    file = tmp_path / "codex" / "codex-lsp" / "allowed.toml"
    assert one.shown == [file.as_uri()]
    assert 'argv = ["bash", "-lc", "make all"]' in file.read_text("utf-8")
    async with reopened(tmp_path) as (one, uri):
        assert await one.ended(await want(one, uri)) == "allowed once"
        for other in ({"argv": [*MAKE, "x"]}, {"network": True}, {"confinement": "bwrap"}):
            task = await want(one, uri, **other)
            await one.until(one.bench.approvals.pending)
            one.bench.tasks.cancel(task)
            await one.ended(task)


async def test_trust_is_said_by_command(tmp_path: Path) -> None:
    async with opened(tmp_path, None) as (one, _):
        task = (await one.execute("codex.trust", {"level": "untrusted"}))["taskId"]
        assert (await one.ended(task)).endswith("is not trusted.")
        task = (await one.execute("codex.trust"))["taskId"]
        one.answer(await one.question(), {"title": "Trust this folder"})
        assert (await one.ended(task)).endswith("is trusted.")
        config = (tmp_path / "codex" / "config.toml").read_text("utf-8")
        assert config.count("trust_level") == 1
        assert '"trusted"' in config
        assert "has to be" in await one.execute("codex.trust", {"level": "yes"})


async def test_a_mistake_in_config_toml_is_told_and_nothing_is_trusted(tmp_path: Path) -> None:
    async with opened(tmp_path, None) as (one, _):
        (tmp_path / "codex" / "config.toml").write_text("[broken")
        task = (await one.execute("codex.trust", {"level": "trusted"}))["taskId"]
        assert "has a mistake" in await one.ended(task)
        assert (tmp_path / "codex" / "config.toml").read_text() == "[broken"
