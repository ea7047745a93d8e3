"""What a command may use has an end: processes, sizes of files, core dumps, and time unwatched."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from codex_lsp.agent.commands import Commands
from codex_lsp.agent.tools.exec_command import ExecCommand
from codex_lsp.agent.tools.tool import Answer
from codex_lsp.agent.tools.write_stdin import WriteStdin
from codex_lsp.sandbox import bubblewrap
from codex_lsp.sandbox.policy import Limits, Policy
from codex_lsp.sandbox.process import limited
from codex_lsp.sandbox.runner import Runner
from tests.sandbox import backing
from tests.sandbox.open_texts import FORM, OpenTexts

FEW = Limits(processes=30, file_bytes=1 << 20)
NOBODY = 65534


@pytest.fixture
def window(tmp_path: Path) -> OpenTexts:
    root = (tmp_path / "project").resolve()
    root.mkdir()
    return OpenTexts(root)


@pytest.fixture(params=["overlay", "landlock"])
async def runner(request: pytest.FixtureRequest) -> AsyncIterator[Runner]:
    made = Runner(lambda _roots: Policy(limits=FEW), os.environ, backing.only(request.param))
    yield made
    await made.aclose()


async def test_limits_hold_behind_each_backend(window: OpenTexts, runner: Runner) -> None:
    commands = Commands(runner, window.permit, window.snapshot, window.take_over())
    tool = ExecCommand(commands, window.snapshot, tool_of_nobody, shell="/bin/bash")
    cmd = "ulimit -c; ulimit -f; ulimit -u; head -c 3000000 /dev/zero >big; wc -c <big; rm big"
    found = FORM.fullmatch((await tool.run(json.dumps({"cmd": cmd}))).text)
    await commands.close()
    assert found
    core, blocks, processes, *_, size = found["text"].split()
    assert (core, blocks) == ("0", "1024")  # bash counts in blocks of 1024 bytes
    assert processes in ("30", "120")
    assert size == str(1 << 20)


async def tool_of_nobody(_patch: str) -> Answer:
    raise AssertionError


def test_a_fork_bomb_ends() -> None:
    """Each process makes two more, until there would be 256 (for the day that no limit holds). Root
    has no such limit, so it is not run as root.
    """
    program = bubblewrap.candidates(None, [])[-1]
    bomb = "b() { [ $1 -eq 0 ] || { b $(($1 - 1)) & b $(($1 - 1)) & wait; }; sleep 0.5; }; b 7"
    line = [str(program), "--unshare-user", "--unshare-pid", "--die-with-parent"]
    line += ["--ro-bind", "/", "/", "--proc", "/proc", "--dev", "/dev"]
    line += limited(["/bin/sh", "-c", bomb], FEW)
    if os.getuid() == 0:
        drop = shutil.which("setpriv")
        if drop is None or not os.access(program, os.X_OK):
            pytest.skip("nothing here runs a program as somebody else")
        line = [drop, f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", *line]
    ended = subprocess.run(line, capture_output=True, text=True, check=False, timeout=60)
    assert "fork" in ended.stderr


async def test_a_command_that_nobody_looks_at_is_ended(window: OpenTexts) -> None:
    runner = Runner(lambda _roots: Policy(), os.environ, backing.only("overlay"))
    commands = Commands(runner, window.permit, window.snapshot, window.take_over(), idle=0.3)
    tool = ExecCommand(commands, window.snapshot, tool_of_nobody, shell="/bin/sh")
    stdin = WriteStdin(commands)
    given = {"cmd": "echo x >kept; sleep 600", "yield_time_ms": 1_000}
    found = FORM.fullmatch((await tool.run(json.dumps(given))).text)
    assert found
    assert found["session"], "while it is waited for, it is not ended"
    (running,) = runner._live
    async with asyncio.timeout(60):
        await asyncio.shield(running._child._ended)
    said = (await stdin.run(json.dumps({"session_id": int(found["session"])}))).text
    assert "exited with code 143" in said
    assert "It ran on unwatched for 0.3 seconds and was ended." in said
    assert (window.root / "kept").read_text() == "x\n"
    await runner.aclose()
