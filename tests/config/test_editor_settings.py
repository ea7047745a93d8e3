from __future__ import annotations

from typing import Any

import pytest

from codex_lsp.config.editor_settings import EditorSettings, parse, reference


@pytest.mark.parametrize("section", [{"context": {"maxBytes": 5000}}, {"context.maxBytes": 5000}])
def test_settings_may_be_nested_or_dotted(section: dict[str, Any]) -> None:
    parsed = parse(section)
    assert parsed.settings.context_bytes == 5000
    assert parsed.problems == ()


def test_null_means_unset() -> None:
    assert parse({"model": None}).settings == EditorSettings()
    assert parse(None).settings == EditorSettings()


@pytest.mark.parametrize(
    ("section", "part"),
    [
        ({"model": 3}, "`codex.model` has to be a string"),
        ({"context": {"maxBytes": "x"}}, "has to be a whole number"),
        ({"context": {"maxBytes": True}}, "has to be a whole number"),
        ({"context": {"maxBytes": 1}}, "at least"),
        ({"context": {"maxBytes": 10**9}}, "at most"),
        ({"modle": "x"}, "`codex.modle` is not a setting"),
        ({"baseUrl": "http://evil.example"}, "is not a setting"),
        ([], "has to be an object"),
    ],
)
def test_a_bad_value_is_told_and_left_at_its_default(section: object, part: str) -> None:
    parsed = parse(section)
    assert parsed.settings == EditorSettings()
    (problem,) = parsed.problems
    assert part in problem


def test_one_bad_value_does_not_spoil_the_others() -> None:
    parsed = parse({"model": "m", "effort": 3})
    assert parsed.settings.model == "m"
    assert len(parsed.problems) == 1


def test_the_reference_has_every_setting_and_no_place_to_send_code_to() -> None:
    keys = [setting.key for setting in reference()]
    assert len(keys) == len(set(keys)) == len(EditorSettings.__dataclass_fields__)
    assert not [key for key in keys if "url" in key.lower() or "provider" in key.lower()]
