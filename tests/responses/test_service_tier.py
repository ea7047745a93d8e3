"""`service_tier` of config.toml: sent by the service's name for it, where a model has it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from codex_lsp.agent.conversation import ModelRequest
from codex_lsp.responses.body import OPENAI, PLAIN, Style, body
from codex_lsp.responses.catalogue import service_tier

MODELS = [
    {"slug": "quick", "service_tiers": [{"id": "priority", "name": "Fast"}]},
    {"slug": "cheap", "service_tiers": ["flex"]},
    {"slug": "plain", "service_tiers": []},
    {"slug": "odd", "service_tiers": "priority"},
]


@pytest.mark.parametrize(
    ("model", "wanted", "sent"),
    [
        ("quick", "fast", "priority"),
        ("quick", "flex", None),
        ("quick", "default", None),
        ("quick", None, None),
        ("cheap", "flex", "flex"),
        ("cheap", "fast", None),
        ("plain", "fast", None),
        ("odd", "fast", None),
        ("unknown", "fast", None),
    ],
)
def test_a_tier_is_sent_where_the_model_has_it(
    tmp_path: Path, model: str, wanted: str | None, sent: str | None
) -> None:
    assert service_tier(tmp_path, model, wanted) is None
    (tmp_path / "models_cache.json").write_text(json.dumps({"models": MODELS}))
    tier = service_tier(tmp_path, model, wanted)
    assert tier == sent
    request = ModelRequest("c", "t", "", ())
    assert body(request, model, OPENAI, Style(service_tier=tier)).get("service_tier") == sent
    assert "service_tier" not in body(request, model, PLAIN, Style(service_tier=tier))
