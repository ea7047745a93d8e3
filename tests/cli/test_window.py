"""How much a model is taken to hold, by what config.toml says of it."""

from __future__ import annotations

import pytest

from codex_lsp.agent.compaction import Window
from codex_lsp.cli.adapters import model_window
from codex_lsp.config.codex_toml import CodexToml, ProviderTable

TABLES = {
    "own": ProviderTable(base_url="http://x/v1"),
    "like": ProviderTable(requires_openai_auth=True),
}

OPENAI = Window(272_000, remote=True)
SAID = CodexToml(model_context_window=9, model_auto_compact_token_limit=5, compact_prompt="sum up")


@pytest.mark.parametrize(
    ("config", "provider", "window"),
    [
        (CodexToml(), None, OPENAI),
        (CodexToml(model_provider="like", model_providers=TABLES), None, OPENAI),
        (CodexToml(model_provider="own", model_providers=TABLES), None, Window(64_000)),
        (CodexToml(), "ollama", Window(64_000)),
        (
            SAID,
            "ollama",
            Window(9, 5, prompt="sum up"),
        ),
    ],
)
def test_window(config: CodexToml, provider: str | None, window: Window) -> None:
    assert model_window(config, provider) == window
