"""Holds the text of a config.toml against the schema: what can be used of it, and what is wrong.

A value that cannot be used counts as unset, and is a `Problem` with its place: a typing error in a
settings file must not take the whole server down.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from codex_lsp.config import schema
from codex_lsp.config.schema import Key
from codex_lsp.config.toml_text import Place, line_and_column, line_starts, place_of, places

Settings = Mapping[str, Any]
Severity = Literal["error", "warning"]
USER_FILE = "config.toml"


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong, for the person. `line`, `column` and `end` (not inclusive) count from 1.

    An error is a value that is not used; a warning is something that has no effect.
    """

    message: str
    line: int | None = None
    column: int = 1
    end: int = 1
    severity: Severity = "error"
    source: str = USER_FILE

    def __str__(self) -> str:
        place = f"{self.source}, line {self.line}" if self.line else self.source
        return f"{place}: {self.message}"


@dataclass(frozen=True, slots=True)
class Checked:
    """What can be used of one text. Paths in `settings` are absolute where the folder is known."""

    settings: Settings = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class Origin:
    """Where settings come from: how it is called, the folder that relative paths start from, and
    whether it is a project's own file, which may not set everything.
    """

    source: str = USER_FILE
    folder: Path | None = None
    project: bool = False


def check(text: str, origin: Origin = Origin()) -> Checked:
    """What can be used of `text`; never raises."""
    try:
        document = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        return Checked(problems=(_no_toml(error, origin.source),))
    return check_document(document, origin, Marker(text, origin.source))


def check_document(document: Settings, origin: Origin, mark: Marker) -> Checked:
    """The same for settings that are read already."""
    inspector = _Inspector(origin, mark)
    settings = inspector.table(document, (), ())
    return Checked(settings, tuple(inspector.problems))


class Marker:
    """Makes problems, with the place in `text` that a key has."""

    def __init__(self, text: str, source: str) -> None:
        self._text = text
        self._source = source
        self._places: tuple[Place, ...] | None = None

    def __call__(
        self, path: tuple[str, ...], message: str, severity: Severity = "error"
    ) -> Problem:
        """A problem at `path`, or at the nearest thing around it."""
        if self._places is None:
            self._places = places(self._text)
        place = place_of(self._places, path)
        if place is None:
            return Problem(message, severity=severity, source=self._source)
        line, column = line_and_column(line_starts(self._text), place.start)
        end = column + place.end - place.start
        return Problem(message, line + 1, column + 1, end + 1, severity, self._source)


class _Inspector:
    def __init__(self, origin: Origin, mark: Marker) -> None:
        self.problems: list[Problem] = []
        self._origin = origin
        self._mark = mark

    def table(
        self, values: Settings, path: tuple[str, ...], meant: tuple[str, ...]
    ) -> dict[str, Any]:
        """What can be used of a table. It stands at `path` and is checked as what is `meant`."""
        good: dict[str, Any] = {}
        for name, value in values.items():
            here = (*path, name)
            key = schema.find((*meant, name))
            if key is None:
                self._complain(here, _unknown(here, (*meant, name)), "warning")
            elif self._origin.project and not key.project:
                text = f"a project may not set {dotted(here)}, so it has no effect here"
                self._complain(here, text, "warning")
            elif (wrong := _wrong(key, value)) is not None:
                self._complain(here, f"{dotted(here)} must be {wrong}")
            else:
                good[name] = self._usable(key, value, here, (*meant, name))
        return good

    def _usable(self, key: Key, value: Any, path: tuple[str, ...], meant: tuple[str, ...]) -> Any:
        if key.path == "profiles.*":
            return self.table(value, path, ())
        if key.kind == "table" or (key.or_table and isinstance(value, dict)):
            return self.table(value, path, meant)
        if key.kind == "path":
            return self._absolute(value)
        if key.kind == "paths":
            return [self._absolute(one) for one in value]
        return value

    def _absolute(self, path: str) -> str:
        try:
            found = Path(path).expanduser()
        except RuntimeError:  # ~name of somebody who does not exist
            found = Path(path)
        return str(found if self._origin.folder is None else self._origin.folder / found)

    def _complain(self, path: tuple[str, ...], message: str, severity: Severity = "error") -> None:
        self.problems.append(self._mark(path, message, severity))


def dotted(path: tuple[str, ...]) -> str:
    """A path as TOML spells it."""
    bare = re.compile(r"[A-Za-z0-9_\-]+")
    return ".".join(part if bare.fullmatch(part) else f'"{part}"' for part in path)


def _unknown(path: tuple[str, ...], meant: tuple[str, ...]) -> str:
    from difflib import get_close_matches  # noqa: PLC0415 - only where something is misspelled

    siblings = [key.parts[-1] for key in schema.under(meant[:-1])]
    near = get_close_matches(path[-1], siblings, 1)
    hint = f"; did you mean {near[0]}?" if near else ""
    return f"{dotted(path)} is not known, so it has no effect{hint}"


def _wrong(key: Key, value: object) -> str | None:
    """What `value` must be and is not; None if it is."""
    if key.or_table and isinstance(value, dict):
        return None
    if key.choices:
        return None if value in key.choices else f"one of {', '.join(key.choices)}"
    low = key.kind == "count" and isinstance(value, int) and value < key.least
    if low or not _FITS[key.kind](value):
        name = _NAMES[key.kind]
        return f"{name} above {key.least - 1}" if key.kind == "count" else name
    return None


def _no_toml(error: Exception, source: str) -> Problem:
    at = re.search(r"\(at line (\d+), column (\d+)\)", str(error))
    line, column = (int(at[1]), int(at[2])) if at else (None, 1)
    message = f"is not TOML, nothing is read: {error}"
    return Problem(message, line, column, column + 1, source=source)


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _are_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)


def _is_table_of_texts(value: object) -> bool:
    return isinstance(value, dict) and all(isinstance(one, str) for one in value.values())


def _is_duration(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value > 0


_FITS: Mapping[schema.Kind, Callable[[object], bool]] = {
    "text": _is_text,
    "path": _is_text,
    "flag": lambda value: isinstance(value, bool),
    "count": _is_count,
    "seconds": _is_duration,
    "texts": _are_texts,
    "paths": _are_texts,
    "text or texts": lambda value: isinstance(value, str) or _are_texts(value),
    "table of texts": _is_table_of_texts,
    "table": lambda value: isinstance(value, dict),
    "open table": lambda value: isinstance(value, dict),
    "anything": lambda _value: True,
    "refused": lambda _value: False,
}
_NAMES: Mapping[schema.Kind, str] = {
    "text": "a text that is not empty",
    "path": "a path",
    "flag": "true or false",
    "count": "a whole number",
    "seconds": "a number above 0",
    "texts": "a list of texts",
    "paths": "a list of paths",
    "text or texts": "a text or a list of texts",
    "table of texts": "a table of texts",
    "table": "a table",
    "open table": "a table",
    "anything": "anything",
    "refused": "left out: name the variable that holds it, as bearer_token_env_var",
}
