"""A whole patch against the texts of its files: every change, or every reason why not.

Nothing is planned by halves: one chunk without a place, and no file changes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from codex_lsp.edits.locate import Misfit, locate
from codex_lsp.edits.patch import AddFile, DeleteFile, Patch, Section, UpdateFile, same_path
from codex_lsp.edits.text import TextEdit


@dataclass(frozen=True, slots=True)
class Create:
    """Write a file that is new; `replaces`: one that the patch deletes by its own words."""

    path: str
    text: str
    replaces: bool


@dataclass(frozen=True, slots=True)
class Remove:
    """Delete a file."""

    path: str


@dataclass(frozen=True, slots=True)
class Rewrite:
    """Make `edits` in a file, then rename it if `move_to` is given. No edits: nothing to change."""

    path: str
    edits: tuple[TextEdit, ...]
    move_to: str | None


Change = Create | Remove | Rewrite


@dataclass(frozen=True, slots=True)
class Obstacle:
    """A file is there that should not be, or is not there that should be."""

    path: str
    text: str


Problem = Misfit | Obstacle


@dataclass(frozen=True, slots=True)
class Unplannable:
    """Why the patch cannot be made; no part of it was planned."""

    problems: tuple[Problem, ...]

    @property
    def text(self) -> str:
        """For the model."""
        return "\n".join(problem.text for problem in self.problems)


def paths(patch: Patch) -> tuple[str, ...]:
    """The files whose texts `plan` needs, as the patch names them."""
    named = [section.path for section in patch.sections]
    named += [s.move_to for s in patch.sections if isinstance(s, UpdateFile) and s.move_to]
    return tuple(dict.fromkeys(named))


def plan(
    patch: Patch, texts: Mapping[str, str | None], near: Mapping[str, int] | None = None
) -> tuple[Change, ...] | Unplannable:
    """What `patch` changes, given each path's text (None: there is no such file).

    `near` gives the 0-based line that the person is at, where there is one.
    """
    changes: list[Change] = []
    problems: list[Problem] = []
    for section in patch.sections:
        change = _change(section, texts, (near or {}).get(section.path))
        if isinstance(change, Misfit | Obstacle):
            problems.append(change)
        else:
            changes.append(change)
    return Unplannable(tuple(problems)) if problems else tuple(changes)


def _change(
    section: Section, texts: Mapping[str, str | None], near: int | None
) -> Change | Problem:
    text = texts.get(section.path)
    if isinstance(section, AddFile):
        if text is not None and not section.replaces:
            return Obstacle(section.path, f"{section.path} exists already; update it instead")
        return Create(section.path, section.text, replaces=section.replaces)
    if text is None:
        return Obstacle(section.path, f"{section.path} does not exist")
    if isinstance(section, DeleteFile):
        return Remove(section.path)
    target = section.move_to
    if target is not None and same_path(target) == same_path(section.path):
        target = None
    if target is not None and texts.get(target) is not None:
        return Obstacle(target, f"{section.path} cannot be moved: {target} exists already")
    edits = locate(section, text, near)
    return edits if isinstance(edits, Misfit) else Rewrite(section.path, edits, target)
