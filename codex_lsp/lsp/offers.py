"""Which code actions there are at a place: plain values, no model is asked, nothing is started.

Titles fit on one line; none is ever preferred, because "apply the preferred fix" would spend the
person's tokens unasked. On an automatic request only what is pressing is offered.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from codex_lsp.lsp.editing.hunk_actions import FIX, HUNK_ACTIONS, SOURCE
from codex_lsp.workspace.ledger import State

TITLE_LENGTH = 60
_TODO = re.compile(r"\b(?:TODO|FIXME|XXX|AI!)")


@dataclass(frozen=True, slots=True)
class Offer:
    """One code action: what it is called, and the command that it runs."""

    title: str
    kind: str
    command: str
    extra: Mapping[str, object] = field(default_factory=dict)
    diagnostics: tuple[Mapping[str, object], ...] = ()


@dataclass(frozen=True, slots=True)
class HunkHere:
    """A change that waits for the person here, or was made here.

    `more`: others of its file wait, too.
    """

    id: str
    turn: str
    state: State
    more: bool


@dataclass(frozen=True, slots=True)
class OpenQuestion:
    """A question of the agent that waits here: the action on one line, and the answers to it."""

    id: str
    action: str
    choices: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Spot:
    """Where the person is: the text of the lines, and the diagnostics there and in the file."""

    text: str
    selected: bool
    here: tuple[Mapping[str, object], ...]
    in_file: tuple[Mapping[str, object], ...]
    automatic: bool
    presets: bool = True
    undoable: bool = False
    running: bool = False
    hunks: tuple[HunkHere, ...] = ()
    questions: tuple[OpenQuestion, ...] = ()


def offers(spot: Spot, only: Sequence[str] | None) -> list[Offer]:
    """The offers at `spot` whose kind the client asked for (`only`; None for all)."""
    return [offer for offer in _all(spot) if _wanted(offer, only)]


def _all(spot: Spot) -> Iterator[Offer]:
    yield from _answers(spot)
    yield from _reviews(spot)
    yield from _fixes(spot)
    if spot.automatic:
        return
    if _TODO.search(spot.text):
        yield Offer(
            "Codex: do what this comment says",
            "refactor.rewrite.codex.todo",
            "codex.implementTodo",
        )
    if spot.selected:
        yield Offer("Codex: edit selection…", "refactor.rewrite.codex", "codex.edit")
        if spot.presets:
            yield from _presets()
    yield Offer("Codex: write documentation", "refactor.rewrite.codex.doc", "codex.document")
    yield Offer("Codex: write tests", "source.codex.tests", "codex.tests")
    if not spot.here:
        yield Offer("Codex: explain this code", "source.codex.explain", "codex.explain")
    yield Offer("Codex: ask about this…", "source.codex.ask", "codex.ask")
    yield Offer("Codex: do a job…", "source.codex.do", "codex.do")
    if spot.undoable:
        yield Offer("Codex: undo the last turn", "source.codex.task", "codex.turn.undo")
    if spot.running:  # for editors that have no other way to run a command
        yield Offer("Codex: stop", "source.codex.task", "codex.task.cancel")


def _fixes(spot: Spot) -> Iterator[Offer]:
    for diagnostic in spot.here:
        yield Offer(
            _titled('Codex: fix "', str(diagnostic.get("message", "")), '"'),
            "quickfix.codex",
            "codex.fix",
            {"diagnostics": [diagnostic]},
            (diagnostic,),
        )
    if not spot.here and not spot.automatic:
        # Some editors pass on no diagnostics of other servers: the person knows what is wrong.
        yield Offer("Codex: fix this", "quickfix.codex", "codex.fix")
    if len(spot.in_file) > 1 and not spot.automatic:
        title = f"Codex: fix all {len(spot.in_file)} problems in this file"
        extra = {"diagnostics": list(spot.in_file)}
        yield Offer(title, "quickfix.codex", "codex.fixAll", extra, spot.in_file)
        yield Offer(title, "source.fixAll.codex", "codex.fixAll", extra)
    if spot.here and not spot.automatic:
        yield Offer(
            "Codex: explain this problem",
            "quickfix.codex.explain",
            "codex.explain",
            {"diagnostics": list(spot.here)},
            spot.here,
        )


def _answers(spot: Spot) -> Iterator[Offer]:
    """What shows the action comes first: many an editor runs the first one on Enter."""
    kind, respond = "quickfix.codex.approval", "codex.approval.respond"
    for question in spot.questions:
        this = {"approvalId": question.id}
        yield Offer(
            _titled("Codex: show: ", question.action, ""), kind, "codex.approval.show", this
        )
        for label, decision in question.choices.items():
            title = _titled(f"Codex: {label[0].lower()}{label[1:]}: ", question.action, "")
            yield Offer(title, kind, respond, {**this, "decision": decision})
        why = {**this, "decision": "deny", "asksWhy": True}
        yield Offer("Codex: deny and say why…", kind, respond, why)


def _reviews(spot: Spot) -> Iterator[Offer]:
    for hunk in spot.hunks:
        for row in HUNK_ACTIONS:
            if hunk.state in row.states and (row.kind == FIX or not spot.automatic):
                yield Offer(row.title, row.kind, row.command, {"hunkId": hunk.id})
    waiting = [hunk for hunk in spot.hunks if hunk.more]
    if waiting and not spot.automatic:
        turn = {"taskId": waiting[0].turn}
        yield Offer("Codex: go to the next change", SOURCE, "codex.hunk.next")
        yield Offer("Codex: keep all changes of this file", SOURCE, "codex.hunk.acceptFile")
        yield Offer("Codex: undo all changes of this file", SOURCE, "codex.hunk.rejectFile")
        yield Offer("Codex: keep all changes of this turn", SOURCE, "codex.turn.accept", turn)
        yield Offer("Codex: undo all changes of this turn", SOURCE, "codex.turn.reject", turn)


def _presets() -> Iterator[Offer]:
    for preset, title in (
        ("simplify", "Codex: simplify"),
        ("types", "Codex: add types"),
        ("errors", "Codex: handle errors"),
        ("perf", "Codex: speed up"),
    ):
        yield Offer(title, f"refactor.rewrite.codex.{preset}", "codex.edit", {"preset": preset})


def _wanted(offer: Offer, only: Sequence[str] | None) -> bool:
    if offer.kind == "source.fixAll.codex":
        # Editors run fix-all actions on save: it is offered to nobody who did not ask for it.
        return only is not None and any(
            kind in {"source.fixAll", "source.fixAll.codex"} for kind in only
        )
    if only is None:
        return True
    return any(kind in {"", offer.kind} or offer.kind.startswith(f"{kind}.") for kind in only)


def _titled(before: str, message: str, after: str) -> str:
    """A title on one line, cut to length; characters that do not show are left out."""
    shown = " ".join("".join(char if char.isprintable() else " " for char in message).split())
    room = TITLE_LENGTH - len(before) - len(after)
    if len(shown) > room:
        shown = shown[: room - 1].rstrip() + "…"
    return f"{before}{shown}{after}"
