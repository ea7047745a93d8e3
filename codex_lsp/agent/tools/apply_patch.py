"""`apply_patch`: the model's way to change, make, move and delete files.

A patch is planned whole against what the model was shown, then made whole by the editor, or not at
all. What does not fit, or was typed over, goes back to the model in words, with the lines as they
are now. Files that configure tools are changed only if the person permits it, each time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from codex_lsp.agent.changes.changeset import AllMade, Failed, Made, make
from codex_lsp.agent.consent.actions import Permit
from codex_lsp.agent.consent.shown import withheld
from codex_lsp.agent.conversation import FreeformTool
from codex_lsp.agent.events import RequestRefused
from codex_lsp.agent.ports import (
    Applied,
    ChangeFile,
    CreateFile,
    Editor,
    MoveFile,
    NotApplied,
    RemoveFile,
    Snapshots,
    TextChange,
)
from codex_lsp.agent.steps import Landed, Refused, StepSink, Waiting
from codex_lsp.agent.tools.patch_plan import Planned, plan_on
from codex_lsp.agent.tools.surroundings import around
from codex_lsp.agent.tools.tool import Answer
from codex_lsp.edits.dialects import parse_any
from codex_lsp.edits.patch import BadPatch
from codex_lsp.edits.text import apply_edits
from codex_lsp.workspace.snapshot import Snapshot

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
        "*** Update File (with *** Move to, also renamed), new ones made with *** Add File, and "
        "files deleted with *** Delete File. All of a patch is made, or none of it. "
        "Give about three unchanged lines around each change, and an @@ line naming the function "
        "or class where those lines occur more than once."
    ),
    grammar=GRAMMAR,
)

_MOST_REFUSALS = 2  # by an editor whose text did not change: a third try would only cost
_MARKS = {CreateFile: "A", ChangeFile: "M", MoveFile: "M", RemoveFile: "D"}


class ApplyPatch:
    """The tool for one turn.

    `near` is where the person is (0-based line): of places that fit alike, the nearest is meant.
    Without a `permit`, protected files are not changed; `asks`: it is asked about others too.
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
        permit: Permit | None = None,
        asks: bool = False,
    ) -> None:
        self._editor = editor
        self._snapshots = snapshots
        self._tell = tell
        self._label = label
        self._near = near
        self._permit = permit
        self._asks = asks
        self._refusals = 0
        self._shown = {path: at.text for path, at in snapshots().buffers.items()}
        self.changed: dict[str, str] = {}

    async def run(self, arguments: str) -> Answer:
        """Plan the whole patch, then apply it; all sections must fit before any is applied."""
        live = self._snapshots()
        planned = await asyncio.to_thread(self._plan, arguments, live)
        if isinstance(planned, str):
            self._tell(Refused("The patch did not fit; Codex is told why."))
            return Answer(f"apply_patch verification failed: {planned}")
        for action in planned.protected:
            if problem := await withheld(action, self._permit):
                return self._rejected(f"{live.name(action.path)} is protected", problem)
        ask = self._asks and planned.plain.paths
        if ask and (problem := await withheld(planned.plain, self._permit)):
            return self._rejected("changes are asked about here", problem)
        return await self._make(planned.changes, live)

    def _rejected(self, why: str, problem: str) -> Answer:
        self._tell(Refused("The patch was not made."))
        return Answer(f"patch rejected: {why}, and {problem}. No file was changed.")

    def _plan(self, arguments: str, live: Snapshot) -> Planned | str:
        """On what the model was shown; where that does not fit, on the text as it is now, which
        the model may have read. Text for the model where it fits neither.
        """
        patch = parse_any(arguments)
        if isinstance(patch, BadPatch):
            return patch.text
        shown = self._as_shown(live)
        asks = self._permit is not None
        planned = plan_on(shown, patch, self._near, asks=asks)
        if isinstance(planned, str) and shown != live:
            planned = plan_on(live, patch, self._near, asks=asks)
        return planned

    def _as_shown(self, live: Snapshot) -> Snapshot:
        """The open files as the model knows them, and the others as they are."""
        buffers = {
            path: replace(buffer, text=self._shown.get(path, buffer.text))
            for path, buffer in live.buffers.items()
        }
        return replace(live, buffers=buffers)

    async def _make(self, changes: Sequence[TextChange], live: Snapshot) -> Answer:
        outcome = await make(changes, self._editor, label=self._label, note=self._note)
        match outcome:
            case AllMade(made, held):
                for waiting in held:
                    self._tell(Waiting(waiting.path, waiting.hunks))
                lines = [*_summary(made, live)]
                lines += [f"{live.name(one.path)} (the person reviews this first)" for one in held]
                text = "\n".join(["Success. Updated the following files:", *lines])
                return Answer(text, settles=True)
            case Failed():
                self._tell(Refused(outcome.failure.reason))
                self._count(outcome.failure)
                origins = {one.to: one.path for one in changes if isinstance(one, MoveFile)}
                path = origins.get(outcome.change.path, outcome.change.path)
                return Answer(self._explain(path, outcome, live))

    def _note(self, one: Made) -> None:
        """A change is in the files: it can be undone, and the model knows of it."""
        change, applied = one
        self._told_landed(change, applied)
        match change:
            case ChangeFile(path, base, edits):
                self._shown[path] = apply_edits(base.text, edits)
            case RemoveFile(path) | MoveFile(path):
                self._shown.pop(path, None)
            case CreateFile():
                pass
        name = self._snapshots().name(applied.path)
        self.changed[name] = applied.text

    def _told_landed(self, change: TextChange, applied: Applied) -> None:
        hunks = len(change.edits) if isinstance(change, ChangeFile) else 1
        self._tell(Landed(applied.path, hunks, applied.undo))

    def _count(self, failure: NotApplied) -> None:
        """Give up where no patch can help; raises `RequestRefused`."""
        self._refusals += not failure.changed_meanwhile
        if self._refusals >= _MOST_REFUSALS:
            raise RequestRefused(
                f"{failure.path.name} cannot be changed: {failure.reason}. See that it is not "
                "read-only, then ask again."
            )

    def _explain(self, path: Path, failed: Failed, live: Snapshot) -> str:
        """What the model is told, and with that knows. `path` is what the file is called now."""
        change, failure = failed.change, failed.failure
        lines = [f"{live.name(path)} was not changed: {failure.reason}"]
        if failure.later is not None:
            failure.later.add_done_callback(lambda found: self._landed_late(change, found))
        now = self._snapshots().buffers.get(path)
        if failure.changed_meanwhile and now is not None:
            edits = change.edits if isinstance(change, ChangeFile) else ()
            lines.append(around(edits, _before(change), now.text))
            self._shown[path] = now.text
        if failed.standing:
            lines.append("The rest was taken back, but these changes, typed over since, stand:")
            lines += _summary(failed.standing, live)
        else:
            lines.append("No file was changed.")
        return "\n".join(line for line in lines if line)

    def _landed_late(self, change: TextChange, found: asyncio.Future[Applied]) -> None:
        if not found.cancelled():
            self._told_landed(change, found.result())


def _before(change: TextChange) -> str:
    """The text that a change was made for."""
    return change.base.text if isinstance(change, ChangeFile) else change.text


def _summary(made: Sequence[Made], live: Snapshot) -> list[str]:
    """A line a file, as Codex has them: added, then modified, then deleted."""
    marks = {applied.path: _MARKS[type(change)] for change, applied in made}
    return sorted((f"{mark} {live.name(path)}" for path, mark in marks.items()), key=_by_mark)


def _by_mark(line: str) -> int:
    return "AMD".index(line[0])
