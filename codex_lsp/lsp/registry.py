"""What the server serves: one line per LSP method and per command, as `module:function`.

Plain tables without imports: the answer to `initialize` is built from them before the protocol
library is loaded. Handlers are imported afterwards, all at once, so a wrong name fails at start.
"""

from __future__ import annotations

from collections.abc import Mapping

FEATURES: dict[str, str] = {}
"""LSP method, or `codex/...` extension, to its handler `(server, params)`."""

OPTIONS: dict[str, dict[str, object]] = {}
"""LSP method to its registration options, as they stand in the server capabilities."""

COMMANDS: dict[str, str] = {}
"""Command id to its handler `(server, arguments)`, where `arguments` is the list of JSON values."""


class Registry:
    """The three tables as one value, so that tests can serve others."""

    def __init__(
        self,
        features: Mapping[str, str],
        options: Mapping[str, Mapping[str, object]],
        commands: Mapping[str, str],
    ) -> None:
        self.features = features
        self.options = options
        self.commands = commands


REGISTRY = Registry(FEATURES, OPTIONS, COMMANDS)
