"""Hover and completion in our own files: the text with a bar is where the cursor is."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codex_lsp.config.check import check
from codex_lsp.config.guide import File, note_at, suggestions


def offered(marked: str, file: File = "config.toml") -> dict[str, str]:
    """What is offered, and the text that each of it leads to."""
    offset = marked.index("|")
    text = marked.replace("|", "", 1)
    return {
        one.label: text[: one.start] + one.insert + text[offset:]
        for one in suggestions(file, text, offset)
    }


def note(marked: str, file: File = "config.toml") -> str:
    found = note_at(file, marked.replace("|", "", 1), marked.index("|"))
    return "" if found is None else found.text


@pytest.mark.parametrize(
    ("text", "label", "after"),
    [
        ("mo|", "model", "model = "),
        ("|", "sandbox_mode", "sandbox_mode = "),
        ("mo| = 1", "model", "model = 1"),
        ("[mcp_servers.x]\nena|", "enabled", "[mcp_servers.x]\nenabled = "),
        ("[profiles.fast]\nmodel_ver|", "model_verbosity", "[profiles.fast]\nmodel_verbosity = "),
        ("history.|", "persistence", "history.persistence = "),
        ("[|", "mcp_servers", "[mcp_servers"),
        ("[shell|]", "shell_environment_policy", "[shell_environment_policy]"),
        ("[model_providers.x.|", "query_params", "[model_providers.x.query_params"),
        ("sandbox_mode = |", "read-only", 'sandbox_mode = "read-only"'),
        ("sandbox_mode =|", "read-only", 'sandbox_mode ="read-only"'),
        ("sandbox_mode = \"re|\"", "read-only", 'sandbox_mode = "read-only"'),
        ("sandbox_mode = 're|'", "read-only", "sandbox_mode = 'read-only'"),
        ("sandbox_mode = re|\na = 1", "read-only", 'sandbox_mode = "read-only"\na = 1'),
        ("[mcp_servers.x]\nenabled = |", "false", "[mcp_servers.x]\nenabled = false"),
    ],
)  # fmt: skip
def test_what_is_offered_fits_where_it_is_put(text: str, label: str, after: str) -> None:
    assert offered(text).get(label) == after


@pytest.mark.parametrize("text", ["# mo|", "nonsense = |", "model = |", "[x.y.z]\n|", "x = [ | ]"])
def test_nothing_is_offered_where_nothing_is_known(text: str) -> None:
    assert offered(text) == {}


def test_a_header_offers_tables_alone() -> None:
    assert "model" not in offered("[|")
    assert "approval_policy" not in offered("[a|")


def test_each_value_that_is_offered_is_right() -> None:
    for after in offered("approval_policy = |").values():
        assert check(after).problems == ()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("mod|el = 'm'", "The model to ask."),
        ("model = 'm|'", "The model to ask."),
        ("[mcp_servers.x]\nena|bled = true", "Whether it is used."),
        ("[sandbox_work|space_write]", "The details of"),
        ("sandbox_mode = 'read-|only'", "One of `read-only`, `workspace-write`"),
        ("web_se|arch = 'live'", "Only the Codex CLI heeds it."),
        ("open|ai_base_url = 'x'", "Not taken from a project's own file."),
        ("[profiles.fast]\nmod|el = 'm'", "The model to ask."),
        ("non|sense = 1", ""),
        ('[projects."/ho|me"]', ""),
        ("# mod|el", ""),
    ],
)
def test_a_key_is_explained(text: str, words: str) -> None:
    assert words in note(text)
    assert bool(note(text)) == bool(words)


def test_the_other_files_are_explained_and_have_their_entries() -> None:
    assert "sent with every job" in note("# Ru|les", "AGENTS.md")
    assert "by git's rules" in note("*.p|em", ".codexignore")
    assert offered("x\n## B|", "AGENTS.md")["## Build and test"] == "x\n## Build and test"
    assert "!keep.txt" in offered("|", ".codexignore")
    assert offered("Some prose|", "AGENTS.md") == {}


@settings(deadline=None)
@given(st.text(alphabet="ab.=[]{}\"'\\#\n ,1", max_size=40), st.integers(0, 40))
def test_no_text_makes_it_raise(text: str, offset: int) -> None:
    offset = min(offset, len(text))
    for one in suggestions("config.toml", text, offset):
        assert 0 <= one.start <= offset
    note_at("config.toml", text, offset)
