"""`exec_command`: runs a command in a shell. Its names and the form of its answers are those that
Codex models were trained on. What may be run, and how, is decided behind `Commands`.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import cast

from codex_lsp.agent import truncation
from codex_lsp.agent.commands import Commands, Wanted
from codex_lsp.agent.conversation import FunctionTool
from codex_lsp.agent.ports import Snapshots
from codex_lsp.agent.tools.tool import Answer
from codex_lsp.workspace.containment import Outside
from codex_lsp.workspace.snapshot import Snapshot

_DEFAULT_YIELD, _LEAST_YIELD, _MOST_YIELD = 10_000, 250, 30_000  # milliseconds
_SHELLS = ("bash", "zsh", "sh", "dash", "ksh")

SPEC = FunctionTool(
    name="exec_command",
    description=(
        "Runs a command in a shell and returns its output, or a session ID if it still runs when "
        "yield_time_ms is over. It sees the open files as they are in the editor, saved or not; "
        "what it changes is reviewed like any edit. Change files with apply_patch instead."
    ),
    parameters={
        "type": "object",
        "properties": {
            "cmd": {"type": "string", "description": "The command line for the shell."},
            "workdir": {
                "type": "string",
                "description": "Folder to run it in. Default: the workspace folder.",
            },
            "shell": {"type": "string", "description": "Shell to use instead of the person's."},
            "login": {
                "type": "boolean",
                "description": "Read the login files of the shell first. Default: false.",
            },
            "tty": {
                "type": "boolean",
                "description": "Give it a terminal, so that write_stdin can type. Default: false.",
            },
            "yield_time_ms": {
                "type": "number",
                "description": "How long to wait for output. Default 10000, 250 to 30000.",
            },
            "max_output_tokens": {
                "type": "number",
                "description": "Output above this is cut in the middle. Default 10000.",
            },
            "sandbox_permissions": {
                "type": "string",
                "description": (
                    "require_escalated asks the person to let it run without the sandbox; "
                    "say why in justification. Default: use_default."
                ),
                "enum": ["use_default", "require_escalated"],
            },
            "justification": {
                "type": "string",
                "description": "One short question to the person, with require_escalated only.",
            },
        },
        "required": ["cmd"],
        "additionalProperties": False,
    },
)


def _without(schema: Mapping[str, object], name: str) -> dict[str, object]:
    properties = cast("dict[str, object]", schema["properties"])
    left = {key: value for key, value in properties.items() if key != name}
    return {**schema, "properties": left}


# A patch that is handed to a program of the tool's name: the model means the tool.
_PATCH = re.compile(
    r"\s*(?:apply_patch|applypatch)\s*<<-?\s*(['\"]?)(?P<mark>\w+)\1[ \t]*\n"
    r"(?P<patch>.*?)\n\s*(?P=mark)\s*",
    re.DOTALL,
)
_NAMED = re.compile(r"(?:^|[;&|\n(])\s*(?:apply_patch|applypatch)\b")

_NO_LOGIN = replace(SPEC, parameters=_without(SPEC.parameters, "login"))

ApplyText = Callable[[str], Awaitable[Answer]]


class ExecCommand:
    """The tool for one turn. `shell` is the person's; `login` whether it may be a login shell.

    Codex models know a `prefix_rule` too, a word of theirs on what else could be allowed alike: it
    is not offered, for a permission here is for what was shown and nothing else.
    """

    reads_only = False

    def __init__(
        self,
        commands: Commands,
        snapshots: Snapshots,
        apply_patch: ApplyText,
        *,
        shell: str,
        login: bool = True,
        limit: truncation.Limit = truncation.DEFAULT,
    ) -> None:
        self._commands = commands
        self._snapshots = snapshots
        self._apply_patch = apply_patch
        self._shell = shell
        self._login = login
        self.spec = SPEC if login else _NO_LOGIN
        self._limit = limit

    async def run(self, arguments: str) -> Answer:
        """Run it; see `Commands.run` for what may happen first."""
        given = fields(arguments, SPEC)
        if isinstance(given, str):
            return Answer(given)
        cmd = str(given["cmd"])
        if patch := _PATCH.fullmatch(cmd):
            return await self._apply_patch(patch["patch"] + "\n")
        if _NAMED.search(cmd):
            return Answer("apply_patch is not a command here: call the tool apply_patch.")
        if given.get("login") is True and not self._login:
            return Answer("exec_command failed: the person allows no login shell; leave out login")
        cwd = folder(given.get("workdir"), self._snapshots())
        if isinstance(cwd, Outside):
            return Answer(cwd.reason)
        wanted = Wanted(
            self._argv(cmd, given),
            cwd,
            tty=given.get("tty") is True,
            escalated=given.get("sandbox_permissions") == "require_escalated",
            reason=str(given.get("justification") or ""),
        )
        seconds = clamped(given.get("yield_time_ms"), _DEFAULT_YIELD, _LEAST_YIELD, _MOST_YIELD)
        limit = self._limit.at_most(count(given.get("max_output_tokens")))
        return Answer(await self._commands.run(wanted, seconds=seconds, limit=limit))

    def _argv(self, cmd: str, given: Mapping[str, object]) -> tuple[str, ...]:
        shell = str(given.get("shell") or self._shell)
        return (shell, "-lc" if given.get("login") is True else "-c", cmd)


def folder(workdir: object, snapshot: Snapshot) -> Path | Outside:
    """Where a command runs: in the workspace, by every link."""
    if not snapshot.roots:
        return Outside("exec_command failed: no workspace folder is open")
    named = str(workdir or "")
    try:
        place = (snapshot.roots[0] / named).resolve()
    except (OSError, ValueError, RuntimeError):
        return Outside(f"exec_command failed: {named} is no folder")
    if not any(place.is_relative_to(root) for root in snapshot.roots):
        return Outside(f"exec_command failed: {named} is outside the workspace")
    if not place.is_dir():
        return Outside(f"exec_command failed: {named} is no folder of the workspace")
    return place


def person_shell(env: Mapping[str, str]) -> str:
    """The person's shell, if models know its language; else the one that every system has."""
    shell = env.get("SHELL", "")
    if Path(shell).name in _SHELLS and os.access(shell, os.X_OK):
        return shell
    return "/bin/bash" if os.access("/bin/bash", os.X_OK) else "/bin/sh"


def fields(arguments: str, spec: FunctionTool) -> dict[str, object] | str:
    """The arguments of a call, each of the kind that `spec` says; else why not, for the model."""
    try:
        given = json.loads(arguments)
    except (ValueError, RecursionError) as error:
        return f"failed to parse function arguments: {error}"
    if not isinstance(given, dict):
        return "failed to parse function arguments: they are no JSON object"
    required = cast("list[str]", spec.parameters["required"])
    properties = cast("dict[str, dict[str, str]]", spec.parameters["properties"])
    if missing := [name for name in required if given.get(name) is None]:
        return f"failed to parse function arguments: missing field `{missing[0]}`"
    for name, value in given.items():
        kind = properties.get(name, {}).get("type")
        if value is not None and kind is not None and not _KINDS[kind](value):
            return f"failed to parse function arguments: `{name}` is no {kind}"
    return given


_KINDS: Mapping[str, Callable[[object], bool]] = {
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "array": lambda value: isinstance(value, list),
}


def clamped(value: object, default: int, least: float, most: float) -> float:
    """A time in milliseconds that the model asks for, in seconds, within its bounds."""
    asked = value if isinstance(value, int | float) and value == value else default  # noqa: PLR0124 - NaN alone differs from itself
    return min(max(asked, least), most) / 1000


def count(value: object) -> int | None:
    """A number of tokens that the model asks for."""
    if isinstance(value, int | float) and 0 <= value < 1 << 31:
        return int(value)
    return None
