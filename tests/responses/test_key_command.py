"""A key that a program prints: run when it is needed, kept, and asked for again when refused."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from codex_lsp.auth.errors import AuthError
from codex_lsp.config.codex_toml import AuthCommand
from codex_lsp.config.layers import parse
from codex_lsp.responses.key_command import CommandKey
from codex_lsp.responses.providers import resolve

COUNTING = """
import pathlib
at = pathlib.Path("runs")
number = int(at.read_text()) + 1 if at.exists() else 1
at.write_text(str(number))
print(f"key-{number}")
"""


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def command(folder: Path, script: str, **more: float) -> AuthCommand:
    return AuthCommand((sys.executable, "-c", script), folder, **{"timeout": 60.0, **more})


async def test_the_program_is_run_once_and_again_when_its_key_is_old(tmp_path: Path) -> None:
    clock = Clock()
    source = CommandKey(command(tmp_path, COUNTING, refresh=300.0), "The program", clock)
    assert not (tmp_path / "runs").exists()
    first = await source.current()
    assert first.token.reveal() == "key-1"
    clock.now = 299.0
    assert await source.current() == first
    clock.now = 300.0
    assert (await source.current()).token.reveal() == "key-2"


async def test_a_refused_key_is_replaced_once_for_all_who_held_it(tmp_path: Path) -> None:
    source = CommandKey(command(tmp_path, COUNTING, refresh=0.0), "The program")
    refused = await source.current()
    fresh = await source.replace(refused)
    assert fresh.token.reveal() == "key-2"
    assert await source.replace(refused) == fresh
    assert await source.current() == fresh


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("print()", "has to print a key"),
        ("print('two words')", "has to print a key"),
        ("print('key'); raise SystemExit(3)", "exit code 3"),
    ],
)
async def test_what_goes_wrong_is_told_without_what_was_printed(
    tmp_path: Path, script: str, words: str
) -> None:
    source = CommandKey(command(tmp_path, script), "The program")
    with pytest.raises(AuthError, match=words) as raised:
        await source.current()
    assert "key'" not in str(raised.value)


async def test_the_same_key_again_is_no_replacement(tmp_path: Path) -> None:
    source = CommandKey(command(tmp_path, "print('same')"), "The program")
    with pytest.raises(AuthError, match="not accepted"):
        await source.replace(await source.current())


async def test_a_program_that_hangs_is_ended(tmp_path: Path) -> None:
    script = "import time; time.sleep(600)"
    source = CommandKey(command(tmp_path, script, timeout=0.2), "The program")
    with pytest.raises(AuthError, match=r"longer than 0\.2 s"):
        await source.current()


async def test_a_relative_path_is_never_one_of_the_workspace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    work, home = tmp_path / "work", tmp_path / "home"
    for folder in (work, home):
        folder.mkdir()
    (work / "key").write_text("#!/bin/sh\necho theirs\n")
    (work / "key").chmod(0o755)
    monkeypatch.chdir(work)
    monkeypatch.setenv("HOME", str(home))
    with pytest.raises(AuthError, match="cannot be run"):
        await CommandKey(AuthCommand(("./key",)), "The program").current()
    (home / "key").write_text("#!/bin/sh\necho mine\n")
    (home / "key").chmod(0o755)
    assert (await CommandKey(AuthCommand(("./key",)), "The program").current()).token.reveal() == (
        "mine"
    )


def test_a_provider_takes_its_key_from_the_program() -> None:
    config = parse(
        'model = "m"\nmodel_provider = "x"\n[model_providers.x]\nbase_url = "http://127.0.0.1:1/v1"\n'
        'auth = { command = "key-printer", args = ["-q"], timeout_ms = 1500 }\n'
    )
    assert isinstance(resolve(config, {}).key, CommandKey)
    assert config.model_providers["x"].auth == AuthCommand(("key-printer", "-q"), None, 1.5)
