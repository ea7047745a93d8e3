"""What config.toml says of MCP servers, as it can be started: the person's own and a project's."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from codex_lsp.agent.server_specs import specs
from codex_lsp.agent.servers import Approvals, ServerSpec, Unusable
from codex_lsp.config.check import check
from codex_lsp.config.codex_toml import CodexToml
from codex_lsp.config.layers import parse

ROOT = Path("/home/me/project")
ENVIRON = {
    "HOME": "/home/me", "PATH": "/bin", "OPENAI_API_KEY": "sk-1", "GITHUB_TOKEN": "gh-1",
    "CODEX_HOME": "/home/me/.codex", "SSH_AUTH_SOCK": "/run/agent",
}  # fmt: skip


def toml(name: str, **table: Any) -> str:
    lines = [f"{key} = {_toml(value)}" for key, value in table.items()]
    return "\n".join([f"[mcp_servers.{name}]", *lines, ""])


def _toml(value: Any) -> str:
    return json.dumps(value).replace('": ', '" = ')


def found(own: str, project: str = "", *, trusted: bool = True) -> dict[str, ServerSpec | Unusable]:
    """By name: what is made of the person's file and, laid over it, of a project's."""
    mine = parse(own)
    servers = {**mine.mcp_servers, **parse(project).mcp_servers}
    config = replace(mine, mcp_servers=servers, project=trusted)
    return {one.name: one for one in specs(config, mine, (ROOT,), ENVIRON)}


def spec(own: str, project: str = "", *, trusted: bool = True) -> ServerSpec:
    (one,) = found(own, project, trusted=trusted).values()
    assert isinstance(one, ServerSpec)
    return one


def why(own: str, project: str = "") -> str:
    (one,) = found(own, project).values()
    assert isinstance(one, Unusable)
    return one.why


def test_a_server_gets_a_small_environment_and_what_its_table_names() -> None:
    one = spec(toml("a", command="x", env={"A": "1", "API_KEY": "k"}, env_vars=["GITHUB_TOKEN"]))
    assert one.environment == {
        "HOME": "/home/me",
        "PATH": "/bin",
        "GITHUB_TOKEN": "gh-1",
        "A": "1",
        "API_KEY": "k",
    }
    assert one.passes == ("GITHUB_TOKEN",)
    (plain, secret) = one.sets
    assert plain == ("A", "1")
    assert secret[0] == "API_KEY"
    assert secret[1].startswith("(kept secret, ")
    assert "sk-1" not in repr(one)
    assert "gh-1" not in repr(one)


def test_a_secret_that_changes_is_shown_as_another() -> None:
    first, second = (spec(toml("a", command="x", env={"API_KEY": key})).sets for key in "ab")
    assert first != second


def test_a_key_is_sent_and_only_its_variable_shown() -> None:
    one = spec(
        toml("a", url="https://x/mcp", bearer_token_env_var="GITHUB_TOKEN", http_headers={"X": "1"})
    )
    assert one.headers == {"X": "1", "Authorization": "Bearer gh-1"}
    assert (one.sets, one.passes) == ((("X", "1"),), ("GITHUB_TOKEN",))
    assert "gh-1" not in repr(one)


def test_what_the_person_says_of_a_server_goes_before_what_a_project_says() -> None:
    mine = toml("a", command="x", env={"API_KEY": "k"})
    one = spec(mine, toml("a", command="evil", default_tools_approval_mode="approve"))
    assert (one.argv, one.place) == (("x",), "")
    assert one.approvals == Approvals()
    assert found(mine, toml("a", command="x", enabled=False)) == {}


def test_a_projects_server_is_asked_about_whatever_its_modes_and_hints_say() -> None:
    table = toml("a", command="x", default_tools_approval_mode="approve")
    table += '[mcp_servers.a.tools.t]\napproval_mode = "approve"\n'
    one = spec("", table)
    assert one.place == str(ROOT)
    assert not one.approvals.runs_unasked("t", reads_only=True)
    assert spec(table).approvals.runs_unasked("t", reads_only=False)


@pytest.mark.parametrize(
    ("mode", "reading", "writing"),
    [("auto", True, False), ("writes", True, False), ("prompt", False, False),
     ("approve", True, True)],
)  # fmt: skip
def test_when_a_call_needs_nobodys_word(mode: str, reading: bool, writing: bool) -> None:
    for approvals in (Approvals(mode), Approvals("prompt", {"t": mode})):
        assert approvals.runs_unasked("t", reads_only=True) is reading
        assert approvals.runs_unasked("t", reads_only=False) is writing


@pytest.mark.parametrize(
    "table",
    [
        {"command": "x", "env_vars": ["OPENAI_API_KEY"]},
        {"url": "https://x", "bearer_token_env_var": "CODEX_HOME"},
        {"url": "https://x", "env_http_headers": {"X": "openai_api_key"}},
    ],
)
def test_a_project_cannot_ask_for_our_own_variables(table: dict[str, Any]) -> None:
    assert "a project may not ask for your" in why("", toml("a", **table))
    assert all(isinstance(one, ServerSpec) for one in found(toml("a", **table)).values())


@pytest.mark.parametrize(
    ("name", "table", "says"),
    [
        ("a", {}, "either a command or a url"),
        ("a", {"command": "x", "url": "https://x"}, "either a command or a url"),
        ("a", {"url": "file:///etc"}, "has to begin with https:// or http://"),
        ("a", {"url": "https://x", "bearer_token_env_var": "NONE"}, "set the variable NONE"),
        ('"a b"', {"command": "x"}, "its name may hold"),
    ],
)
def test_what_cannot_be_used_says_why(name: str, table: dict[str, Any], says: str) -> None:
    assert says in why(toml(name, **table))


def test_a_server_starts_in_the_workspace_only_where_that_is_trusted() -> None:
    table = toml("a", command="x")
    assert spec(table).cwd == ROOT
    assert spec(table, trusted=False).cwd == Path("/home/me")


def test_a_key_in_the_file_is_a_problem_and_does_not_count() -> None:
    checked = check(toml("a", url="https://x", bearer_token="sk-2"))
    (problem,) = checked.problems
    assert problem.severity == "error"
    assert "bearer_token_env_var" in problem.message
    assert "sk-2" not in repr(checked)


def test_every_key_is_taken_over() -> None:
    one = spec(
        toml(
            "a", command="x", args=["y"], cwd="/z", required=True, startup_timeout_sec=2,
            tool_timeout_sec=3.5, enabled_tools=["t", "u"], disabled_tools=["u"],
            supports_parallel_tool_calls=True,
        )
    )  # fmt: skip
    assert (one.argv, one.cwd, one.required, one.parallel) == (("x", "y"), Path("/z"), True, True)
    assert (one.startup_timeout, one.tool_timeout) == (2.0, 3.5)
    assert [one.offers(tool) for tool in "tuv"] == [True, False, False]
    assert specs(CodexToml(), CodexToml(), (ROOT,), {}) == ()
