"""`search_files`: the lines of the workspace that match, unsaved text included."""

from __future__ import annotations

from codex_lsp.agent.conversation import FunctionTool
from codex_lsp.agent.ports import Snapshots
from codex_lsp.agent.tools.arguments import BadCall, arguments_of, flag, needed, text
from codex_lsp.agent.tools.list_files import folders_at
from codex_lsp.agent.tools.tool import Answer
from codex_lsp.agent.truncation import DEFAULT, Limit, output
from codex_lsp.workspace.search import SECONDS, BadPattern, Found, Query, search
from codex_lsp.workspace.snapshot import Snapshot

MOST_MATCHES = 200

SPEC = FunctionTool(
    name="search_files",
    description=(
        "Finds the lines of the workspace's text files that match a regular expression, unsaved "
        "changes included; ignored files are left out. Answers with path:line:text, at most "
        f"{MOST_MATCHES} lines."
    ),
    parameters={
        "type": "object",
        "properties": {
            "pattern": {"type": "string", "description": "Regular expression, for one line."},
            "path": {"type": "string", "description": "File or folder to look in."},
            "glob": {"type": "string", "description": "Names to look at, such as *.py."},
            "literal": {"type": "boolean", "description": "The pattern is plain text."},
            "ignore_case": {"type": "boolean"},
        },
        "required": ["pattern"],
        "additionalProperties": False,
    },
)


class SearchFiles:
    """The tool for one turn; looks at the text as it is when called."""

    spec = SPEC
    reads_only = True

    def __init__(self, snapshots: Snapshots, limit: Limit = DEFAULT) -> None:
        self._snapshots = snapshots
        self._limit = limit

    async def run(self, arguments: str) -> Answer:
        """Answer with the lines, or with why there are none."""
        snapshot = self._snapshots()
        try:
            given = arguments_of(arguments)
            found = Found()
            for below in folders_at(snapshot, text(given, "path")):
                query = Query(
                    needed(given, "pattern"),
                    below,
                    text(given, "glob"),
                    literal=flag(given, "literal"),
                    any_case=flag(given, "ignore_case"),
                )
                more = await search(snapshot, query, most=MOST_MATCHES - len(found.matches))
                found.matches += more.matches
                found.cut, found.late = found.cut or more.cut, found.late or more.late
        except BadCall as error:
            return Answer(f"search_files: {error}")
        except BadPattern as error:
            return Answer(f"search_files: the pattern is no regular expression: {error}")
        return Answer(output(_told(snapshot, found), self._limit))


def _told(snapshot: Snapshot, found: Found) -> str:
    lines = [f"{snapshot.name(one.path)}:{one.line}:{one.text}" for one in found.matches]
    if found.late:
        lines.append(f"(the search was stopped after {SECONDS:.0f} s; look in less)")
    elif found.cut:
        lines.append(f"(more than {MOST_MATCHES} lines match; look in less)")
    return "\n".join(lines) if lines else "No line matches."
