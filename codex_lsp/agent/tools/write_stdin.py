"""`write_stdin`: types into a command that `exec_command` left running, or waits for its output."""

from __future__ import annotations

from codex_lsp.agent import truncation
from codex_lsp.agent.commands import Commands
from codex_lsp.agent.conversation import FunctionTool
from codex_lsp.agent.tools.exec_command import clamped, count, fields
from codex_lsp.agent.tools.tool import Answer

_DEFAULT_YIELD, _LEAST_YIELD, _MOST_YIELD = 250, 250, 30_000  # milliseconds
_LEAST_POLL = 5_000

SPEC = FunctionTool(
    name="write_stdin",
    description=(
        "Types into a command that is still running and returns what it wrote since. Without "
        "chars it only waits for output. \\u0003 is Ctrl-C."
    ),
    parameters={
        "type": "object",
        "properties": {
            "session_id": {
                "type": "number",
                "description": "The session ID that exec_command returned.",
            },
            "chars": {"type": "string", "description": "What to type. Default: nothing."},
            "yield_time_ms": {
                "type": "number",
                "description": (
                    "How long to wait for output. After typing: default 250, 250 to 30000. "
                    "Without chars: at least 5000."
                ),
            },
            "max_output_tokens": {
                "type": "number",
                "description": "Output above this is cut in the middle. Default 10000.",
            },
        },
        "required": ["session_id"],
        "additionalProperties": False,
    },
)


class WriteStdin:
    """The tool for one turn. `longest_wait`: seconds that may be asked for without typing."""

    spec = SPEC
    reads_only = False

    def __init__(
        self,
        commands: Commands,
        limit: truncation.Limit = truncation.DEFAULT,
        *,
        longest_wait: float = 300.0,
    ) -> None:
        self._commands = commands
        self._longest = longest_wait * 1000
        self._limit = limit

    async def run(self, arguments: str) -> Answer:
        """Type, wait, and return what came."""
        given = fields(arguments, SPEC)
        if isinstance(given, str):
            return Answer(given)
        chars = str(given.get("chars") or "")
        longest = (min(_LEAST_POLL, self._longest), self._longest)
        least, most = (_LEAST_YIELD, _MOST_YIELD) if chars else longest
        seconds = clamped(given.get("yield_time_ms"), _DEFAULT_YIELD, least, most)
        session = count(given["session_id"])
        limit = self._limit.at_most(count(given.get("max_output_tokens")))
        number = -1 if session is None else session
        return Answer(await self._commands.poll(number, chars, seconds=seconds, limit=limit))
