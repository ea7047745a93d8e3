"""What the agent wants to do that may need the person's word, and what the person said.

A tool that wants more than to read, or to change the open text, asks a `Permit` first. Who decides
(policy, rules, the person in the editor) is behind it; a tool only learns the decision.
"""

from __future__ import annotations

import enum
import hashlib
import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import assert_never

_MOST_NAMED = 10


@dataclass(frozen=True, slots=True)
class RunCommand:
    """A command, exactly as it will be run.

    `environment` holds what is set beyond the child's usual variables. `confinement` says in words
    what the sandbox will really hold back; "" where there is none and the question has to say so.
    `in_place`: what it changes in the workspace is done at once, as `confinement` says too.
    `unseen` are the files whose unsaved text it does not see. `reason` is the model's own, and is
    shown as such.
    """

    argv: tuple[str, ...]
    cwd: Path
    environment: tuple[tuple[str, str], ...] = ()
    confinement: str = ""
    network: bool = False
    reason: str = ""
    in_place: bool = False
    unseen: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TouchProtected:
    """A change of a file that configures tools or holds secrets; `preview` shows it as text."""

    path: Path
    preview: str


@dataclass(frozen=True, slots=True)
class ChangeFiles:
    """A change of files that a job makes unreviewed; `preview` shows it as text."""

    paths: tuple[Path, ...]
    preview: str


@dataclass(frozen=True, slots=True)
class UseServer:
    """Starting (`argv`, in `cwd`) or connecting to (`url`) an MCP server of the configuration.

    `sets` is what is set for it (variables of its own, headers), and `passes` the names of the
    person's variables that it gets. `files` are those of the workspace that it is started from,
    each with a digest of what is in it.
    """

    name: str
    argv: tuple[str, ...] = ()
    url: str = ""
    cwd: str = ""
    sets: tuple[tuple[str, str], ...] = ()
    passes: tuple[str, ...] = ()
    files: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class CallServerTool:
    """A call of a tool of an MCP server; `arguments` is its JSON document."""

    server: str
    tool: str
    arguments: str


@dataclass(frozen=True, slots=True)
class TrustFolder:
    """Heeding what the files of a folder configure; only the person says so, and it is noted."""

    folder: Path


Action = RunCommand | TouchProtected | ChangeFiles | UseServer | CallServerTool | TrustFolder


class Scope(enum.Enum):
    """How far a permission reaches."""

    ONCE = "once"
    SESSION = "session"
    PROJECT = "project"


@dataclass(frozen=True, slots=True)
class Allowed:
    """It may be done, exactly as it was described: `fingerprint` is that of the action."""

    fingerprint: str
    scope: Scope = Scope.ONCE


@dataclass(frozen=True, slots=True)
class Denied:
    """It may not be done; the turn goes on. `reason` is for the model."""

    reason: str = ""


Decision = Allowed | Denied

Permit = Callable[[Action], Awaitable[Decision]]
"""Decides, asking the person where needed; may take as long as the person does. Being cancelled
withdraws the question."""


def fingerprint(action: Action) -> str:
    """What `action` does, as a digest; two actions share one only if they do the same.

    What only comes with an action (`reason`, `unseen`) is not part of it. Whoever carries an action
    out compares this with what was allowed, last of all (`covers`).
    """
    document = json.dumps([type(action).__name__, *_essence(action)], ensure_ascii=True)
    return hashlib.sha256(document.encode()).hexdigest()


def covers(decision: Allowed, action: Action) -> bool:
    """Whether it is this very action that was allowed."""
    return decision.fingerprint == fingerprint(action)


def unsaved(names: Sequence[str]) -> str:
    """The files whose text is not saved, as the subject of a sentence."""
    files = "1 file" if len(names) == 1 else f"{len(names)} files"
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return f"unsaved changes in {files} ({', '.join(names[:_MOST_NAMED])}{more})"


def _essence(action: Action) -> list[object]:
    match action:
        case RunCommand(argv, cwd, environment, confinement, network):
            return [argv, str(cwd), sorted(environment), confinement, network]
        case TouchProtected(path, preview):
            return [str(path), preview]
        case ChangeFiles(paths, preview):
            return [[str(path) for path in paths], preview]
        case UseServer(name, argv, url, cwd, sets, passes, files):
            return [name, argv, url, cwd, sets, passes, files]
        case CallServerTool(server, tool, arguments):
            return [server, tool, arguments]
        case TrustFolder(folder):
            return [str(folder)]
        case _:
            assert_never(action)
