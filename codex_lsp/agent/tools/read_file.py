"""`read_file`: lets the model see more of the workspace, unsaved text included."""

from __future__ import annotations

import asyncio
import json
from itertools import accumulate, takewhile
from typing import cast

from codex_lsp.agent.context.lines import split_lines
from codex_lsp.agent.conversation import FunctionTool
from codex_lsp.agent.ports import Snapshots
from codex_lsp.agent.tools.tool import Answer
from codex_lsp.agent.truncation import Limit
from codex_lsp.workspace.containment import Outside
from codex_lsp.workspace.disk import Unusable
from codex_lsp.workspace.snapshot import Found, Missing

MOST_LINES = 400
MOST_CHARACTERS = 60_000

SPEC = FunctionTool(
    name="read_file",
    description=(
        "Reads a text file of the workspace as the person sees it in the editor, unsaved changes "
        f"included. At most {MOST_LINES} lines at a time."
    ),
    parameters={
        "type": "object",
        "properties": {
            "path": {"type": "string", "description": "Path relative to the workspace."},
            "start_line": {"type": "integer", "description": "First line, from 1. Default 1."},
            "end_line": {"type": "integer", "description": "Last line, inclusive."},
        },
        "required": ["path"],
        "additionalProperties": False,
    },
)


class ReadFile:
    """The tool for one turn; reads the text as it is when called."""

    spec = SPEC
    reads_only = True

    def __init__(self, snapshots: Snapshots, limit: Limit | None = None) -> None:
        self._snapshots = snapshots
        self._most = MOST_CHARACTERS if limit is None else min(limit.in_bytes, MOST_CHARACTERS)

    async def run(self, arguments: str) -> Answer:
        """Answer with the lines asked for, or with why there are none."""
        try:
            path, start, end = _arguments(arguments)
        except ValueError as error:
            return Answer(f"read_file: {error}")
        found = await asyncio.to_thread(self._snapshots().look, path)
        match found:
            case Outside(reason) | Unusable(reason):
                return Answer(f"read_file: {reason}")
            case Missing():
                return Answer(f"read_file: {path} does not exist")
            case Found(protected=True):
                return Answer(f"read_file: {path} is protected and is not sent")
            case Found():
                return Answer(_shown(found.text, start, end, self._most))


def _arguments(arguments: str) -> tuple[str, int, int]:
    value = json.loads(arguments or "{}")
    if not isinstance(value, dict) or not isinstance(value.get("path"), str):
        raise ValueError('give an object with a "path"')  # noqa: TRY004 - told to the model
    start, end = value.get("start_line") or 1, value.get("end_line")
    if not isinstance(start, int) or not isinstance(end, int | None):
        raise ValueError("start_line and end_line are whole numbers")  # noqa: TRY004 - likewise
    start = max(start, 1)
    last = start + MOST_LINES - 1
    return cast("str", value["path"]), start, min(end or last, last)


def _shown(text: str, start: int, end: int, most: int) -> str:
    rows = split_lines(text)
    if start > max(len(rows), 1):
        return f"The file has {len(rows)} lines."
    end = min(end, len(rows))
    asked = rows[start - 1 : end]
    fitting = list(takewhile(most.__ge__, accumulate(map(len, asked))))
    last = start - 1 + len(fitting)
    if last < start <= end:
        return f"Line {start} is too long to be shown ({len(asked[0])} characters)."
    shown = "".join(asked[: len(fitting)])
    return shown if last >= len(rows) else f"{shown}(line {last} of {len(rows)})\n"
