from __future__ import annotations

import argparse
import os
from pathlib import Path

import pytest

from codex_lsp.cli import doctor
from tests.doubles.model_service import ModelService


async def found(*words: str, network: bool = False) -> dict[str, doctor.Finding]:
    parser = argparse.ArgumentParser()
    doctor.configure(parser)
    args = parser.parse_args([*words, *["--network"] * network])
    return {finding.subject: finding async for finding in doctor.examine(args)}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("CODEX_API_KEY", "OPENAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("CODEX_HOME", str(tmp_path))
    return tmp_path


async def test_a_fresh_machine_is_well_but_not_signed_in(home: Path) -> None:
    report = await found()
    assert not [finding for finding in report.values() if finding.kind == "bad"]
    assert report["sign-in"].kind == "note"
    assert report["locks"].kind == "good"
    assert "bubblewrap: a command has no network" in report["sandbox"].text
    assert os.listdir(home) == []  # noqa: PTH208 - nothing was left behind


async def test_a_machine_without_editors_is_said_to_have_none(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(home))
    assert "none of those we know is on PATH (Neovim, " in (await found())["editors"].text


async def test_where_a_sign_in_cannot_be_kept_there_is_a_word_what_to_do(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CODEX_HOME")
    monkeypatch.setenv("HOME", str(home / "missing"))
    locks = (await found())["locks"]
    assert locks.kind == "bad"
    assert "set CODEX_HOME to a folder" in locks.text


async def test_a_bad_line_in_the_configuration_is_named(home: Path) -> None:
    (home / "config.toml").write_text("model = 3\n")
    report = await found()
    assert report["config"].kind == "bad"
    assert "line 1" in report["config"].text


async def test_a_provider_that_is_not_defined_is_named(home: Path) -> None:
    (home / "config.toml").write_text('model_provider = "nowhere"\n')
    assert (await found())["model"].kind == "bad"


async def test_the_service_is_reached_only_when_asked(home: Path) -> None:
    async with ModelService([]) as service:
        text = f'model_provider = "x"\n[model_providers.x]\nbase_url = "{service.base_url}"\n'
        (home / "config.toml").write_text(f'model = "m"\n{text}')
        assert "network" not in await found()
        assert (await found(network=True))["network"].kind == "good"
    assert (await found(network=True))["network"].kind == "bad"


async def test_a_home_that_is_no_folder_is_said_so(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CODEX_HOME", str(home / "missing"))
    report = await found()
    assert report["CODEX_HOME"].kind == "bad"
    assert "sandbox" in report  # what does not hang on it is looked at all the same


async def test_options_go_before_the_files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CODEX_HOME", str(tmp_path))
    (tmp_path / "config.toml").write_text('model = "a"\nnonsense = 1\n')
    (tmp_path / "fast.config.toml").write_text('model = "b"\n')
    assert (await found("--profile", "fast"))["model"].text.startswith("b at OpenAI")
    seen = await found("--profile", "fast", "-c", "model=c")
    assert seen["model"].text.startswith("c at OpenAI")
    assert seen["config"].kind == "note"
