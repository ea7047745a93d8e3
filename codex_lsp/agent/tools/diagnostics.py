"""`diagnostics`: what other tools reported about a file, as far as the editor passed it on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

from codex_lsp.agent.conversation import FunctionTool
from codex_lsp.agent.ports import Snapshots
from codex_lsp.agent.prompt import Problem, problems
from codex_lsp.agent.tools.arguments import BadCall, arguments_of, needed
from codex_lsp.agent.tools.tool import Answer
from codex_lsp.agent.truncation import DEFAULT, Limit, output
from codex_lsp.workspace import containment
from codex_lsp.workspace.containment import Outside
from codex_lsp.workspace.ignore import ignored

Reported = Callable[[Path], Sequence[Problem] | None]
"""The problems of a file as they were last reported; None if nothing was ever said about it."""

SPEC = FunctionTool(
    name="diagnostics",
    description=(
        "Tells the problems that the editor last reported for a file. After a change it may take a "
        "moment until they are up to date."
    ),
    parameters={
        "type": "object",
        "properties": {
            "path": {"type": "string", "description": "Path relative to the workspace."},
        },
        "required": ["path"],
        "additionalProperties": False,
    },
)


class Diagnostics:
    """The tool for one turn."""

    spec = SPEC
    reads_only = True

    def __init__(self, snapshots: Snapshots, reported: Reported, limit: Limit = DEFAULT) -> None:
        self._snapshots = snapshots
        self._reported = reported
        self._limit = limit

    async def run(self, arguments: str) -> Answer:
        """Answer with the problems, or with why none are known."""
        try:
            raw = needed(arguments_of(arguments), "path")
        except BadCall as error:
            return Answer(f"diagnostics: {error}")
        snapshot = self._snapshots()
        place = containment.resolve(raw, snapshot.roots)
        if isinstance(place, Outside):
            return Answer(f"diagnostics: {place.reason}")
        if place.protected:  # what is wrong in a line often quotes it
            return Answer(f"diagnostics: {raw} is protected and is not sent")
        is_open = place.path in snapshot.buffers
        if reason := await asyncio.to_thread(ignored, place.path, place.root, is_open=is_open):
            return Answer(f"diagnostics: {reason}")
        found = self._reported(place.path)
        if found is None:
            return Answer(f"The editor reported nothing about {raw}: it may be checked by no tool.")
        if not found:
            return Answer(f"There are no problems in {raw}.")
        return Answer(output(problems(found), self._limit))
