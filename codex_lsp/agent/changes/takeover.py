"""What a command changed, taken over into the workspace: looked at first, then done like an edit.

Text goes through the editor, so that open documents change where the person sees it; what the
project ignores (caches, build output) and what is no text goes straight to disk, if nobody else
changed it meanwhile. Files that configure tools are asked about before anything is done.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import assert_never

from codex_lsp.agent.consent.actions import Denied, Permit, TouchProtected, covers
from codex_lsp.agent.ports import (
    Applied,
    Change,
    ChangeFile,
    CreateFile,
    Editor,
    FileChange,
    FolderGone,
    FolderMade,
    Gone,
    Held,
    Linked,
    NotApplied,
    Odd,
    RemoveFile,
    Snapshots,
    Wrote,
)
from codex_lsp.agent.steps import Landed, Refused, StepSink, Waiting
from codex_lsp.edits.diff import diff, unified
from codex_lsp.edits.text import TextEdit
from codex_lsp.workspace import containment, disk, ignore, places, raw
from codex_lsp.workspace.containment import Inside
from codex_lsp.workspace.disk import DiskText
from codex_lsp.workspace.snapshot import BufferText, Snapshot

_MOST_SHOWN = 50_000  # characters of a protected file that a person can be asked to read
_BOM = "\ufeff"


@dataclass(frozen=True, slots=True)
class _Planned:
    """A change that may be made. `straight`: it is no part of the project, and not reviewed."""

    change: FileChange
    root: Path
    straight: bool
    protected: bool


class TakeOver:
    """For one turn. `checkpoints`: where the old bytes go of what is no text.

    `reviewed`: the person wants to see each change first, so what no editor can hold back is
    asked about. `changed` fills with the texts of the files that change.
    """

    def __init__(
        self,
        editor: Editor,
        snapshots: Snapshots,
        permit: Permit,
        tell: StepSink,
        *,
        label: str,
        checkpoints: Path,
        reviewed: bool = False,
    ) -> None:
        self._editor = editor
        self._snapshots = snapshots
        self._permit = permit
        self._tell = tell
        self._label = label
        self._checkpoints = checkpoints
        self._reviewed = reviewed
        self.changed: dict[str, str] = {}

    async def __call__(
        self, changes: Sequence[FileChange], ran_on: Snapshot, started: int
    ) -> list[str]:
        """Take `changes` over; what was not kept is told, to the model as the result."""
        if not changes:
            return []
        run = _Run(self, ran_on, started)
        planned, said = await asyncio.to_thread(_plan, changes, ran_on)
        planned, denied = await self._asked(planned, run)
        failed = said + denied
        odd: list[str] = []
        first, rest = _in_order(planned)
        for one in [*first, *rest]:
            if isinstance(one.change, Odd):
                odd.append(f"{run.name(one)} is no file, folder or link")
            elif failed and isinstance(one.change, Gone) and one not in first:
                # What was to take its place is missing, perhaps.
                failed.append(f"{run.name(one)} was not deleted, because of the above")
            elif problem := await run.make(one):
                failed.append(f"{run.name(one)} {problem}")
        for text in failed:
            self._tell(Refused(text))
        lines = [f"Not kept: {text}" for text in [*failed, *odd]]
        if run.waiting:
            lines.append(f"The person reviews first: {', '.join(run.waiting)}")
        return lines

    async def _asked(self, planned: list[_Planned], run: _Run) -> tuple[list[_Planned], list[str]]:
        """Ask for what is protected, a folder at a time; what may not be done is left out."""
        groups: dict[Path, list[_Planned]] = {}
        for one in planned:
            if one.protected:
                groups.setdefault(_group(one), []).append(one)
        denied: list[str] = []
        barred: set[Path] = set()
        for path, members in groups.items():
            preview = await asyncio.to_thread(run.preview, members)
            # Folders alone are not worth a question.
            problem = "" if preview == "" else await self._ask(path, preview)
            if problem is None:
                continue
            barred.add(path)
            if problem:
                denied.append(f"{run.called(path, members[0])} is protected, {problem}")
        left = [one for one in planned if not (one.protected and _group(one) in barred)]
        return left, denied

    async def _ask(self, path: Path, preview: str | None) -> str | None:
        if preview is None or len(preview) > _MOST_SHOWN:
            return "and the change cannot be shown in full: the person has to make it"
        action = TouchProtected(path, preview)
        decision = await self._permit(action)
        if not isinstance(decision, Denied):
            return None if covers(decision, action) else "and something else was allowed"
        return f"and the person said no{decision.reason and f': {decision.reason}'}"

    async def agreed(self, path: Path, preview: str) -> str | None:
        """Why a change that no editor can hold back is not made, where changes are reviewed."""
        return await self._ask(path, preview) if self._reviewed else None

    def note(self, outcome: Applied, hunks: int, name: str) -> None:
        """A change was made by the editor."""
        self._tell(Landed(outcome.path, hunks, outcome.undo))
        self.changed[name] = outcome.text

    async def edit(self, change: Change) -> Applied | NotApplied | Held:
        """Have the editor make it."""
        outcome = await self._editor.apply(change, label=self._label)
        if isinstance(outcome, Held):
            self._tell(Waiting(outcome.path, outcome.hunks))
        return outcome

    def open_now(self, path: Path) -> BufferText | None:
        """The buffer that shows `path` at this moment."""
        return self._snapshots().buffers.get(path)

    def keep(self, path: Path) -> None:
        """Keep the bytes that are about to go."""
        raw.keep(path, self._checkpoints)


@dataclass(frozen=True, slots=True)
class _Run:
    """The changes of one command, which ran on `ran_on` from `started` on."""

    owner: TakeOver
    ran_on: Snapshot
    started: int
    waiting: list[str] = field(default_factory=list)

    def name(self, one: _Planned) -> str:
        return self.ran_on.name(one.change.path)

    def called(self, path: Path, one: _Planned) -> str:
        return self.ran_on.name(path) if path.is_relative_to(one.root) else str(path)

    async def make(self, one: _Planned) -> str | None:
        """Make one change; returns why it was not made."""
        try:
            match one.change:
                case Wrote() as change if one.straight:
                    return await asyncio.to_thread(self._install, change)
                case Wrote() as change:
                    return await self._write(change)
                case Gone() as change:
                    return await self._remove(change, straight=one.straight)
                case Linked() as change:
                    return await self._link(change, straight=one.straight)
                case FolderMade() as change:
                    return self._folder(change)
                case FolderGone(path):
                    return await asyncio.to_thread(_drop, path)
                case Odd():
                    return None
                case _:
                    assert_never(one.change)
        except OSError as error:
            return f"cannot be written: {error.strerror}"

    def _install(self, change: Wrote) -> str | None:
        if raw.changed_since(change.path, self.started):
            return "was changed on disk meanwhile"
        raw.install(change.source, change.path, change.mode)
        return None

    async def _write(self, change: Wrote) -> str | None:
        path = change.path
        text = await asyncio.to_thread(raw.text_of, change.source, disk.MAX_FILE_BYTES)
        planned = await asyncio.to_thread(self._as_edit, path, text, change.mode)
        if isinstance(planned, str):
            return planned
        if planned is None:
            return await self._write_bytes(change)
        if isinstance(planned, ChangeFile) and not planned.edits:
            raw.set_mode(path, change.mode)
            return None
        outcome = await self.owner.edit(planned)
        match outcome:
            case NotApplied(reason=reason):
                return f"was not changed: {reason}"
            case Held():
                self.waiting.append(self.ran_on.name(path))
            case Applied():
                hunks = len(planned.edits) if isinstance(planned, ChangeFile) else 1
                self.owner.note(outcome, hunks, self.ran_on.name(path))
                raw.set_mode(path, change.mode)
                if self.owner.open_now(path) is None:
                    await asyncio.to_thread(raw.same_time, change.source, path)
        return None

    def _as_edit(self, path: Path, text: str | None, mode: int) -> Change | str | None:
        """The change for the editor; None where bytes are to be written, words where neither."""
        if (buffer := self.ran_on.buffers.get(path)) is not None:
            if text is None:
                return "is open in the editor, and was made something that is no text"
            return ChangeFile(path, buffer, _edits(buffer.text, text))
        if not path.exists():
            return None if text is None else CreateFile(path, text, mode)
        if raw.changed_since(path, self.started):
            return "was changed on disk meanwhile"
        seen = disk.read(path)
        if text is None or not isinstance(seen, DiskText):
            open_now = self.owner.open_now(path) is not None
            return "is open in the editor, and is no text" if open_now else None
        return ChangeFile(path, seen, diff(seen.text, text))

    async def _write_bytes(self, change: Wrote) -> str | None:
        size = change.source.stat().st_size
        if problem := await self.owner.agreed(change.path, f"{size} bytes that are no text"):
            return f"was not written, {problem}"
        await asyncio.to_thread(self.owner.keep, change.path)
        return await asyncio.to_thread(self._install, change)

    async def _remove(self, change: Gone, *, straight: bool) -> str | None:
        path = change.path
        is_link = path.is_symlink()
        if not is_link and not path.exists():
            if path in self.ran_on.buffers:
                return "is only in the editor, unsaved: it stays there"
            return None
        seen = None if is_link or straight else await asyncio.to_thread(disk.read, path)
        buffer = self.ran_on.buffers.get(path)
        if buffer is None and raw.changed_since(path, self.started):
            return "was changed on disk meanwhile"
        if isinstance(seen, DiskText):
            return await self._remove_text(path, seen.text if buffer is None else buffer.text)
        if not straight:
            if problem := await self.owner.agreed(path, "It is deleted; it is no text."):
                return f"was not deleted, {problem}"
            await asyncio.to_thread(self.owner.keep, path)
        raw.remove(path)
        return None

    async def _remove_text(self, path: Path, text: str) -> str | None:
        outcome = await self.owner.edit(RemoveFile(path, text))
        match outcome:
            case NotApplied(reason=reason):
                return f"was not deleted: {reason}"
            case Held():
                self.waiting.append(self.ran_on.name(path))
            case Applied():
                self.owner.note(outcome, 1, self.ran_on.name(path))
        return None

    async def _link(self, change: Linked, *, straight: bool) -> str | None:
        path = change.path
        if raw.changed_since(path, self.started):
            return "was changed on disk meanwhile"
        if not straight and (
            problem := await self.owner.agreed(path, f"A link to {change.target}")
        ):
            return f"was not made, {problem}"
        await asyncio.to_thread(raw.link, path, change.target)
        return None

    def _folder(self, change: FolderMade) -> str | None:
        name = self.ran_on.name(change.path)
        if any(waits.startswith(f"{name}/") for waits in self.waiting):
            return None  # it comes with the file that waits
        places.make_folders(change.path)
        raw.set_mode(change.path, change.mode)
        return None

    def preview(self, members: Sequence[_Planned]) -> str | None:
        """What the changes of protected files are, to be read by the person; "" for none, None
        where they are nothing to be read.
        """
        shown = [self._shown(one.change) for one in members]
        return None if None in shown else "\n".join(text for text in shown if text)

    def _shown(self, change: FileChange) -> str | None:
        name = self.ran_on.name(change.path)
        match change:
            case Wrote(path=path, source=source, mode=mode):
                new = raw.text_of(source, _MOST_SHOWN)
                buffer = self.ran_on.buffers.get(path)
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


def _plan(changes: Sequence[FileChange], ran_on: Snapshot) -> tuple[list[_Planned], list[str]]:
    """Where each change belongs; and what can be made nowhere."""
    brought = _brought(changes)
    rules = {root: ignore.Lookup(root, brought) for root in ran_on.roots}
    planned: list[_Planned] = []
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
            planned.append(_Planned(change, path.parent, straight=True, protected=guarded))
        else:
            one = _placed(change, root, rules[root], ran_on)
            planned += [] if isinstance(one, str) else [one]
            said += [one] if isinstance(one, str) else []
    return planned, said


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
) -> _Planned | str:
    """A change below `root`; words where it cannot be made."""
    path = change.path
    ignored = path not in ran_on.buffers and rules.matches(path, ignore.GIT)
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
    return _Planned(change, root, straight=ignored and not guarded, protected=guarded)


def _leads_out(change: FileChange, roots: Sequence[Path]) -> bool:
    """Whether it is a link to what may not be changed through it."""
    if not isinstance(change, Linked):
        return False
    goal = (change.path.parent / change.target).resolve()
    root = next((root for root in roots if goal.is_relative_to(root)), None)
    return root is None or containment.guarded(goal, root)


def _group(one: _Planned) -> Path:
    """The outermost protected thing on the way to a change: what the person is asked about."""
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


def _in_order(planned: list[_Planned]) -> tuple[list[_Planned], list[_Planned]]:
    """What has to make room for something else; and the rest, deletions last, so that nothing is
    gone before what comes in its place is there.
    """
    leaves = {one.change.path for one in planned if isinstance(one.change, Wrote | Linked)}
    made = leaves | {one.change.path for one in planned if isinstance(one.change, FolderMade)}
    room = [
        one
        for one in planned
        if isinstance(one.change, Gone | FolderGone)
        and (one.change.path in made or not leaves.isdisjoint(one.change.path.parents))
    ]
    others = [one for one in planned if one not in room]
    writes = [one for one in others if isinstance(one.change, Wrote | Linked | Odd)]
    folders = [one for one in others if isinstance(one.change, FolderMade)]
    gone = [one for one in others if isinstance(one.change, Gone)]
    emptied = [one for one in others if isinstance(one.change, FolderGone)]
    return room, [*writes, *folders, *gone, *emptied]


def _drop(path: Path) -> str | None:
    """Remove a folder that is empty now; one that got something new stays."""
    try:
        path.rmdir()
    except OSError:
        return None
    return None


def _edits(base: str, text: str) -> tuple[TextEdit, ...]:
    """From a buffer's text to what the file holds now; editors hide a byte order mark."""
    return diff(base, text if base.startswith(_BOM) else text.removeprefix(_BOM))
