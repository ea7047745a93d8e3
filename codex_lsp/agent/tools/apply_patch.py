"""`apply_patch`: the model's way to change files.

A patch is planned whole against what the model saw, then handed to the editor file by file. What
does not fit, or was typed over, goes back to the model in words, with the text as it is now.
Deleting and moving files is not done here.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

from codex_lsp.agent.conversation import FreeformTool
from codex_lsp.agent.events import RequestRefused
from codex_lsp.agent.lines import split_lines
from codex_lsp.agent.ports import (
    Applied,
    Change,
    ChangeFile,
    CreateFile,
    Editor,
    Held,
    NotApplied,
    Snapshots,
)
from codex_lsp.agent.steps import Landed, Refused, StepSink, Waiting
from codex_lsp.agent.tools.tool import Answer
from codex_lsp.edits.dialects import parse_any
from codex_lsp.edits.diff import diff
from codex_lsp.edits.patch import BadPatch
from codex_lsp.edits.plan import Create, Remove, Rewrite, Unplannable, paths, plan
from codex_lsp.workspace.containment import Outside
from codex_lsp.workspace.disk import Unusable
from codex_lsp.workspace.snapshot import Found, Missing, Snapshot

# The language of apply_patch, as Codex models were trained on it (Lark).
GRAMMAR = r"""start: begin_patch hunk+ end_patch
begin_patch: "*** Begin Patch" LF
end_patch: "*** End Patch" LF?

hunk: add_hunk | delete_hunk | update_hunk
add_hunk: "*** Add File: " filename LF add_line+
delete_hunk: "*** Delete File: " filename LF
update_hunk: "*** Update File: " filename LF change_move? change?

filename: /(.+)/
add_line: "+" /(.*)/ LF -> line

change_move: "*** Move to: " filename LF
change: (change_context | change_line)+ eof_line?
change_context: ("@@" | "@@ " /(.+)/) LF
change_line: ("+" | "-" | " ") /(.*)/ LF
eof_line: "*** End of File" LF

%import common.LF
"""

SPEC = FreeformTool(
    name="apply_patch",
    description=(
        "Changes files. Takes a patch as plain text, not JSON. Existing files are changed with "
        "*** Update File, new ones made with *** Add File; deleting and moving are not available. "
        "Give about three unchanged lines around each change, and an @@ line naming the function "
        "or class where those lines occur more than once."
    ),
    grammar=GRAMMAR,
)

_SHOWN_LINES = 60
_SHOWN_CHARACTERS = 6_000
_MOST_REFUSALS = 2  # by an editor whose text did not change: a third try would only cost


class ApplyPatch:
    """The tool for one turn. `base` is what the model was shown; it moves on as changes land.

    `near` is where the person is (0-based line): of places that fit alike, the nearest is meant.
    """

    spec = SPEC
    reads_only = False

    def __init__(
        self,
        editor: Editor,
        snapshots: Snapshots,
        tell: StepSink,
        *,
        label: str,
        near: tuple[Path, int] | None = None,
    ) -> None:
        self._editor = editor
        self._snapshots = snapshots
        self._tell = tell
        self._label = label
        self._near = near
        self._refusals = 0
        self._base = snapshots()
        self.changed: dict[str, str] = {}

    async def run(self, arguments: str) -> Answer:
        """Plan the whole patch, then apply it; all sections must fit before any is applied."""
        changes = await asyncio.to_thread(_plan, arguments, self._base, self._near)
        return self._refuse(changes) if isinstance(changes, str) else await self._apply(changes)

    async def _apply(self, changes: list[Change]) -> Answer:
        done: list[str] = []
        failed: list[NotApplied] = []
        for change in changes:
            outcome = await self._editor.apply(change, label=self._label)
            match outcome:
                case NotApplied(reason=reason):
                    failed.append(outcome)
                    self._tell(Refused(reason))
                    self._count(outcome)
                case Held(path, hunks):
                    self._tell(Waiting(path, hunks))
                    done.append(f"{self._base.name(path)} (the person reviews this first)")
                case Applied(path, undo=undo):
                    hunks = len(change.edits) if isinstance(change, ChangeFile) else 1
                    self._tell(Landed(path, hunks, undo))
                    done.append(self._note(change, outcome))
        self._base = self._snapshots()
        if not failed:
            return Answer("Success. Updated the following files:\n" + "\n".join(done), settles=True)
        lines = [self._explain(failure) for failure in failed]
        if done:
            lines += ["These files were updated all the same:", *done]
        return Answer("\n".join(lines))

    def _count(self, failure: NotApplied) -> None:
        """Give up where no patch can help; raises `RequestRefused`."""
        self._refusals += not failure.changed_meanwhile
        if self._refusals >= _MOST_REFUSALS:
            raise RequestRefused(
                f"{failure.path.name} cannot be changed: {failure.reason}. See that it is not "
                "read-only, then ask again."
            )

    def _note(self, change: Change, outcome: Applied) -> str:
        name = self._base.name(outcome.path)
        self.changed[name] = outcome.text
        return f"{'A' if isinstance(change, CreateFile) else 'M'} {name}"

    def _explain(self, failure: NotApplied) -> str:
        name = self._base.name(failure.path)
        if not failure.changed_meanwhile:
            return f"{name} was not changed: {failure.reason}"
        return f"{name} was not changed: {failure.reason}\n{_now(self._base, name)}"

    def _refuse(self, reason: str) -> Answer:
        self._base = self._snapshots()
        self._tell(Refused("The patch did not fit; Codex is told why."))
        return Answer(f"apply_patch verification failed: {reason}")


def _plan(arguments: str, base: Snapshot, near: tuple[Path, int] | None) -> list[Change] | str:
    """The changes that the patch makes on `base`; text for the model where it makes none."""
    patch = parse_any(arguments)
    if isinstance(patch, BadPatch):
        return patch.text
    places = {name: base.look(name) for name in paths(patch)}
    if problems := [text for name in places if (text := _barred(name, places[name]))]:
        return "\n".join(problems)
    texts = {name: at.text if isinstance(at, Found) else None for name, at in places.items()}
    lines = {
        name: near[1]
        for name, at in places.items()
        if near is not None and isinstance(at, Found) and at.path == near[0]
    }
    planned = plan(patch, texts, lines)
    if isinstance(planned, Unplannable):
        return planned.text
    changes = [_change(step, places[step.path]) for step in planned]
    if problems := [change for change in changes if isinstance(change, str)]:
        return "\n".join(problems)
    return [change for change in changes if not isinstance(change, str)]


def _barred(name: str, place: Found | Missing | Outside | Unusable) -> str | None:
    """Why the model may not touch what stands at `name`."""
    match place:
        case Outside(reason) | Unusable(reason):
            return reason
        case Found(protected=True) | Missing(protected=True):
            return f"{name} is protected: only the person may change it"
        case Found() | Missing():
            return None


def _change(
    step: Create | Remove | Rewrite, place: Found | Missing | Outside | Unusable
) -> Change | str:
    """The change for the editor; text where it is not one that can be made here."""
    match step, place:
        case Create(text=text), Missing(path=path):
            return CreateFile(path, text)
        case Create(text=text), Found():
            return ChangeFile(place.path, place.source, diff(place.text, text))
        case Rewrite(move_to=None, edits=edits), Found() if edits:
            return ChangeFile(place.path, place.source, edits)
        case Rewrite(move_to=None), _:
            return f"{step.path}: the patch changes nothing"
        case Rewrite(), _:
            return f"{step.path} was not moved: only the person may move files"
        case _:
            return f"{step.path} was not deleted: only the person may delete files"


def _now(snapshot: Snapshot, name: str) -> str:
    """The file as it is now, for a model whose picture of it is out of date."""
    found = snapshot.look(name)
    if not isinstance(found, Found):
        return ""
    rows = split_lines(found.text)
    shown = "".join(rows[:_SHOWN_LINES])[:_SHOWN_CHARACTERS]
    more = "" if len(rows) <= _SHOWN_LINES else f"\n({len(rows)} lines; read_file shows more)"
    return f"It now begins:\n{shown}{more}"
