"""A patch as changes for the editor: planned whole against one snapshot, in the order in which they
are best made, with what the person has to be asked first. Touches nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import assert_never

from codex_lsp.agent.changes.changeset import ordered
from codex_lsp.agent.consent.actions import ChangeFiles, TouchProtected
from codex_lsp.agent.ports import ChangeFile, CreateFile, MoveFile, RemoveFile, TextChange
from codex_lsp.edits.diff import diff, unified
from codex_lsp.edits.misfit import Misfit
from codex_lsp.edits.patch import Patch
from codex_lsp.edits.plan import Create, Remove, Rewrite, Unplannable, paths, plan
from codex_lsp.edits.text import apply_edits
from codex_lsp.workspace.containment import Outside, may_hold_secrets
from codex_lsp.workspace.disk import Unusable
from codex_lsp.workspace.snapshot import Found, Missing, Snapshot

Place = Found | Missing | Outside | Unusable


@dataclass(frozen=True, slots=True)
class Planned:
    """What a patch comes to. `protected` are files that need the person's word first, and `plain`
    is the change of the others.
    """

    changes: tuple[TextChange, ...]
    protected: tuple[TouchProtected, ...]
    plain: ChangeFiles


def plan_on(
    base: Snapshot, patch: Patch, near: tuple[Path, int] | None, *, asks: bool
) -> Planned | str:
    """The changes that the patch makes on `base`; text for the model where it makes none.

    `asks`: the person can be asked about protected files, which else are not touched.
    """
    places: dict[str, Place] = {name: base.look(name) for name in paths(patch)}
    if problems := [text for name in places if (text := _barred(name, places[name], asks=asks))]:
        return "\n".join(problems)
    texts = {name: at.text if isinstance(at, Found) else None for name, at in places.items()}
    lines = {
        name: near[1]
        for name, at in places.items()
        if near is not None and isinstance(at, Found) and at.path == near[0]
    }
    planned = plan(patch, texts, lines)
    if isinstance(planned, Unplannable):
        return _told(planned, places)
    groups = [_changes(step, places) for step in planned]
    if problems := [group for group in groups if isinstance(group, str)]:
        return "\n".join(problems)
    changes = ordered([group for group in groups if not isinstance(group, str)])
    protected = {
        at.path for at in places.values() if isinstance(at, Found | Missing) and at.protected
    }
    asked = [_question(changes, path, base) for path in sorted(protected)]
    others = [change for change in changes if protected.isdisjoint(_touched(change))]
    touched = sorted({path for change in others for path in _touched(change)})
    shown = "".join(_preview(change, base) for change in others)
    return Planned(tuple(changes), tuple(asked), ChangeFiles(tuple(touched), shown))


def _barred(name: str, place: Place, *, asks: bool) -> str | None:
    """Why the model may not touch what stands at `name`, whatever the person says."""
    match place:
        case Outside(reason) | Unusable(reason):
            return reason
        case Found(path=path) if may_hold_secrets(path):
            return f"{name} is protected, as it may hold secrets: only the person may change it"
        case Found() | Missing() if place.protected and not asks:
            return f"{name} is protected: only the person may change it"
        case _:
            return None


def _is_protected(place: Place) -> bool:
    return isinstance(place, Found | Missing) and place.protected


def _told(unplannable: Unplannable, places: Mapping[str, Place]) -> str:
    """Why the patch does not fit, without a line of the files that are not sent."""
    texts = [
        f"{problem.path} is protected: it is not shown, and the patch does not fit it"
        if isinstance(problem, Misfit) and _is_protected(places[problem.path])
        else problem.text
        for problem in unplannable.problems
    ]
    return "\n".join(texts)


def _changes(
    step: Create | Remove | Rewrite, places: Mapping[str, Place]
) -> tuple[TextChange, ...] | str:
    """The changes for the editor, in order; text where there is nothing to change."""
    match step, places[step.path]:
        case Create(text=text), Missing(path=path):
            return (CreateFile(path, text),)
        case Create(text=text), Found() as at:
            return (ChangeFile(at.path, at.source, diff(at.text, text)),)
        case Remove(), Found() as at:
            return (RemoveFile(at.path, at.text),)
        case Rewrite(move_to=None, edits=edits), Found() as at if edits:
            return (ChangeFile(at.path, at.source, edits),)
        case Rewrite(move_to=str(target), edits=edits), Found() as at:
            to = places[target]
            if not isinstance(to, Missing):
                return f"{step.path} cannot be moved: {target} exists already"
            moved = MoveFile(at.path, to.path, at.text)
            return (moved, ChangeFile(to.path, at.source, edits)) if edits else (moved,)
        case _:
            return f"{step.path}: the patch changes nothing"


def _question(changes: Sequence[TextChange], path: Path, base: Snapshot) -> TouchProtected:
    """What the person is asked about a protected file: all that the patch does to it."""
    shown = [_preview(change, base) for change in changes if path in _touched(change)]
    return TouchProtected(path, "".join(shown))


def _touched(change: TextChange) -> set[Path]:
    return {change.path, change.to} if isinstance(change, MoveFile) else {change.path}


def _preview(change: TextChange, base: Snapshot) -> str:
    name = base.name(change.path)
    match change:
        case ChangeFile(base=source, edits=edits):
            return unified(source.text, apply_edits(source.text, edits), name)
        case CreateFile(text=text):
            return unified("", text, name) or f"new file {name}, empty\n"
        case RemoveFile(text=text):
            return f"deleted file {name}\n" + unified(text, "", name)
        case MoveFile(to=to):
            return f"rename from {name}\nrename to {base.name(to)}\n"
        case _:
            assert_never(change)
