"""Programs that the person's PATH leads to among temporary files: there, to be read only."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from codex_lsp.sandbox.policy import Policy
from codex_lsp.sandbox.runner import Runner
from tests.sandbox import backing
from tests.sandbox.open_texts import FORM, OpenTexts, Tools


@pytest.fixture
def shared() -> Iterator[Path]:
    """A folder in the `/tmp` of everybody."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        yield Path(folder).resolve()


def put_program(folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / "greet").write_text(f"#!/bin/sh\ncat {folder.parent}/lib/words\n")
    (folder / "greet").chmod(0o755)
    (folder.parent / "lib").mkdir()
    (folder.parent / "lib" / "words").write_text("good morning\n")


async def said(shared: Path, path: list[Path], cmd: str, policy: Policy) -> str:
    root = shared / "project"
    root.mkdir(exist_ok=True)
    env = os.environ | {"PATH": os.pathsep.join([*map(str, path), os.environ["PATH"]])}
    runner = Runner(lambda _roots: policy, env, backing.only("overlay"))
    tools = Tools(OpenTexts(root), runner)
    answer = await tools.exec.run(json.dumps({"cmd": cmd, "yield_time_ms": 30_000}))
    await tools.commands.close()
    await runner.aclose()
    found = FORM.fullmatch(answer.text)
    assert found, answer.text
    return found["text"]


@pytest.mark.parametrize("closed", [False, True])
async def test_an_environment_of_python_is_there_whole_and_stays_as_it_is(
    shared: Path, *, closed: bool
) -> None:
    env = shared / "env"
    put_program(env / "bin")
    (env / "pyvenv.cfg").touch()
    policy = Policy(exclude_slash_tmp=closed)
    cmd = f"greet; echo x >>{env}/lib/words || echo held; ls {shared}; echo x >made"
    words = await said(shared, [env / "bin"], f"{cmd}; echo x >/tmp/x || echo closed", policy)
    assert words.startswith("good morning\n")
    assert "held\nenv\nproject\n" in words
    assert words.endswith("closed\n") is closed
    assert (env / "lib" / "words").read_text() == "good morning\n"


async def test_of_other_programs_only_their_folder_is_there(shared: Path) -> None:
    put_program(shared / "other" / "bin")
    cmd = f"command -v greet; ls {shared} {shared}/other; greet || echo no words"
    words = await said(shared, [shared / "other" / "bin", Path("/tmp")], cmd, Policy())
    assert words.startswith(f"{shared}/other/bin/greet\n")
    assert f"{shared}/other:\nbin\n" in words
    assert words.endswith("no words\n")


async def test_an_environment_in_the_project_can_be_changed_by_a_command(shared: Path) -> None:
    env = shared / "project" / ".venv"
    put_program(env / "bin")
    (env / "pyvenv.cfg").touch()
    cmd = f"greet; echo good night >{env}/lib/words; greet"
    assert await said(shared, [env / "bin"], cmd, Policy()) == "good morning\ngood night\n"


async def test_what_is_hidden_stays_so(shared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = shared / "home"
    put_program(home / ".ssh" / "bin")
    (home / ".ssh" / "pyvenv.cfg").touch()
    monkeypatch.setenv("HOME", str(home))
    words = await said(shared, [home / ".ssh" / "bin"], f"ls {home}/.ssh; echo end", Policy())
    assert words.endswith("end\n")
    assert "bin" not in words
