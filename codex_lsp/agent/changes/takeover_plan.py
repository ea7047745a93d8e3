"""Where each change of a command belongs, what of it the person is asked about, and in which order
it is made. Reads the disk; changes nothing.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import assert_never

from codex_lsp.agent.consent.shown import MOST_SHOWN
from codex_lsp.agent.ports import (
    FileChange,
    FolderGone,
    FolderMade,
    Gone,
    Linked,
    Odd,
    Wrote,
)
from codex_lsp.edits.diff import unified
from codex_lsp.workspace import containment, disk, ignore, raw
from codex_lsp.workspace.containment import Inside
from codex_lsp.workspace.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class Planned:
    """A change that may be made. `straight`: it is no part of the project, and not reviewed."""

    change: FileChange
    root: Path
    straight: bool
    protected: bool


def plan(changes: Sequence[FileChange], ran_on: Snapshot) -> tuple[list[Planned], list[str]]:
    """Where each change belongs; and what can be made nowhere."""
    brought = _brought(changes)
    rules = {root: ignore.Lookup(root, brought) for root in ran_on.roots}
    planned: list[Planned] = []
    said: list[str] = []
    for change in changes:
        path = change.path
        root = next((root for root in ran_on.roots if path.is_relative_to(root)), None)
        if path.parent.resolve() != path.parent:
            said.append(f"{ran_on.name(path)} is reached by a link now")
        elif root is None:
            # A folder beside the workspace that the person lets commands write.
            guarded = containment.guarded(path, Path(path.anchor)) or _leads_out(
                change, [path.parent]
            )
            planned.append(Planned(change, path.parent, straight=True, protected=guarded))
        else:
            one = _placed(change, root, rules[root], ran_on)
            planned += [] if isinstance(one, str) else [one]
            said += [one] if isinstance(one, str) else []
    return planned, said


def protected(planned: Sequence[Planned]) -> dict[Path, list[Planned]]:
    """What is to be asked about, and the changes that each question is for."""
    groups: dict[Path, list[Planned]] = {}
    for one in planned:
        if one.protected:
            groups.setdefault(_outermost(one), []).append(one)
    return groups


def preview(members: Sequence[Planned], ran_on: Snapshot) -> str | None:
    """What the changes of protected files are, to be read by the person; "" for none, None
    where they are nothing to be read.
    """
    shown = [_shown(one.change, ran_on) for one in members]
    return None if None in shown else "\n".join(text for text in shown if text)


def in_order(planned: list[Planned]) -> tuple[list[Planned], list[Planned]]:
    """What has to make room for something else; and the rest, deletions last, so that nothing is
    gone before what comes in its place is there. Folders go before what is in them, and in the
    end, so that all can be taken back in the opposite order.
    """
    left = _leaves([one.change for one in planned])
    made = left | {one.change.path for one in planned if isinstance(one.change, FolderMade)}
    room: list[Planned] = []
    others: list[Planned] = []
    for one in planned:
        path = one.change.path
        in_the_way = path in made or not left.isdisjoint(path.parents)
        gives_way = isinstance(one.change, Gone | FolderGone) and in_the_way
        (room if gives_way else others).append(one)
    writes = [one for one in others if isinstance(one.change, Wrote | Linked | Odd)]
    folders = [one for one in others if isinstance(one.change, FolderMade)]
    gone = [one for one in others if isinstance(one.change, Gone)]
    emptied = [one for one in others if isinstance(one.change, FolderGone)]
    return room, [*folders, *writes, *gone, *emptied]


def filled(changes: Sequence[FileChange]) -> frozenset[Path]:
    """The folders that something was left in."""
    return frozenset(folder for path in _leaves(changes) for folder in path.parents)


def _leaves(changes: Sequence[FileChange]) -> set[Path]:
    """What was left in folders."""
    return {change.path for change in changes if isinstance(change, Wrote | Linked)}


def _brought(changes: Sequence[FileChange]) -> dict[Path, Path]:
    """What folders that are all new say themselves: tools have git pass over their caches so."""
    return {
        change.path: change.source
        for change in changes
        if isinstance(change, Wrote)
        and change.path.name == ignore.GIT
        and not os.path.lexists(change.path.parent)
    }


def _placed(
    change: FileChange, root: Path, rules: ignore.Lookup, ran_on: Snapshot
) -> Planned | str:
    """A change below `root`; words where it cannot be made."""
    path = change.path
    # Rules such as `build/` are for what is in a folder.
    named = path / "any" if isinstance(change, FolderMade | FolderGone) else path
    ignored = path not in ran_on.buffers and rules.matches(named, ignore.GIT)
    guarded = (
        containment.guarded(path, root)
        or rules.matches(path, ignore.CODEX)
        or _leads_out(change, ran_on.roots)
    )
    if path.is_file() and not path.is_symlink():
        place = containment.resolve(str(path), [root])
        if isinstance(place, Inside):
            guarded = guarded or place.protected
        elif not ignored:
            return place.reason
    return Planned(change, root, straight=ignored and not guarded, protected=guarded)


def _leads_out(change: FileChange, roots: Sequence[Path]) -> bool:
    """Whether it is a link to what may not be changed through it."""
    if not isinstance(change, Linked):
        return False
    goal = (change.path.parent / change.target).resolve()
    root = next((root for root in roots if goal.is_relative_to(root)), None)
    return root is None or containment.guarded(goal, root)


def _outermost(one: Planned) -> Path:
    """The outermost protected thing on the way to a change."""
    path = one.change.path
    if isinstance(one.change, Linked):
        return path.parent
    if not path.is_relative_to(one.root):
        return path
    at = one.root
    for part in path.relative_to(one.root).parts:
        at /= part
        if containment.is_protected(at.relative_to(one.root)):
            return at
    return path


def _shown(change: FileChange, ran_on: Snapshot) -> str | None:
    name = ran_on.name(change.path)
    match change:
        case Wrote(path=path, source=source, mode=mode):
            new = raw.text_of(source, MOST_SHOWN)
            buffer = ran_on.buffers.get(path)
            old = raw.text_of(path, disk.MAX_FILE_BYTES) if buffer is None else buffer.text
            if new is None:
                return None
            runs = "It can be run as a program.\n" if mode & 0o111 else ""
            return f"{runs}{unified(old or '', new, name)}" or f"{name}: mode {mode:o}"
        case Linked(target=target):
            return f"{name}: a link to {target}"
        case Gone():
            return f"{name} is deleted"
        case FolderMade() | FolderGone() | Odd():
            return ""
        case _:
            assert_never(change)
