"""Which model a window asks, and how much it is to think: what was chosen by command, which goes
before all settings and is forgotten with the window. Each model is opened once.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from codex_lsp.config.codex_toml import CodexToml
from codex_lsp.config.editor_settings import EditorSettings
from codex_lsp.lsp.adapters import Adapters, LocalModel, WarmModel
from codex_lsp.lsp.person.messages import say
from codex_lsp.lsp.person.progress import Wire


class Choice:
    """Of one window; `settings` gives those of now."""

    def __init__(
        self, wire: Wire, adapters: Adapters, settings: Callable[[], EditorSettings]
    ) -> None:
        self._wire = wire
        self._adapters = adapters
        self._settings = settings
        self._model: str | LocalModel | None = None
        self._effort: str | None = None
        self._opened: dict[str | LocalModel | None, WarmModel] = {}
        self.changed: Callable[[], object] = lambda: None
        """Hears of it when another model is asked from now on."""

    def use_model(self, model: str | LocalModel | None) -> str:
        """Ask `model` from now on, None for the one that is configured; returns what is said."""
        self._model = model
        self.changed()
        name = model.title if isinstance(model, LocalModel) else model
        return self._say(f"Codex asks {name or 'the model that is configured'} from now on.")

    def use_effort(self, effort: str | None) -> str:
        """Have it think that much, None for what is configured; returns what is said."""
        self._effort = effort
        return self._say(f"Codex asks for {effort or 'the configured'} effort from now on.")

    async def instead(self) -> dict[str, Callable[[], object]]:
        """What may be used in place of a sign-in, by title: the first model of each server."""
        found = {one.server: one for one in reversed(await self._adapters.find_local())}
        return {
            f"Use {one.server}": partial(self.use_model, one) for one in reversed(found.values())
        }

    def model(self, config: CodexToml) -> WarmModel:
        """The model for work where `config` holds. What a project names goes last."""
        return self._open(self._named() or (config.model if config.project else None))

    def unopened(self) -> WarmModel | None:
        """The model that a request may come for, if none was opened yet."""
        if self._adapters.small is not None or self._named() in self._opened:
            return None
        return self._open(self._named())

    def effort(self, config: CodexToml) -> str | None:
        """How much it is to think where `config` holds; None leaves it to the model."""
        return self._effort or self._settings().effort or config.model_reasoning_effort

    def server(self) -> str | None:
        """The server on this machine that is asked; None for the configured provider."""
        return self._model.server if isinstance(self._model, LocalModel) else None

    def _named(self) -> str | LocalModel | None:
        return self._model or self._settings().model

    def _open(self, name: str | LocalModel | None) -> WarmModel:
        if name not in self._opened:
            if isinstance(name, LocalModel) and self._adapters.open_local is not None:
                self._opened[name] = self._adapters.open_local(name)
            else:
                named = name if isinstance(name, str) else None
                self._opened[name] = self._adapters.open_model(named)
        return self._opened[name]

    def _say(self, message: str) -> str:
        say(self._wire, message)
        return message
