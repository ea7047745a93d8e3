"""What a request works with follows from the settings of the folder that it is about."""

from __future__ import annotations

from pathlib import Path

from codex_lsp.agent.compaction import Window
from codex_lsp.config.codex_toml import CodexToml
from codex_lsp.lsp.adapters import Adapters
from codex_lsp.lsp.registry import REGISTRY
from codex_lsp.lsp.workbench import Workbench
from codex_lsp.lsp.workplace import workplace
from tests.doubles.hosted import hosted
from tests.doubles.window import no_model


async def test_how_much_the_model_holds_is_said_by_the_settings_of_the_folder(
    tmp_path: Path,
) -> None:
    held = {tmp_path / "small": 20_000, tmp_path / "large": 90_000}

    def configuration(folder: Path | None) -> CodexToml:
        return CodexToml(model_context_window=held[folder] if folder else None)

    def window(config: CodexToml, _provider: str | None) -> Window:
        return Window(config.model_context_window or 1)

    adapters = Adapters(no_model, tmp_path, configuration=configuration, window=window)
    async with hosted(REGISTRY) as one:
        one.server.bench = bench = Workbench(one.server, one.server.initialize_params, adapters)
        for folder, tokens in held.items():
            assert (await workplace(bench, folder / "a.py")).window == Window(tokens)
