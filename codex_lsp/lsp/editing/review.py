"""The changes of turns, before the person: held back or made at once, shown as diagnostics where
they wait or could not be made, kept, dropped and taken back one by one.

Every change of every turn goes through here, so that what became of it is always known.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from codex_lsp.agent.changes.hunks import (
    UNWANTED,
    Advanced,
    Chosen,
    advance,
    choose,
    taken_back_by,
)
from codex_lsp.agent.changes.undo import step_of
from codex_lsp.agent.context.lines import LineRange
from codex_lsp.agent.ports import (
    Applied,
    Change,
    ChangeFile,
    Editor,
    Held,
    LeftOut,
    NotApplied,
)
from codex_lsp.agent.workplace import Place
from codex_lsp.lsp.editing.buffers import OpenBuffers
from codex_lsp.lsp.editing.documents import DocumentEvent
from codex_lsp.lsp.editing.hunk_text import describe
from codex_lsp.lsp.editing.places import Places, overlap
from codex_lsp.lsp.editing.preview import Preview
from codex_lsp.lsp.person.messages import say
from codex_lsp.lsp.person.progress import Wire
from codex_lsp.lsp.tasks import Spawn
from codex_lsp.workspace.ledger import Hunk, Ledger, Reversal, State, Swap
from codex_lsp.workspace.raw import Bits

SOURCE = "Codex"
_INFORMATION = 3  # DiagnosticSeverity
REST = 0.2  # seconds
SHOWN = State.PROPOSED, State.REFUSED
"""What the person is shown as diagnostics."""


@dataclass(frozen=True, slots=True)
class Origin:
    """A turn: where it was asked for, and in which words. `replaces`: the hunk that it redoes."""

    turn: str
    place: Place | None
    asked: str
    replaces: str | None = None


class Review:
    """The hunks of one window, as the person meets them."""

    def __init__(
        self,
        wire: Wire,
        buffers: OpenBuffers,
        editor: Editor,
        ledger: Ledger,
        spawn: Spawn,
    ) -> None:
        self.places = Places(buffers)
        self._wire = wire
        self._buffers = buffers
        self._editor = editor
        self._ledger = ledger
        self._spawn = spawn
        self._due: set[Path] = set()
        self._shown: set[Path] = set()
        self._shown_anew = asyncio.Event()
        self._origins: dict[str, Origin] = {}
        self._previewing = asyncio.Lock()

    def for_turn(self, origin: Origin, *, held: bool) -> Editor:
        """The editor of a turn; if `held`, its changes wait for the person."""
        self._origins[origin.turn] = origin
        return _TurnEditor(self, self._editor, origin, held)

    def origin(self, hunk: Hunk) -> Origin | None:
        """The turn that a hunk is of."""
        return self._origins.get(hunk.turn)

    def within(self, hunks: Iterable[Hunk], lines: LineRange) -> list[Hunk]:
        """Those of `hunks` that are at some of `lines`."""
        return [hunk for hunk in hunks if self._touches(hunk, lines)]

    def propose(self, origin: Origin, change: Change) -> list[Hunk]:
        """Let a change wait, which is not shown yet. What it replaces waits no longer."""
        older = self._ledger.hunks(*SHOWN, path=change.path)
        if origin.replaces and (replaced := self._ledger.find(origin.replaces)):
            older += [replaced]
        hunks = self._ledger.propose(origin.turn, step_of(change))
        for old in older:
            newer = next((new for new in hunks if self._supersedes(new, old, origin)), None)
            if newer is not None and old.state in SHOWN:
                reason = f"{newer.id} is suggested instead"
                self._ledger.put(replace(old, state=State.SUPERSEDED, reason=reason))
        self.show(old.path for old in older if old.path != change.path)
        return hunks

    async def take_back(self, turn: str, change: Change, *, label: str) -> Advanced:
        """Do `change` if it takes back what the turn just did, since the rest of it failed."""
        landed = self._ledger.hunks(State.LANDED, path=change.path, turn=turn)
        hunks = taken_back_by(step_of(change), landed)
        outcome = await self.advance(hunks, label=label)
        self._settle(hunks, State.UNDONE, State.DROPPED, "the rest of the patch could not be made")
        return outcome

    async def advance(self, hunks: Sequence[Hunk], *, label: str, whole: bool = False) -> Advanced:
        """Make, take back, or make again; see `agent.changes.hunks`."""
        paths = {hunk.path for hunk in hunks}
        try:
            outcome = await advance(
                hunks, ledger=self._ledger, editor=self._editor, label=label, whole=whole
            )
        finally:
            self.show(paths)
        for failure in outcome.kept:
            if failure.later is not None:  # settled in the ledger by then
                failure.later.add_done_callback(lambda _: self.show(paths))
        return outcome

    async def choose(self, hunks: Sequence[Hunk], preview: Preview, *, label: str) -> Chosen:
        """Let the person choose among `hunks`, proposed edits, in the editor's preview.

        Who is cancelled waits no longer; what the person then does in a view that is still open is
        noted in the ledger, and told if it changed a text.
        """
        found: list[Chosen] = []
        paths = [hunk.path for hunk in hunks]

        async def ask(changes: Sequence[ChangeFile]) -> Sequence[Applied | NotApplied | LeftOut]:
            self.show(paths)  # meanwhile nothing can be decided in another way
            return await preview.choose(changes, label=label)

        async def run() -> None:
            try:
                found.append(await choose(hunks, ledger=self._ledger, preview=ask))
            finally:
                self.show(paths)

        async with self._previewing:  # an editor has one
            task = self._spawn(run(), name="preview changes")
            try:
                await asyncio.wait([task])
            except asyncio.CancelledError:
                task.add_done_callback(lambda _: self._chosen_late(hunks, found))
                raise
        return found[0] if found else Chosen((), (), ())

    def _chosen_late(self, hunks: Sequence[Hunk], found: Sequence[Chosen]) -> None:
        """The task was cancelled before the person chose."""
        self.drop(hunks, "the task was cancelled")
        names = ", ".join(dict.fromkeys(one.path.name for one in found[0].done)) if found else ""
        if names:
            text = (
                f"What you chose in the preview was made in {names}, after its task was cancelled."
            )
            say(self._wire, text)

    def drop(self, hunks: Sequence[Hunk], reason: str = UNWANTED) -> None:
        """The changes are not wanted."""
        for state in SHOWN:
            self._settle(hunks, state, State.DROPPED, reason)

    def refuse(self, hunks: Sequence[Hunk], reason: str) -> None:
        """The changes could not be made. The person is shown them, or told where none can be."""
        self._settle(hunks, State.PROPOSED, State.REFUSED, reason)
        for hunk in hunks[:1]:
            if self._buffers.at(hunk.path) is None:
                place = f"{hunk.path}:{self.places.lines(hunk).start + 1}"
                message = f"Codex could not change {place}: {reason}"
                say(self._wire, message)

    def show(self, paths: Iterable[Path]) -> None:
        """Show what waits, or could not be made, in these files."""
        self._shown_anew.set()
        for path in dict.fromkeys(paths):
            found = [self._diagnostic(hunk) for hunk in self._ledger.hunks(*SHOWN, path=path)]
            if not found and path not in self._shown:
                continue
            (self._shown.add if found else self._shown.discard)(path)
            document = self._buffers.at(path)
            uri = path.as_uri() if document is None else document.uri
            told = {"uri": uri, "diagnostics": found}
            self._wire.notify("textDocument/publishDiagnostics", told)

    async def decided(self, hunks: Sequence[Hunk]) -> None:
        """Wait until none of the changes waits for the person any more."""
        while any(
            (now := self._ledger.find(hunk.id)) is not None and now.state is State.PROPOSED
            for hunk in hunks
        ):
            self._shown_anew.clear()
            await self._shown_anew.wait()

    def follow(self, event: DocumentEvent, path: Path | None) -> None:
        """A document changed: its hunks move with it; where they were typed over, that is shown.

        Shown a moment later: not each key is worth a message, nor a comparison of the texts.
        """
        if path is None or event.kind == "closed" or path in self._due:
            return
        if self._ledger.hunks(*SHOWN, path=path):
            self._due.add(path)
            self._spawn(self._refresh(path), name="move suggestions")

    async def _refresh(self, path: Path) -> None:
        await asyncio.sleep(REST)
        self._due.discard(path)
        await self.places.prepare(path, self._ledger.hunks(*SHOWN, path=path))
        for hunk in self._ledger.hunks(State.PROPOSED, path=path):
            placed = self.places.of(hunk)
            if placed.edits is None:
                self._ledger.put(replace(hunk, state=State.REFUSED, reason="you typed here since"))
            elif not placed.edits and isinstance(hunk.step, Reversal):
                reason = "the text has it already"
                self._ledger.put(replace(hunk, state=State.SUPERSEDED, reason=reason))
        self.show([path])

    def _settle(self, hunks: Sequence[Hunk], was: State, state: State, reason: str) -> None:
        for hunk in hunks:
            if (now := self._ledger.find(hunk.id)) is not None and now.state is was:
                self._ledger.put(replace(now, state=state, reason=reason))
        self.show(hunk.path for hunk in hunks)

    def _supersedes(self, new: Hunk, old: Hunk, origin: Origin) -> bool:
        if old.id == origin.replaces:
            return True
        if old.path != new.path or _about_bits(old) != _about_bits(new):
            return False
        if not isinstance(new.step, Reversal) or not isinstance(old.step, Reversal):
            return True
        same_turn = old.turn == new.turn and self._touches(old, self.places.lines(new))
        return same_turn or overlap(self.places.of(old), self.places.of(new))

    def _touches(self, hunk: Hunk, lines: LineRange) -> bool:
        own = self.places.lines(hunk)
        return own.start < lines.end and lines.start < own.end

    def _diagnostic(self, hunk: Hunk) -> dict[str, object]:
        return {
            "range": self.places.range(hunk),
            "severity": _INFORMATION,
            "source": SOURCE,
            "message": describe(hunk),
            "data": {"hunkId": hunk.id},
        }


def _about_bits(hunk: Hunk) -> bool:
    """Whether it is about the mode of a file, and not about what is in it."""
    return isinstance(hunk.step, Swap) and isinstance(hunk.step.to, Bits)


class _TurnEditor:
    """The `Editor` of a turn."""

    def __init__(self, review: Review, editor: Editor, origin: Origin, held: bool) -> None:
        self._review = review
        self._editor = editor
        self._origin = origin
        self._held = held

    async def apply(self, change: Change, *, label: str) -> Applied | NotApplied | Held:
        """Hold the change back, or make it."""
        back = await self._review.take_back(self._origin.turn, change, label=label)
        outcomes: list[Applied | NotApplied] = [*back.done, *back.kept]
        if outcomes:
            return outcomes[0]
        hunks = self._review.propose(self._origin, change)
        if self._held:
            self._review.show([change.path])
            return Held(change.path, len(hunks))
        if not hunks:
            return await self._editor.apply(change, label=label)
        try:
            outcome = await self._review.advance(hunks, label=label, whole=True)
        except asyncio.CancelledError:
            self._review.drop(hunks, "the task was cancelled")
            raise
        if outcome.done:
            return outcome.done[0]
        [failure] = outcome.kept
        self._review.refuse(hunks, failure.reason)
        return failure
