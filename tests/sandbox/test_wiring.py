"""The command tools as a turn gets them, and what is left of commands when the turn is over."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from codex_lsp.agent.commands import Running
from codex_lsp.agent.prompt import Problem
from codex_lsp.agent.toolbox import Toolbox, for_jobs
from codex_lsp.agent.truncation import Limit
from codex_lsp.agent.workplace import Workplace
from codex_lsp.cli.runner import LateRunner, policy
from codex_lsp.config.codex_toml import CodexToml, ShellEnvironment, WorkspaceWrite
from tests.doubles.scripted_model import ScriptedModel
from tests.sandbox.open_texts import OpenTexts


@pytest.fixture
async def window(tmp_path: Path) -> AsyncIterator[tuple[OpenTexts, Workplace]]:
    root = (tmp_path / "project").resolve()
    root.mkdir()
    window = OpenTexts(root)
    runner = LateRunner(lambda _folder: CodexToml(sandbox_mode="workspace-write"))
    at = Workplace(
        ScriptedModel([]),
        window,
        window.snapshot,
        "conversation",
        permit=window.permit,
        running=Running(runner, "/bin/sh", tmp_path / "checkpoints"),
    )
    yield window, at
    await runner.aclose()


async def call(box: Toolbox, name: str, **arguments: object) -> str:
    tool = next(tool for tool in box.tools if tool.spec.name == name)
    return (await tool.run(json.dumps(arguments))).text


async def test_a_job_runs_commands_and_ends_what_still_runs(
    window: tuple[OpenTexts, Workplace],
) -> None:
    opened, at = window
    async with for_jobs(at, opened.said.append, label="Codex", near=None) as box:
        said = await call(box, "exec_command", cmd="echo x >a.txt; sleep 600", yield_time_ms=300)
        assert "Process running with session ID 1000" in said
    assert (opened.root / "a.txt").read_text() == "x\n"
    assert box.changed == {"a.txt": "x\n"}


async def test_a_job_that_breaks_off_keeps_nothing_of_what_still_ran(
    window: tuple[OpenTexts, Workplace],
) -> None:
    opened, at = window

    async def broken_off() -> None:
        async with for_jobs(at, opened.said.append, label="Codex", near=None) as box:
            await call(box, "exec_command", cmd="echo x >a.txt; sleep 600", yield_time_ms=300)
            raise TimeoutError

    with pytest.raises(TimeoutError):
        await broken_off()
    assert not (opened.root / "a.txt").exists()


async def test_nothing_is_run_where_nobody_can_be_asked(
    window: tuple[OpenTexts, Workplace],
) -> None:
    opened, at = window
    at = replace(at, permit=None)
    async with for_jobs(at, opened.said.append, label="Codex", near=None) as box:
        assert "exec_command" not in {tool.spec.name for tool in box.tools}


def test_a_project_that_is_not_trusted_is_only_read(tmp_path: Path) -> None:
    assert policy(CodexToml()).mode == "read-only"
    assert policy(CodexToml(project=True)).mode == "workspace-write"
    assert policy(CodexToml(sandbox_mode="danger-full-access")).mode == "danger-full-access"
    config = CodexToml(
        sandbox_workspace_write=WorkspaceWrite((tmp_path,), network_access=True),
        shell_environment_policy=ShellEnvironment("core", exclude=("X*",), set={"A": "b"}),
    )
    made = policy(config)
    assert (made.writable_roots, made.network) == ((tmp_path.resolve(),), True)
    assert (made.environment.inherit, made.environment.exclude) == ("core", ("X*",))
    assert made.environment.chosen == {"A": "b"}


async def test_a_folder_that_is_only_read_shows_the_unsaved_text_all_the_same(
    window: tuple[OpenTexts, Workplace],
) -> None:
    opened, at = window
    path = opened.root / "a.txt"
    path.write_text("saved\n")
    opened.texts[path] = "unsaved\n"
    runner = LateRunner(lambda _folder: CodexToml())
    assert at.running
    at = replace(at, running=replace(at.running, runner=runner))
    async with for_jobs(at, opened.said.append, label="Codex", near=None) as box:
        cmd = "cat a.txt; echo x >a.txt || echo held; echo y >/tmp/y && cat /tmp/y"
        said = await call(box, "exec_command", cmd=cmd)
        again = await call(box, "exec_command", cmd="cat /tmp/y")
    await runner.aclose()
    assert "unsaved\n" in said
    assert "held\ny" in said
    assert again.endswith("y\n")
    assert path.read_text() == "saved\n"


async def test_the_limit_of_the_settings_holds_for_every_tool(
    window: tuple[OpenTexts, Workplace],
) -> None:
    opened, at = window
    for number in range(100):
        (opened.root / f"file{number}").write_text("hit " * 20 + "\n")
    (opened.root / "long").write_text("a line\n" * 400)
    problems = tuple(Problem(f"problem {number}", number) for number in range(100))
    at = replace(at, limit=Limit(50), reported=lambda _path: problems)
    calls: dict[str, dict[str, object]] = {
        "exec_command": {"cmd": "cat long"},
        "list_files": {},
        "search_files": {"pattern": "hit"},
        "diagnostics": {"path": "long"},
        "read_file": {"path": "long"},
    }
    async with for_jobs(at, opened.said.append, label="Codex", near=None) as box:
        for name, arguments in calls.items():
            assert len(await call(box, name, **arguments)) < 600, name
