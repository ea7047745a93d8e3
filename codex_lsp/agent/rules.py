"""What the person wrote down about commands."""

from __future__ import annotations

from typing import Literal

from codex_lsp.agent.actions import Action


class NoRules:
    """Nothing was written down, and nothing is."""

    def of(self, action: Action) -> tuple[Literal["allow", "prompt", "forbidden"], str] | None:  # noqa: ARG002 - see Rules
        """No rule."""
        return None

    async def remember(self, action: Action) -> None:
        """Not kept."""
