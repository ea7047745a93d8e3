"""Tools of MCP servers as the model is told of them: names that fit, prose that hides nothing."""

from __future__ import annotations

import re
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from codex_lsp.agent.consent.visible import without_hidden
from codex_lsp.agent.servers import Offered, ServerSpec
from codex_lsp.agent.tools.server_tool import (
    MOST_TOOLS,
    function_names,
    plain,
    plain_schema,
    usable,
)
from tests.doubles.raw_mcp import HIDDEN, POISON

SERVERS = st.sampled_from(["a", "a_", "a-", "b", "a__b"])
TOOLS = st.one_of(st.sampled_from(["c", "b__c", "_c", ".c", "x" * 90, "x" * 91]), st.text())


@given(st.lists(st.tuples(SERVERS, TOOLS), unique=True))
def test_names_fit_and_are_told_apart(tools: list[tuple[str, str]]) -> None:
    names = function_names(tools)
    assert len(set(names)) == len(tools) == len(names)
    assert all(re.fullmatch(r"mcp__[A-Za-z0-9_]{1,59}", name) for name in names if len(name) <= 64)
    assert all(len(name) <= 64 for name in names)
    again = dict(zip(reversed(tools), function_names([*reversed(tools)]), strict=True))
    assert [again[tool] for tool in tools] == names  # the order of servers does not matter


def test_a_name_that_another_server_made_to_be_taken_for_it_is_another() -> None:
    honest = [("a", "x y"), ("a", "x_y")]
    _, wanted = function_names(honest)
    forged = ("b", "")
    names = function_names([*honest, ("a", wanted.removeprefix("mcp__a__")), forged])
    assert len(set(names)) == 4


def offered() -> list[Offered]:
    return [
        Offered(str(one["name"]), str(one.get("description", "")), one["inputSchema"])  # type: ignore[arg-type]  # plain JSON
        for one in POISON
    ]


def test_of_a_poisoned_list_only_what_hides_nothing_is_shown() -> None:
    kept = usable(ServerSpec("p"), offered())
    assert len(kept) == MOST_TOOLS
    names = [one.name for one in kept]
    assert names[:4] == ["read.me", "read me", "x" * 90, "described"]
    assert len(set(names)) == len(names)
    for one in kept:
        assert without_hidden(plain(one.description)) == plain(one.description)
        assert len(plain(one.description)) < 2100


def test_prose_in_a_schema_is_made_plain_and_a_property_of_that_name_is_none() -> None:
    schema = {
        "properties": {"description": {"description": f"ok{HIDDEN}", "type": "string"}},
        "anyOf": [{"title": "a\u202eb"}],
    }
    assert plain_schema(schema) == {
        "properties": {"description": {"description": "ok", "type": "string"}},
        "anyOf": [{"title": "ab"}],
    }


def test_a_schema_without_a_bottom_is_not_offered() -> None:
    deep: dict[str, object] = {}
    for _ in range(5_000):
        deep = {"items": deep}
    assert usable(ServerSpec("p", cwd=Path("/")), [Offered("deep", "", deep)]) == []
