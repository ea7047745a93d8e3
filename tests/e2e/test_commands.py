"""Each command through a real server process: what it asks the model, and what the person gets."""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from pygls.exceptions import JsonRpcException

from tests.doubles.editor import Mood
from tests.doubles.editor_client import EditorClient, editing
from tests.doubles.editor_profiles import profile
from tests.doubles.model_script import Gate, Patch, Refusal, Step, Text, Turn, says
from tests.doubles.model_service import ModelService
from tests.e2e.tools import REPO

SOURCE = """\
def twice(n):
    # TODO: return twice n
    return n


def thrice(n):
    return n * 2
"""


def read(path: Path) -> str:
    return path.read_text("utf-8")


def append(path: Path, text: str) -> None:
    with path.open("a") as file:
        file.write(text)


def exists(path: Path) -> bool:
    return path.exists()


def patch(old: str, new: str, name: str = "code.py") -> Turn:
    change = f"*** Begin Patch\n*** Update File: {name}\n@@\n-{old}\n+{new}\n*** End Patch"
    return Turn((Patch(change),))


class Session:
    def __init__(self, client: EditorClient, service: ModelService, state: Path) -> None:
        self.client = client
        self.editor = client.editor
        self.service = service
        self.state = state
        self.path = self.editor.workspace / "code.py"
        self.path.write_text(SOURCE)
        self.document = self.editor.open(self.path)

    async def command(self, name: str, **arguments: Any) -> dict[str, Any]:
        """Run a command about the open file; returns the last progress of its task."""
        given = {"path": "code.py", **arguments}
        token = (await self.client.execute(name, given))["taskId"]
        await self.ended(token)
        return self.editor.progress[token][-1]

    async def ended(self, token: str) -> None:
        def over() -> bool:
            return (self.editor.progress.get(token) or [{}])[-1].get("kind") == "end"

        await self.client.until(over, f"the end of {token}")

    def span(self, start: int, end: int) -> dict[str, Any]:
        position = self.document.position
        return {"start": position(start), "end": position(end)}

    def asked(self, number: int = 0) -> str:
        """What the model was asked, as text."""
        items = self.service.requests[number].body["input"]
        return "\n".join(part["text"] for item in items for part in item.get("content", []))


@asynccontextmanager
async def session(
    folder: Path,
    script: Sequence[Step] | Callable[[dict[str, Any]], Step],
    name: str = "helix-25.07",
    *,
    trusted: bool = False,
    **traits: Any,
) -> AsyncIterator[Session]:
    home, work = folder / "home", folder / "work"
    home.mkdir()
    work.mkdir()
    async with ModelService(script) as service:
        (home / "config.toml").write_text(
            'model = "m"\nmodel_provider = "double"\nmodel_reasoning_effort = "low"\n'
            f'[model_providers.double]\nname = "double"\nbase_url = "{service.base_url}"\n'
            + (f'[projects."{work.resolve()}"]\ntrust_level = "trusted"\n' if trusted else "")
        )
        env = os.environ | {
            "CODEX_HOME": str(home),
            "XDG_STATE_HOME": str(folder / "state"),
            "PYTHONPATH": str(REPO),
        }
        command = [sys.executable, "-m", "codex_lsp", "serve"]
        async with editing(name, work, command, env, **traits) as client:
            yield Session(client, service, folder / "state" / "codex-lsp")


@pytest.mark.parametrize(
    ("command", "arguments", "old", "new", "told"),
    [
        ("codex.implementTodo", {"line": 2}, "    return n", "    return 2 * n", "TODO"),
        ("codex.edit", {"line": 7, "preset": "types"}, "def thrice(n):",
         "def thrice(n: int) -> int:", "type annotations"),
        ("codex.edit", {"line": "6", "endLine": "7", "prompt": "multiply by three"},
         "    return n * 2", "    return n * 3", "Change lines 6 to 7: multiply by three"),
        ("codex.document", {"line": 6}, "def thrice(n):", 'def thrice(n):\n+    """n by 3."""',
         "documentation"),
    ],
)  # fmt: skip
async def test_commands_that_change_code(
    tmp_path: Path, command: str, arguments: dict[str, Any], old: str, new: str, told: str
) -> None:
    async with session(tmp_path, [patch(old, new)]) as s:
        end = await s.command(command, **arguments)
        assert new.replace("\n+", "\n") in s.document.text
        assert end["message"] == "Changed code.py."
        assert told in s.asked()
        assert s.service.requests[0].body["reasoning"]["effort"] == "low"


WRITTEN_CALL = '{"name": "apply_patch", "arguments": {"input": "def thrice(n): return n * 3"}}'
FUNCTION = "Fixed:\n```python\ndef thrice(n):\n    return n * 3\n```\nI hope this helps."


async def test_a_model_that_writes_its_call_down_is_asked_for_the_function_alone(
    tmp_path: Path,
) -> None:
    async with session(tmp_path, [says(WRITTEN_CALL), says(FUNCTION)]) as s:
        asked: list[str] = []

        def agree(message: str, titles: Sequence[str]) -> str:
            asked.append(message)
            return titles[0]

        s.editor.choose = agree
        end = await s.command("codex.fix", line=7)
        assert end["message"] == "Changed code.py."
        assert s.document.text == SOURCE.replace("n * 2", "n * 3")
        (question,) = asked
        assert "-    return n * 2\n+    return n * 3\n" in question
        assert not s.service.requests[1].body.get("tools")


async def test_a_model_that_has_something_to_say_is_not_asked_twice(tmp_path: Path) -> None:
    async with session(tmp_path, [says(f"There is nothing to mend:\n{FUNCTION}")]) as s:
        end = await s.command("codex.fix", line=7)
        assert end["message"] == "Nothing was changed."
        assert s.document.text == SOURCE
        assert len(s.service.requests) == 1


async def test_fix_all_sends_the_whole_file_and_every_problem(tmp_path: Path) -> None:
    async with session(tmp_path, [patch("    return n * 2", "    return n * 3")]) as s:
        problems = [
            {"range": s.span(0, 3), "message": "first problem"},
            {"range": s.span(40, 45), "message": "second problem"},
        ]
        uri = s.document.uri
        s.editor.send("codex/didChangeDiagnostics", {"uri": uri, "diagnostics": problems})
        await s.command("codex.fixAll")
        asked = s.asked()
        assert "first problem" in asked
        assert "second problem" in asked
        assert "the whole file" in asked


async def test_fix_all_without_known_problems_says_what_to_do(tmp_path: Path) -> None:
    async with session(tmp_path, []) as s:
        with pytest.raises(JsonRpcException, match="pass its diagnostics along"):
            await s.client.execute("codex.fixAll", {"path": "code.py"})


async def test_tests_may_go_into_a_new_file_which_is_written_to_disk(tmp_path: Path) -> None:
    added = "*** Begin Patch\n*** Add File: tests/test_code.py\n+def test(): pass\n*** End Patch"
    async with session(tmp_path, [Turn((Patch(added),))]) as s:
        await s.command("codex.tests", line=1)
        assert (s.editor.workspace / "tests/test_code.py").read_text() == "def test(): pass\n"
        assert s.document.text == SOURCE


async def test_an_answer_streams_into_a_page_that_the_editor_shows(tmp_path: Path) -> None:
    answer = Turn((Text("It doubles "), Gate("half"), Text("n.")))
    async with session(tmp_path, [answer]) as s:
        token = (await s.client.execute("codex.explain", {"path": "code.py", "line": 7}))["taskId"]
        await s.client.until(lambda: s.editor.shown, "the page")
        await s.service.reached("half")
        page = next(text for text in s.editor.documents.values() if text.path.suffix == ".md")
        await s.client.until(lambda: "It doubles" in page.text, "the first half")
        await s.service.release("half")
        await s.ended(token)
        await s.client.until(lambda: page.text.endswith("It doubles n."), "the whole answer")
        assert page.path.stat().st_mode & 0o777 == 0o600
        assert page.text.startswith("# code.py, line 7")
        assert s.document.text == SOURCE


async def test_a_question_can_be_written_on_a_page_and_is_sent_on_a_word(tmp_path: Path) -> None:
    async with session(tmp_path, [says("Because.")]) as s:
        token = (await s.client.execute("codex.ask", {"path": "code.py", "line": 1}))["taskId"]
        await s.client.until(lambda: s.editor.shown, "the page to write on")
        page = next(text for text in s.editor.documents.values() if text.path.suffix == ".md")
        assert not s.service.requests
        s.editor.type(page, len(page.text), "Why does it not double?\nSEND\n")
        s.editor.save(page)
        await s.ended(token)
        assert "Why does it not double?" in s.asked()
        assert not page.path.exists()


async def test_an_editor_that_shows_no_pages_is_told_where_it_is(tmp_path: Path) -> None:
    async with session(tmp_path, [says("Because.")], name="vim-9.2-yegappan") as s:
        await s.command("codex.ask", line=1, prompt="why?")
        [told] = [m["message"] for m in s.editor.messages if "Codex wrote" in m["message"]]
        page = Path(told.removeprefix("Codex wrote "))
        assert read(page).endswith("Because.")


async def test_a_question_can_be_written_where_the_editor_shows_no_pages(tmp_path: Path) -> None:
    async with session(tmp_path, [says("Because.")], name="vim-9.2-yegappan") as s:
        token = (await s.client.execute("codex.ask", {"path": "code.py", "line": 1}))["taskId"]

        def told() -> str:
            return next((m["message"] for m in s.editor.messages if "save it" in m["message"]), "")

        await s.client.until(told, "where to write")
        page = Path(told().removeprefix("Open ").partition(", write")[0])
        append(page, "Why not?\nSEND\n")
        await s.ended(token)
        assert "Why not?" in s.asked()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["x"], "Give one JSON object"),
        ([{"path": "no.py"}], "open it in the editor first"),
        ([{"path": "code.py", "preset": "wild"}], '"preset" has to be one of'),
        ([{"path": "code.py", "line": 0, "preset": "types"}], "counted from 1"),
    ],
)
async def test_bad_arguments_are_refused_with_what_to_do(
    tmp_path: Path, arguments: list[Any], told: str
) -> None:
    async with session(tmp_path, []) as s:
        with pytest.raises(JsonRpcException, match=told):
            await s.client.execute("codex.edit", *arguments)


async def test_commands_of_other_servers_are_answered_with_null(tmp_path: Path) -> None:
    async with session(tmp_path, []) as s:
        assert await s.client.execute("pylsp.rename", {"x": 1}) is None


@pytest.mark.parametrize("way", ["command", "menu", "progress"])
async def test_a_running_task_can_be_cancelled_and_nothing_lands_after(
    tmp_path: Path, way: str
) -> None:
    held = Turn((Gate("hold"), *patch("    return n * 2", "    return n * 3").parts))
    async with session(tmp_path, [held]) as s:
        token = (await s.client.execute("codex.fix", {"path": "code.py", "line": 7}))["taskId"]
        await s.service.reached("hold")
        [task] = await s.client.execute("codex.task.list")
        assert (task["taskId"], task["state"]) == (token, "running")
        if way == "command":
            assert await s.client.execute("codex.task.cancel", {"taskId": token}) == {"ok": True}
        elif way == "menu":
            actions = await s.client.code_actions(s.document, 0)
            [stop] = [action for action in actions if action.title == "Codex: stop"]
            assert await s.client.run(stop) == {"ok": True}
        else:
            s.editor.send("window/workDoneProgress/cancel", {"token": token})
        await s.ended(token)
        await s.service.until(lambda: s.service.hangups == 1)
        [task] = await s.client.execute("codex.task.list")
        assert task["state"] == "cancelled"
        assert s.document.text == SOURCE
        assert not s.editor.edits


async def test_a_turn_is_undone_later_under_what_was_typed_since_and_redone(
    tmp_path: Path,
) -> None:
    change = (
        "*** Begin Patch\n*** Update File: code.py\n@@\n-    return n * 2\n+    return n * 3\n"
        "*** Add File: new.py\n+x = 1\n*** End Patch"
    )
    async with session(tmp_path, [Turn((Patch(change),))]) as s:
        await s.command("codex.fix", line=7)
        new = s.editor.workspace / "new.py"
        changed = SOURCE.replace("n * 2", "n * 3")
        assert (s.document.text, read(new)) == (changed, "x = 1\n")
        s.editor.type(s.document, 0, "# mine\n")
        titles = [action.title for action in await s.client.code_actions(s.document, 3)]
        assert "Codex: undo the last turn" in titles
        end = await s.command("codex.turn.undo")
        assert end["message"] == "Undone in new.py, code.py."
        assert s.document.text == "# mine\n" + SOURCE
        assert not exists(new)
        await s.command("codex.turn.redo")
        assert (s.document.text, read(new)) == ("# mine\n" + changed, "x = 1\n")


async def test_what_was_typed_over_is_not_undone_and_is_named(tmp_path: Path) -> None:
    async with session(tmp_path, [patch("    return n * 2", "    return n * 3")]) as s:
        await s.command("codex.fix", line=7)
        at = s.document.text.index("n * 3")
        s.editor.type(s.document, at, "n * 3 + 0", erase=5)
        mine = s.document.text
        end = await s.command("codex.turn.undo")
        assert "code.py stays as it is" in end["message"]
        assert s.document.text == mine


async def test_nothing_to_undo_is_said_so(tmp_path: Path) -> None:
    async with session(tmp_path, []) as s:
        with pytest.raises(JsonRpcException, match="no turn to undo"):
            await s.client.execute("codex.turn.undo")


async def test_secrets_are_not_sent(tmp_path: Path) -> None:
    async with session(tmp_path, []) as s:
        s.editor.open(s.editor.workspace / ".env", "KEY=canary\n")
        end = await s.command("codex.explain", path=".env", line=1)
        assert "may hold secrets" in end["message"]
        assert not s.service.requests


@pytest.mark.parametrize("chosen", ["Allow once", "Deny"])
async def test_what_configures_tools_is_changed_only_with_the_person_s_word(
    tmp_path: Path, chosen: str
) -> None:
    name = ".github/workflows/ci.yml"
    allowed = chosen == "Allow once"
    wanted = patch("on: push", "on: pull_request", name)
    async with session(tmp_path, [wanted] if allowed else [wanted, says("Then not.")]) as s:
        path = s.editor.workspace / name
        path.parent.mkdir(parents=True)
        document = s.editor.open(path, "on: push\n")
        asked: list[str] = []

        def choose(message: str, titles: Sequence[str]) -> str | None:
            asked.append(message)
            return chosen

        s.editor.choose = choose
        await s.command("codex.fix", path=name, line=1)
        assert "ci.yml" in asked[0]
        assert document.text == ("on: pull_request\n" if allowed else "on: push\n")


async def test_a_failure_of_the_service_ends_the_progress_and_is_told(tmp_path: Path) -> None:
    refusal = Refusal(400, {"error": {"message": "no such model", "type": "invalid_request_error"}})
    async with session(tmp_path, [refusal]) as s:
        end = await s.command("codex.fix", line=7)
        assert "no such model" in end["message"]
        assert [m for m in s.editor.messages if "no such model" in m["message"]]
        assert s.document.text == SOURCE


async def test_a_refused_edit_goes_back_to_the_model_as_a_reason(tmp_path: Path) -> None:
    script = [patch("    return n * 2", "    return n * 3"), says("Then not.")]
    async with session(tmp_path, script) as s:
        s.editor.mood = Mood.REFUSES
        end = await s.command("codex.fix", line=7)
        output = s.service.requests[1].body["input"][-1]["output"]
        assert "was not changed" in output
        assert "refused" in output
        assert end["message"] == "Nothing was changed."
        assert s.document.text == SOURCE


async def test_settings_of_the_editor_are_used_and_bad_ones_told(tmp_path: Path) -> None:
    settings = {"codex": {"model": "better", "effort": "high", "context": {"maxBytes": "big"}}}
    async with session(tmp_path, [patch("    return n * 2", "    return n * 3")]) as s:
        s.editor.send("workspace/didChangeConfiguration", {"settings": settings})
        await s.client.until(
            lambda: [m for m in s.editor.messages if "context.maxBytes" in m["message"]],
            "the word about the bad setting",
        )
        await s.command("codex.fix", line=7)
        body = s.service.requests[0].body
        assert (body["model"], body["reasoning"]["effort"]) == ("better", "high")


async def test_what_later_settings_do_not_say_stays_as_initialization_said(tmp_path: Path) -> None:
    given = profile("helix-25.07").initialize | {"initializationOptions": {"model": "better"}}
    async with session(
        tmp_path, [patch("    return n * 2", "    return n * 3")], initialize=given
    ) as s:
        s.editor.settings = {"codex": {"no-such-setting": 1}}
        s.editor.send("workspace/didChangeConfiguration", {"settings": {}})
        await s.client.until(
            lambda: [m for m in s.editor.messages if "no-such-setting" in m["message"]],
            "the settings that were asked for",
        )
        await s.command("codex.fix", line=7)
        assert s.service.requests[0].body["model"] == "better"


async def test_a_file_in_a_second_folder_is_named_from_there(tmp_path: Path) -> None:
    script = [patch("x = 1", "x = 2", name="lib/b.py")]
    async with session(tmp_path, script) as s:
        other = tmp_path / "other"
        (other / "lib").mkdir(parents=True)
        (other / "lib" / "b.py").write_text("x = 1\n")
        added = {"added": [{"uri": other.as_uri(), "name": "other"}], "removed": []}
        s.editor.send("workspace/didChangeWorkspaceFolders", {"event": added})
        document = s.editor.open(other / "lib" / "b.py")
        await s.command("codex.fix", path=str(other / "lib" / "b.py"), line=1)
        assert "File: lib/b.py" in s.asked()
        assert document.text == "x = 2\n"


@pytest.mark.parametrize("ending", ["\r\n", "\n"])
@pytest.mark.parametrize("bom", ["\ufeff", ""])
async def test_line_ends_byte_order_mark_and_missing_newline_survive(
    tmp_path: Path, ending: str, bom: str
) -> None:
    text = f"{bom}a = 1{ending}b = 2{ending}c = 3"
    async with session(tmp_path, [patch("b = 2", "b = 9\n+b2 = 9", name="d.py")]) as s:
        document = s.editor.open(s.editor.workspace / "d.py", text)
        await s.command("codex.fix", path="d.py", line=2)
        assert document.text == f"{bom}a = 1{ending}b = 9{ending}b2 = 9{ending}c = 3"


async def test_actions_carry_the_tag_only_where_the_client_declares_it(tmp_path: Path) -> None:
    async with session(tmp_path, [], name="vscode-1.139.1-languageclient-11") as s:
        actions = await s.client.code_actions(s.document, 5)
        assert all(action.tags for action in actions)
    (tmp_path / "second").mkdir()
    async with session(tmp_path / "second", [], name="helix-25.07") as s:
        actions = await s.client.code_actions(s.document, 5)
        assert not any(action.tags for action in actions)
