"""CODEX_HOME and the addresses that Codex's own names redirect."""

from __future__ import annotations

from pathlib import Path

import pytest

from codex_lsp.config.codex_toml import CodexToml
from codex_lsp.config.endpoints import Endpoints, endpoints, user_agent
from codex_lsp.config.home import BadHome, codex_home


@pytest.mark.parametrize("environ", [{}, {"CODEX_HOME": ""}])
def test_without_codex_home_it_is_dot_codex_whether_or_not_it_exists(
    environ: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    assert codex_home(environ) == tmp_path / ".codex"


def test_codex_home_is_made_canonical(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert codex_home({"CODEX_HOME": str(tmp_path / "link")}) == (tmp_path / "real").resolve()


@pytest.mark.parametrize("name", ["missing", "file"])
def test_a_codex_home_that_is_no_folder_is_refused(name: str, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(BadHome, match="CODEX_HOME names .*" + name):
        codex_home({"CODEX_HOME": str(tmp_path / name)})


def test_by_default_we_talk_to_openai_under_our_own_name() -> None:
    found = endpoints(CodexToml(), {})
    assert found == Endpoints()
    assert found.api_base == "https://api.openai.com/v1"
    assert found.chatgpt_model_base == "https://chatgpt.com/backend-api/codex"
    assert found.originator == "codex_lsp"


def test_the_settings_redirect_model_requests() -> None:
    config = CodexToml(chatgpt_base_url="http://127.0.0.1:1/backend-api/")
    found = endpoints(config, {})
    assert found.chatgpt_model_base == "http://127.0.0.1:1/backend-api/codex"
    assert found.api_base == "https://api.openai.com/v1"
    both = endpoints(CodexToml(openai_base_url="http://127.0.0.1:2/v1/"), {})
    assert both.api_base == both.chatgpt_model_base == "http://127.0.0.1:2/v1"


def test_the_environment_redirects_the_token_authority() -> None:
    found = endpoints(
        CodexToml(),
        {
            "CODEX_REFRESH_TOKEN_URL_OVERRIDE": "http://127.0.0.1:3/x/token?a=b",
            "CODEX_APP_SERVER_LOGIN_ISSUER": " http://127.0.0.1:4/ ",
            "CODEX_INTERNAL_ORIGINATOR_OVERRIDE": "someone",
        },
    )
    assert found.token_url == "http://127.0.0.1:3/x/token?a=b"
    assert found.revoke_url == "http://127.0.0.1:3/oauth/revoke"
    assert found.issuer == "http://127.0.0.1:4"
    assert found.originator == "someone"
    revoke = {"CODEX_REVOKE_TOKEN_URL_OVERRIDE": "http://127.0.0.1:5/r"}
    assert endpoints(CodexToml(), revoke).revoke_url == "http://127.0.0.1:5/r"


def test_a_user_agent_is_printable_ascii() -> None:
    assert user_agent("me", "Ed\n“x”").startswith("me/")
    assert user_agent("me", "Ed\n“x”").endswith("Ed__x_")
