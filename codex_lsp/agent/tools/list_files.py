"""`list_files`: which files there are, without those that are ignored or kept out."""

from __future__ import annotations

import asyncio
from itertools import islice
from pathlib import Path

from codex_lsp.agent.conversation import FunctionTool
from codex_lsp.agent.ports import Snapshots
from codex_lsp.agent.tools.arguments import BadCall, arguments_of, count, text
from codex_lsp.agent.tools.tool import Answer
from codex_lsp.agent.truncation import DEFAULT, Limit, output
from codex_lsp.workspace.ignore import ignored
from codex_lsp.workspace.snapshot import Snapshot
from codex_lsp.workspace.tree import files

MOST_FILES = 1_000
_LOOKED_AT = 200_000

SPEC = FunctionTool(
    name="list_files",
    description=(
        "Lists the files of the workspace or of one of its folders, ignored ones left out, one "
        f"path a line and at most {MOST_FILES}."
    ),
    parameters={
        "type": "object",
        "properties": {
            "path": {"type": "string", "description": "Folder to list."},
            "glob": {"type": "string", "description": "Names to list, such as *.py."},
            "depth": {
                "type": "integer",
                "description": "How many folders deep; deeper ones are named with a slash.",
            },
        },
        "additionalProperties": False,
    },
)


class ListFiles:
    """The tool for one turn; looks at the folders as they are when called."""

    spec = SPEC
    reads_only = True

    def __init__(self, snapshots: Snapshots, limit: Limit = DEFAULT) -> None:
        self._snapshots = snapshots
        self._limit = limit

    async def run(self, arguments: str) -> Answer:
        """Answer with the paths, or with why there are none."""
        snapshot = self._snapshots()
        try:
            given = arguments_of(arguments)
            below = folders_at(snapshot, text(given, "path"))
            glob, depth = text(given, "glob"), count(given, "depth")
        except BadCall as error:
            return Answer(f"list_files: {error}")
        listed = await asyncio.to_thread(_listed, snapshot, below, glob, depth)
        return Answer(output(listed, self._limit))


def folders_at(snapshot: Snapshot, raw: str | None) -> tuple[Path, ...]:
    """Where to look: what `raw` names, else all of the workspace; raises `BadCall`."""
    if raw is None and snapshot.roots:
        return snapshot.tops()
    return (folder_at(snapshot, raw or "."),)


def folder_at(snapshot: Snapshot, raw: str) -> Path:
    """The folder or file of the workspace that `raw` names; raises `BadCall`."""
    if not snapshot.roots:
        raise BadCall("no workspace folder is open")
    try:
        path = (snapshot.roots[0] / raw).resolve()
    except (OSError, RuntimeError, ValueError) as error:
        raise BadCall(f"{raw} cannot be looked at") from error
    root = next((root for root in snapshot.roots if path.is_relative_to(root)), None)
    if root is None:
        raise BadCall(f"{raw} is outside the workspace")
    inside = path / "any" if path.is_dir() else path  # rules such as `build/` are for folders
    if ignored(inside, root, is_open=path in snapshot.buffers):
        raise BadCall(f"{raw} is kept out by .codexignore or .gitignore")
    if not path.exists() and path not in snapshot.buffers:
        raise BadCall(f"{raw} does not exist")
    return path


def _listed(
    snapshot: Snapshot, places: tuple[Path, ...], glob: str | None, depth: int | None
) -> str:
    if places[0].is_file():
        return snapshot.name(places[0])
    names: dict[str, None] = {}
    spec = None
    if glob is not None:
        from pathspec import GitIgnoreSpec  # noqa: PLC0415 - only where it is needed

        spec = GitIgnoreSpec.from_lines([glob])
    more = False
    found = ((below, path) for below in places for path in files(snapshot, below))
    for below, path in islice(found, _LOOKED_AT):
        root = next(root for root in snapshot.roots if below.is_relative_to(root))
        if spec is not None and not spec.match_file(path.relative_to(root).as_posix()):
            continue
        name = snapshot.name(path)
        parts = path.relative_to(below).parts
        if depth is not None and len(parts) > depth:
            name = snapshot.name(below.joinpath(*parts[:depth])) + "/"
        if name not in names and len(names) >= MOST_FILES:
            more = True
            break
        names[name] = None
    told = "\n".join(names) or "There are no files."
    return f"{told}\n(there are more; list less)" if more else told
