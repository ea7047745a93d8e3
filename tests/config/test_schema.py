"""The one table: it is checked against what is made from it."""

from __future__ import annotations

import ast
from dataclasses import fields

import pytest

from codex_lsp.agent import truncation
from codex_lsp.config.check import check
from codex_lsp.config.codex_toml import (
    AuthCommand,
    CodexToml,
    McpServer,
    ProviderTable,
    ShellEnvironment,
    WorkspaceWrite,
)
from codex_lsp.config.endpoints import CHATGPT, OPENAI
from codex_lsp.config.layers import parse
from codex_lsp.config.schema import ANY, KEYS, Key, find, under
from codex_lsp.responses.providers import DEFAULT_MODEL
from tests.test_architecture import PACKAGE

SAMPLES = {
    "text": '"sample"',
    "path": '"/sample"',
    "flag": "true",
    "count": "7",
    "seconds": "7.5",
    "texts": '["sample"]',
    "text or texts": '["sample"]',
    "paths": '["/sample"]',
    "table of texts": '{ sample = "x" }',
    "anything": '["sample"]',
}
WORDS = (
    "the model's own",
    "the account's",
    "our own",
    "90 % of the window",
    "by the project's trust",
)
"""Defaults that are no value: who or what decides instead."""
LEAVES = [key for key in KEYS if key.kind in SAMPLES]


def line_for(key: Key, value: str) -> str:
    return f"{key.path.replace(ANY, 'sample')} = {value}"


def values(key: Key) -> list[str]:
    if key.choices:
        return [f'"{choice}"' for choice in key.choices]
    return ["true", "false"] if key.kind == "flag" else [SAMPLES[key.kind]]


def test_each_key_stands_once() -> None:
    assert len({key.path for key in KEYS}) == len(KEYS)


@pytest.mark.parametrize("key", KEYS, ids=lambda key: key.path)
def test_each_row_is_whole(key: Key) -> None:
    assert key.doc.endswith(".")
    above = key.parts[:-1]
    assert not above or (found := find(above)) is None or found.is_table or found.or_table
    assert find(tuple("x" if part == ANY else part for part in key.parts)) == key
    assert key in under(above)
    if key.default in key.choices or key.kind == "flag":
        assert key.default in (*key.choices, "true", "false")


@pytest.mark.parametrize("key", LEAVES, ids=lambda key: key.path)
def test_a_right_value_is_taken_and_a_wrong_one_is_not(key: Key) -> None:
    for value in values(key):
        assert check(line_for(key, value)).problems == ()
    if key.kind != "anything":
        [problem] = check(line_for(key, "1979-05-27")).problems
        assert problem.severity == "error"
        assert (problem.line, problem.end > problem.column) == (1, True)


@pytest.mark.parametrize(
    "key", [key for key in LEAVES if key.heeded and key.path != "profile"], ids=lambda key: key.path
)
def test_what_is_called_heeded_changes_the_settings(key: Key) -> None:
    given = [line_for(key, value) for value in values(key)]
    extra = 'model_providers.sample.auth.command = "x"\n' if ".auth." in key.path else ""
    without = parse(extra) if extra else CodexToml()
    if "." in key.path and not extra:
        above = key.path.rpartition(".")[0].replace(ANY, "sample")
        without = parse(f"[{above}]")
    assert any(parse(extra + text) != without for text in given)


def test_what_is_heeded_is_read_by_somebody() -> None:
    """A value that is parsed and then forgotten is a key that the table calls heeded by mistake."""
    read = {
        node.attr
        for path in PACKAGE.rglob("*.py")
        if path.name != "codex_toml.py"
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Attribute)
    }
    values = (CodexToml, ProviderTable, AuthCommand, WorkspaceWrite, ShellEnvironment, McpServer)
    assert {field.name for value in values for field in fields(value)} <= read


UNSET = {
    "model": DEFAULT_MODEL,
    "model_provider": "openai",
    "openai_base_url": OPENAI,
    "chatgpt_base_url": CHATGPT,
    "tool_output_token_limit": str(truncation.DEFAULT.size),
}
"""What holds where config.toml is silent, for settings that are then None."""


@pytest.mark.parametrize(
    "key", [key for key in LEAVES if key.heeded and key.default], ids=lambda key: key.path
)
def test_the_default_that_is_told_is_the_one_that_holds(key: Key) -> None:
    if key.path in UNSET:
        assert key.default == UNSET[key.path]
    elif key.default in WORDS:
        assert getattr(CodexToml(), key.path) is None
    else:
        value = f'"{key.default}"' if key.kind == "text" else key.default
        extra = 'model_providers.sample.auth.command = "x"\n' if ".auth." in key.path else ""
        above = key.path.rpartition(".")[0].replace(ANY, "sample")
        without = extra or (f"[{above}]" if above else "")
        assert parse(extra + line_for(key, value)) == parse(without)


def test_a_key_that_is_misspelled_is_told_with_what_was_meant() -> None:
    [problem] = check("[mcp_servers.x]\nenabld = true\n").problems
    assert str(problem) == (
        "config.toml, line 2: mcp_servers.x.enabld is not known, so it has no effect; "
        "did you mean enabled?"
    )
    assert (problem.column, problem.end, problem.severity) == (1, 7, "warning")


def test_what_only_the_cli_knows_is_not_looked_into() -> None:
    assert check('[tui]\nwhatever = 1\n[hooks.x]\ny = "z"\n[features]\nz = true\n').problems == ()


def test_a_profile_is_checked_like_the_top() -> None:
    [problem] = check("[profiles.a]\nmodel = 'm'\nsandbox_mode = 'x'\n").problems
    assert problem.line == 3
