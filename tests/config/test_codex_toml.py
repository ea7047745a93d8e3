"""Reading config.toml: what is heeded, and that no content of the file can stop us."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from codex_lsp.config.codex_toml import CodexToml
from codex_lsp.config.layers import parse, read

# A busy machine is no failure.
patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

FULL = """
model = "gpt-5.5"
model_provider = "ours"
openai_base_url = "http://127.0.0.1:1/v1"
chatgpt_base_url = "http://127.0.0.1:1/backend-api/"
model_reasoning_effort = "low"
cli_auth_credentials_store = "keyring"
forced_login_method = "api"
forced_chatgpt_workspace_id = "w1"
unknown_key = 1

[model_providers.ours]
name = "Ours"
base_url = "http://127.0.0.1:2/v1"
env_key = "OUR_KEY"
experimental_bearer_token = "do-not-show"
query_params = { v = "1" }
http_headers = { X-A = "do-not-show" }
env_http_headers = { X-B = "VAR" }
stream_idle_timeout_ms = 5000
requires_openai_auth = true
"""


def test_all_keys_are_read() -> None:
    config = parse(FULL)
    assert [str(problem) for problem in config.problems] == [
        "config.toml, line 10: unknown_key is not known, so it has no effect"
    ]
    assert config.model_provider == "ours"
    assert config.cli_auth_credentials_store == "keyring"
    assert config.forced_chatgpt_workspace_id == ("w1",)
    ours = config.model_providers["ours"]
    assert dict(ours.query_params) == {"v": "1"}
    assert ours.stream_idle_timeout_ms == 5000
    assert ours.requires_openai_auth


def test_keys_are_not_shown_by_repr() -> None:
    assert "do-not-show" not in repr(parse(FULL))


def test_no_file_means_nothing_is_set(tmp_path: Path) -> None:
    assert read(tmp_path) == CodexToml()


@pytest.mark.parametrize("content", [b"\xef\xbb\xbfmodel = 'm'", b"model = 'm'\r\n"])
def test_bom_and_crlf_are_taken(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_bytes(content)
    assert read(tmp_path).model == "m"


@pytest.mark.parametrize("content", [b"\xff\xfe", b"model = "])
def test_an_unreadable_file_is_a_problem_and_not_a_crash(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_bytes(content)
    config = read(tmp_path)
    assert config.model is None
    assert len(config.problems) == 1


def test_a_folder_in_place_of_the_file_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "config.toml").mkdir()
    assert len(read(tmp_path).problems) == 1


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("a = 1\nmodel = \n", 2, "is not TOML"),
        ("\nmodel = 3\n", 2, "model must be a text"),
        ("model = '  '\n", 1, "not empty"),
        ("cli_auth_credentials_store = 'vault'", 1, "one of file, keyring"),
        ("forced_chatgpt_workspace_id = [1]", 1, "list of texts"),
        ("model_providers = 3", 1, "model_providers must be a table"),
        ("[model_providers]\nx = 3", 2, "model_providers.x must be a table"),
        ("[model_providers.x]\nname = 'x'\nbase_url = 3", 3, "base_url must"),
        ("[model_providers.x]\n[model_providers.y]\nbase_url = 3", 3, "base_url must"),
        ("[model_providers.x.http_headers]\na = 3", 1, "http_headers must be"),
        ("[model_providers]\nx = { base_url = 3 }", 2, "base_url must"),
        ("model_providers.x.requires_openai_auth = 'yes'", 1, "true or false"),
        ("[model_providers.x]\nstream_idle_timeout_ms = 0", 2, "above 0"),
        ("[model_providers.x]\nstream_idle_timeout_ms = true", 2, "above 0"),
        ("model = 'm'\nprofile = 'none'", 2, "not defined"),
    ],
)
def test_a_bad_value_is_named_with_its_line(text: str, line: int, words: str) -> None:
    [problem] = parse(text).problems
    assert problem.line == line
    assert words in problem.message
    assert str(problem).startswith(f"config.toml, line {line}: ")


def test_a_bad_value_leaves_the_others_alone() -> None:
    assert parse("model = 3\nmodel_reasoning_effort = 'low'").model_reasoning_effort == "low"


def test_the_chosen_profile_lies_over_the_rest() -> None:
    config = parse('profile = "p"\nmodel = "a"\nmodel_provider = "x"\n[profiles.p]\nmodel = "b"\n')
    assert (config.model, config.model_provider) == ("b", "x")


@patient
@given(st.text())
def test_no_text_makes_it_raise(text: str) -> None:
    parse(text)


_values: st.SearchStrategy[str] = st.sampled_from(
    ["1", "'x'", "[]", "[1]", "{}", "{a=1}", "{x={}}", "true", "1979-05-27", "1.5", "''"]
)


@patient
@given(st.dictionaries(st.sampled_from([*CodexToml.__dataclass_fields__, "profile"]), _values))
def test_no_kind_of_value_makes_it_raise(entries: dict[str, str]) -> None:
    parse("\n".join(f"{key} = {value}" for key, value in entries.items()))


@pytest.mark.parametrize("text", ["a = " + "[" * 100_000, "a = " + "9" * 10_000])
def test_extreme_values_do_not_make_it_raise(text: str) -> None:
    assert parse(text).problems
