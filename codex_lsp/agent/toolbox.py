"""Which tools a turn has: the one place where they are put together from a window's `Workplace`.

A quick fix gets only what it needs, because each tool is paid for with every request.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from codex_lsp.agent.steps import StepSink
from codex_lsp.agent.tools.apply_patch import ApplyPatch
from codex_lsp.agent.tools.ask_person import AskThePerson
from codex_lsp.agent.tools.diagnostics import Diagnostics
from codex_lsp.agent.tools.list_files import ListFiles
from codex_lsp.agent.tools.read_file import ReadFile
from codex_lsp.agent.tools.search_files import SearchFiles
from codex_lsp.agent.tools.tool import Tool
from codex_lsp.agent.tools.update_plan import UpdatePlan
from codex_lsp.agent.tools.view_image import ViewImage
from codex_lsp.agent.workplace import Workplace


@dataclass(frozen=True, slots=True)
class Toolbox:
    """The tools of one turn. `changed` fills with the texts of the files that they change."""

    tools: tuple[Tool, ...]
    changed: dict[str, str]


def for_answers(at: Workplace) -> Toolbox:
    """To answer a question: nothing can be changed."""
    return Toolbox((ReadFile(at.snapshots),), {})


def for_changes(
    at: Workplace, tell: StepSink, *, label: str, near: tuple[Path, int] | None
) -> Toolbox:
    """To change something in one round trip, two or three."""
    patch = ApplyPatch(at.editor, at.snapshots, tell, label=label, near=near, permit=at.permit)
    return Toolbox((patch, ReadFile(at.snapshots)), patch.changed)


@asynccontextmanager
async def for_jobs(
    at: Workplace, tell: StepSink, *, label: str, near: tuple[Path, int] | None
) -> AsyncIterator[Toolbox]:
    """All that there is. What a tool leaves running ends with the context."""
    patch = ApplyPatch(at.editor, at.snapshots, tell, label=label, near=near, permit=at.permit)
    tools: list[Tool] = [patch, *_looking(at), UpdatePlan(tell)]
    if at.ask is not None:
        tools.append(AskThePerson(at.ask, tell))
    yield Toolbox(tuple(tools), patch.changed)


def _looking(at: Workplace) -> list[Tool]:
    """What changes nothing."""
    seen = at.snapshots
    tools: list[Tool] = [ReadFile(seen), ListFiles(seen), SearchFiles(seen), ViewImage(seen)]
    return tools if at.reported is None else [*tools, Diagnostics(seen, at.reported)]
