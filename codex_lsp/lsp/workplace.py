"""What a request works with, put together from the window and from the settings of its folder."""

from __future__ import annotations

import asyncio
import os
from functools import partial
from pathlib import Path

from codex_lsp.agent.commands import Running
from codex_lsp.agent.prompt import Problem
from codex_lsp.agent.tools.exec_command import person_shell
from codex_lsp.agent.truncation import DEFAULT, Limit
from codex_lsp.agent.workplace import Workplace
from codex_lsp.config.codex_toml import CodexToml
from codex_lsp.lsp.diagnostics import problems
from codex_lsp.lsp.workbench import Workbench


async def workplace(bench: Workbench, about: Path) -> Workplace:
    """What a request about the file or folder `about` works with."""
    roots = bench.roots_for(about)
    config = await asyncio.to_thread(bench.adapters.configuration, roots[0])
    tokens = config.tool_output_token_limit
    return Workplace(
        model=bench.choice.model(config),
        editor=bench.editor,
        snapshots=partial(bench.buffers.snapshot, roots),
        conversation_id=bench.conversation_id,
        context_bytes=bench.settings.context_bytes,
        effort=bench.choice.effort(config),
        reported=partial(_reported, bench),
        window=bench.adapters.window(config, bench.choice.server()),
        limit=DEFAULT if tokens is None else Limit(tokens),
        running=_running(bench, config),
        archive=bench.adapters.archive,
    )


def _running(bench: Workbench, config: CodexToml) -> Running | None:
    """How commands are run here; None where they are not."""
    if bench.adapters.runner is None:
        return None
    return Running(
        bench.adapters.runner,
        person_shell(os.environ),
        bench.adapters.checkpoints,
        login=config.allow_login_shell,
        longest_wait=config.background_terminal_max_timeout / 1000,
        idle=bench.settings.command_idle_minutes * 60 or None,
    )


def _reported(bench: Workbench, path: Path) -> tuple[Problem, ...] | None:
    """What the editor passed on about the file at `path`."""
    document = bench.buffers.at(path)
    uri = path.as_uri() if document is None else document.uri
    found = bench.diagnostics.reported(uri)
    return None if found is None else problems(found)
