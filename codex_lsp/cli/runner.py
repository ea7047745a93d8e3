"""The runner of a session's commands, put together when the first one is asked for, and the policy
that config.toml makes for it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from codex_lsp.workspace import trust

if TYPE_CHECKING:
    from codex_lsp.agent.ports import Command, Confinement, Process
    from codex_lsp.config.codex_toml import CodexToml
    from codex_lsp.sandbox.policy import Policy
    from codex_lsp.sandbox.runner import Runner
    from codex_lsp.workspace.snapshot import Snapshot


class LateRunner:
    """A `CommandRunner` that is opened when it is first asked."""

    def __init__(self, configuration: Callable[[Path | None], CodexToml]) -> None:
        self._configuration = configuration
        self._runner: Runner | None = None

    async def confinement(self, roots: Sequence[Path]) -> Confinement:
        """See `agent.ports.CommandRunner`."""
        return await self._opened().confinement(roots)

    async def start(self, command: Command, snapshot: Snapshot) -> Process:
        """See `agent.ports.CommandRunner`."""
        return await self._opened().start(command, snapshot)

    async def aclose(self) -> None:
        """End all commands."""
        if self._runner is not None:
            await self._runner.aclose()

    def _opened(self) -> Runner:
        from codex_lsp.sandbox.runner import Runner

        if self._runner is None:
            self._runner = Runner(self._policy, os.environ)
        return self._runner

    def _policy(self, roots: Sequence[Path]) -> Policy:
        """What the person says everywhere: a project, though they trust it, has no say in this."""
        own = self._configuration(None)
        trusted = bool(roots) and (
            trust.level(own.projects, trust.identify(roots[0], Path.home())) == "trusted"
        )
        return policy(replace(own, project=trusted))


def policy(config: CodexToml) -> Policy:
    """What commands may do by the settings; without any, a project that is not trusted is only
    read.
    """
    from codex_lsp.sandbox.policy import Environment, Policy

    write, variables = config.sandbox_workspace_write, config.shell_environment_policy
    return Policy(
        config.sandbox_mode or ("workspace-write" if config.project else "read-only"),
        tuple(root.resolve() for root in write.writable_roots),
        network=write.network_access,
        exclude_tmpdir=write.exclude_tmpdir_env_var,
        exclude_slash_tmp=write.exclude_slash_tmp,
        environment=Environment(
            variables.inherit, variables.exclude, variables.set, variables.include_only
        ),
    )
