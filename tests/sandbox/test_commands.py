"""What a command is shown, what the model hears of it, and that nothing outlives the turn."""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import pytest

from codex_lsp.agent.commands import Commands
from codex_lsp.agent.consent.actions import (
    Action,
    Allowed,
    Decision,
    Denied,
    RunCommand,
    fingerprint,
)
from codex_lsp.agent.ports import FileChange
from codex_lsp.agent.tools.exec_command import ExecCommand, person_shell
from codex_lsp.agent.tools.tool import Answer
from codex_lsp.agent.tools.write_stdin import WriteStdin
from codex_lsp.sandbox.policy import Mode, Policy
from codex_lsp.sandbox.runner import Runner
from codex_lsp.workspace.snapshot import BufferText, Snapshot
from tests.sandbox.open_texts import FORM


@dataclass
class Bench:
    """The tools over a folder; what was asked, and what was there to take over."""

    root: Path
    runner: Runner
    buffers: dict[Path, BufferText] = field(default_factory=dict)
    asked: list[Action] = field(default_factory=list)
    decision: Decision | None = None
    policy: Policy = field(default_factory=Policy)
    taken: list[FileChange] = field(default_factory=list)
    patches: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.commands = Commands(self.runner, self.permit, self.snapshot, self.take)
        self.exec = ExecCommand(self.commands, self.snapshot, self.patch, shell="/bin/sh")
        self.stdin = WriteStdin(self.commands)

    def snapshot(self) -> Snapshot:
        return Snapshot((self.root,), dict(self.buffers))

    async def permit(self, action: Action) -> Decision:
        self.asked.append(action)
        return self.decision or Allowed(fingerprint(action))

    async def take(self, changes: Sequence[FileChange], _at: Snapshot, _since: int) -> list[str]:
        self.taken += changes
        return []

    async def patch(self, text: str) -> Answer:
        self.patches.append(text)
        return Answer("patched")

    async def run(self, cmd: str, **more: object) -> re.Match[str]:
        answer = await self.exec.run(json.dumps({"cmd": cmd, **more}))
        found = FORM.fullmatch(answer.text)
        assert found, answer.text
        return found

    async def type(self, session: str, chars: str, ms: int = 2_000) -> re.Match[str]:
        given = {"session_id": int(session), "chars": chars, "yield_time_ms": ms}
        answer = await self.stdin.run(json.dumps(given))
        found = FORM.fullmatch(answer.text)
        assert found, answer.text
        return found

    async def until(self, session: str, words: str, text: str) -> str:
        """`text`, and what a command writes after it until `words` are among it."""
        while words not in text:
            text += (await self.type(session, "", 250))["text"]
        return text


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    root = tmp_path / "project"
    root.mkdir()
    runner = Runner(lambda _roots: made.policy, os.environ)
    made = Bench(root.resolve(), runner)
    yield made
    await made.commands.close()
    await runner.aclose()


async def test_a_command_is_confined_and_answers_in_the_form_that_models_know(
    bench: Bench,
) -> None:
    found = await bench.run("echo hello; echo wrong >&2; exit 3")
    assert found["code"] == "3"
    assert found["text"] == "hello\nwrong\n"
    (asked,) = bench.asked
    assert isinstance(asked, RunCommand)
    assert asked.argv == ("/bin/sh", "-c", "echo hello; echo wrong >&2; exit 3")
    assert asked.cwd == bench.root
    assert "no network" in asked.confinement


async def test_what_was_denied_is_not_run(bench: Bench) -> None:
    bench.decision = Denied("use pytest -x")
    answer = await bench.exec.run('{"cmd": "touch made"}')
    assert answer.text == "exec command rejected by user: use pytest -x"
    assert bench.taken == []
    assert not (bench.root / "made").exists()


async def test_what_was_allowed_is_what_runs(bench: Bench) -> None:
    bench.decision = Allowed(fingerprint(RunCommand(("/bin/sh", "-c", "true"), bench.root)))
    answer = await bench.exec.run('{"cmd": "touch made"}')
    assert "something else" in answer.text
    assert not (bench.root / "made").exists()


async def test_a_command_sees_the_unsaved_text_and_the_disk_stays_as_it_is(bench: Bench) -> None:
    (bench.root / "a.txt").write_text("saved\n")
    path = bench.root / "a.txt"
    bench.buffers[path] = BufferText(path, "unsaved\n", 1)
    fresh = bench.root / "new" / "b.txt"
    bench.buffers[fresh] = BufferText(fresh, "never saved\n", 1)
    found = await bench.run("cat a.txt new/b.txt; echo more >>a.txt; rm new/b.txt; pwd")
    assert found["text"] == f"unsaved\nnever saved\n{bench.root}\n"
    assert path.read_text() == "saved\n"
    assert not fresh.exists()
    assert {type(change).__name__: change.path.name for change in bench.taken} == {
        "Wrote": "a.txt",
        "Gone": "b.txt",
    }


async def test_a_long_command_is_polled_typed_into_and_ended(bench: Bench) -> None:
    script = "import sys\nfor line in sys.stdin: print('got', line.strip(), flush=True)"
    (bench.root / "echo.py").write_text(script)
    found = await bench.run(f"exec {sys.executable} echo.py", tty=True, yield_time_ms=250)
    session = found["session"]
    assert session
    text = ""
    for word in ("one", "two"):
        text += (await bench.type(session, f"{word}\n", 1_000))["text"]
    assert "got one" in await bench.until(session, "got two", text)
    ended = await bench.type(session, "\x04", 20_000)
    assert ended["code"] == "0"


@pytest.mark.parametrize("mode", ["workspace-write", "danger-full-access"])
async def test_control_c_reaches_the_program_in_the_terminal(bench: Bench, mode: Mode) -> None:
    bench.policy = Policy(mode)
    script = (
        "import time\ntry: print('ready', flush=True), time.sleep(60)\n"
        "except KeyboardInterrupt: print('interrupted')"
    )
    (bench.root / "wait.py").write_text(script)
    found = await bench.run(f"exec {sys.executable} wait.py", tty=True, yield_time_ms=1_500)
    await bench.until(found["session"], "ready", found["text"])
    ended = await bench.type(found["session"], "\x03", 20_000)
    assert ended["code"] == "0"
    assert "interrupted" in ended["text"]


async def test_the_turns_end_kills_what_still_runs_and_takes_its_changes(bench: Bench) -> None:
    found = await bench.run("echo x >kept; sleep 600 & sleep 600", yield_time_ms=500)
    assert found["session"]
    await bench.commands.close()
    assert [change.path.name for change in bench.taken] == ["kept"]
    answer = await bench.stdin.run(f'{{"session_id": {found["session"]}}}')
    assert answer.text.startswith("write_stdin failed: Unknown process id")


async def test_a_patch_in_a_shell_command_goes_to_the_tool(bench: Bench) -> None:
    patch = "*** Begin Patch\n*** Delete File: a\n*** End Patch"
    given = {"cmd": f"apply_patch <<'EOF'\n{patch}\nEOF\n"}
    assert (await bench.exec.run(json.dumps(given))).text == "patched"
    assert bench.patches == [patch + "\n"]
    given = {"cmd": f"cd src && apply_patch <<'EOF'\n{patch}\nEOF\n"}
    assert "call the tool" in (await bench.exec.run(json.dumps(given))).text
    assert bench.asked == []


@pytest.mark.parametrize("workdir", ["..", "/", "/etc", "missing", "link"])
async def test_a_command_runs_in_the_workspace_alone(bench: Bench, workdir: str) -> None:
    (bench.root / "link").symlink_to("/etc")
    answer = await bench.exec.run(f'{{"cmd": "pwd", "workdir": "{workdir}"}}')
    assert answer.text.startswith("exec_command failed: ")
    assert bench.asked == []


async def test_much_output_is_cut_in_the_middle(bench: Bench) -> None:
    found = await bench.run(
        "i=0; while [ $i -lt 2000 ]; do echo line $i; i=$((i+1)); done", max_output_tokens=100
    )
    assert "tokens truncated" in found["text"]
    assert "line 1999" in found["text"]


@pytest.mark.parametrize(
    "arguments",
    ["", "[]", "{}", '{"cmd": 1}', '{"cmd": "x", "tty": "yes"}', '{"cmd": "x", "workdir": 7}'],
)
async def test_bad_arguments_are_answered_in_words(bench: Bench, arguments: str) -> None:
    answer = await bench.exec.run(arguments)
    assert answer.text.startswith("failed to parse function arguments: ")


def test_a_shell_whose_language_models_do_not_write_is_not_used() -> None:
    assert Path(person_shell({"SHELL": "/usr/bin/fish"})).name in {"bash", "sh"}
    assert person_shell({"SHELL": "/bin/sh"}) == "/bin/sh"


async def test_a_login_shell_is_not_offered_where_the_person_allows_none(bench: Bench) -> None:
    plain = ExecCommand(bench.commands, bench.snapshot, bench.patch, shell="/bin/sh", login=False)
    offered = [
        cast("dict[str, object]", one.spec.parameters["properties"]) for one in (bench.exec, plain)
    ]
    assert ["login" in properties for properties in offered] == [True, False]
    answer = await plain.run('{"cmd": "touch made", "login": true}')
    assert "no login shell" in answer.text
    assert bench.asked == []


async def test_a_command_is_waited_for_no_longer_than_the_person_says(bench: Bench) -> None:
    found = await bench.run("sleep 600", yield_time_ms=250)
    hasty = WriteStdin(bench.commands, longest_wait=0.1)
    async with asyncio.timeout(60):
        given = {"session_id": int(found["session"]), "yield_time_ms": 300_000}
        assert "Process running" in (await hasty.run(json.dumps(given))).text


async def test_cancelling_a_wait_leaves_no_process_behind(bench: Bench) -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.5):
            await bench.exec.run('{"cmd": "sleep 600"}')
    (running,) = bench.runner._live
    await bench.commands.close()
    assert running.exit_code is not None
