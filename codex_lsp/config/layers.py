"""config.toml as it holds: system, person, profile, project, command line, in this order; tables
are merged, everything else is replaced. The files are only read, never written.

A project's own files are not even opened unless the person trusts the project.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from codex_lsp.config.check import (
    USER_FILE,
    Checked,
    Marker,
    Origin,
    Problem,
    Settings,
    check,
    check_document,
)
from codex_lsp.config.codex_toml import CodexToml, TrustLevel, from_settings
from codex_lsp.config.toml_text import places

SYSTEM_FILE = Path("/etc/codex/config.toml")
COMMAND_LINE = "the command line"
_PROFILE_NAME = re.compile(r"[A-Za-z0-9_\-]+")


Trusted = Callable[[Mapping[str, TrustLevel], Path], bool]
"""Whether the files of a folder count, by what the person's own file says of folders."""


def _by_name(said: Mapping[str, TrustLevel], folder: Path) -> bool:
    return said.get(str(folder)) == "trusted"


@dataclass(frozen=True, slots=True)
class Sources:
    """Where settings come from, besides a project. `overrides` are `key=value`, as for `-c`."""

    home: Path
    profile: str | None = None
    overrides: tuple[str, ...] = ()
    system: Path = SYSTEM_FILE


def read(home: Path) -> CodexToml:
    """What the files of the system and of the person say."""
    return load(Sources(home))


def parse(text: str) -> CodexToml:
    """The settings in `text` alone, with the profile that it chooses."""
    return _finish([_with_profile(check(text), None, text)])


def load(
    sources: Sources,
    project: Path | None = None,
    trusted: Trusted = _by_name,
) -> CodexToml:
    """The settings for work in the folder `project`; without one, what holds everywhere."""
    user = _file(sources.home / USER_FILE, Origin(USER_FILE, sources.home))
    given = _overrides(sources.overrides)
    layers = [_file(sources.system, Origin(str(sources.system), sources.system.parent)), user]
    if sources.profile is not None:
        layers.append(_profile_file(sources, user))
    else:
        chosen = given.settings.get("profile")
        layers[-1] = _with_profile(user, chosen, _text(sources.home / USER_FILE))
    everywhere = _finish([*layers, given])
    own = projects(user.settings)
    if project is None:
        return replace(everywhere, projects=own)
    if counts := trusted(own, project):
        markers = everywhere.project_root_markers
        for folder in folders_to(project, markers):
            path = folder / ".codex" / USER_FILE
            if folder / ".codex" != sources.home:
                layers.append(_file(path, Origin(str(path), path.parent, project=True)))
    return replace(_finish([*layers, given]), projects=own, project=counts)


def folders_to(folder: Path, markers: Sequence[str]) -> list[Path]:
    """The folders from the top of the project down to `folder`; it alone if nothing marks one."""
    above = [folder, *folder.parents]
    for depth, place in enumerate(above):
        if any((place / marker).exists() for marker in markers):
            return above[depth::-1]
    return [folder]


def projects(settings: Settings) -> dict[str, TrustLevel]:
    """The trust that checked settings speak of."""
    return dict(from_settings({"projects": settings.get("projects", {})}).projects)


def merged(lower: Settings, upper: Settings) -> dict[str, Any]:
    """`upper` laid over `lower`."""
    result = dict(lower)
    for name, value in upper.items():
        below = result.get(name)
        if isinstance(below, dict) and isinstance(value, dict):
            value = merged(below, value)  # noqa: PLW2901 - the merged table takes its place
        result[name] = value
    return result


def _finish(layers: Sequence[Checked]) -> CodexToml:
    settings: Settings = {}
    for layer in layers:
        settings = merged(settings, layer.settings)
    return from_settings(settings, tuple(p for layer in layers for p in layer.problems))


def _file(path: Path, origin: Origin) -> Checked:
    """One layer; nothing where there is no file."""
    try:
        return check(_decoded(path), origin)
    except (FileNotFoundError, NotADirectoryError):
        return Checked()
    except UnicodeDecodeError as error:
        why = f"is not UTF-8 ({error.reason}); nothing is read"
    except OSError as error:
        why = f"cannot be read: {error.strerror}"
    return Checked(problems=(Problem(why, source=origin.source),))


def _text(path: Path) -> str:
    try:
        return _decoded(path)
    except (OSError, UnicodeDecodeError):
        return ""


def _decoded(path: Path) -> str:
    return path.read_bytes().decode("utf-8-sig")


def _with_profile(user: Checked, chosen: str | None, text: str) -> Checked:
    """The person's file with the `[profiles.NAME]` that is chosen laid over it."""
    name = chosen or user.settings.get("profile")
    if name is None:
        return user
    table: Settings | None = user.settings.get("profiles", {}).get(name)
    if table is not None:
        return replace(user, settings=merged(user.settings, table))
    problem = Marker(text, USER_FILE)(("profile",), f"profile “{name}” is chosen but not defined")
    return replace(user, problems=(*user.problems, problem))


def _profile_file(sources: Sources, user: Checked) -> Checked:
    name = sources.profile or ""
    path = sources.home / f"{name}.config.toml"
    found = Checked()
    why = None
    if not _PROFILE_NAME.fullmatch(name):
        why = f"“{name}” is no name of a profile"
    elif not path.is_file():
        why = f"profile “{name}” is chosen, and there is no {path.name}"
    else:
        found = _file(path, Origin(path.name, path.parent))
    if name in user.settings.get("profiles", {}):
        why = f"[profiles.{name}] is not read with --profile: its settings belong in {path.name}"
    if why is None:
        return found
    return replace(found, problems=(*found.problems, Problem(why, source=COMMAND_LINE)))


def _overrides(given: Sequence[str]) -> Checked:
    """The settings that `key=value` options make; a value that is no TOML is a text."""
    document: dict[str, Any] = {}
    problems: list[Problem] = []
    for option in given:
        name, sign, value = option.partition("=")
        path = [place.path for place in places(f"{name} = 0")][-1:]
        if not sign or not path:
            why = f"-c {option}: give key=value"
            problems.append(Problem(why, source=COMMAND_LINE))
            continue
        layer: Any = _value(value.strip())
        for part in reversed(path[0]):
            layer = {part: layer}
        document = merged(document, layer)
    origin = Origin(COMMAND_LINE, Path.cwd())
    found = check_document(document, origin, Marker("", COMMAND_LINE))
    return replace(found, problems=(*problems, *found.problems))


def _value(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except (ValueError, RecursionError):
        return text.strip("\"'")
