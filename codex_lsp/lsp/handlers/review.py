"""What a person does with changes: keep, drop, take back, look at, ask for anew.

A command is about hunks by `hunkId`, by turn (`taskId`), by file or by place, and only about those
that are in a state for it (`lsp/editing/hunk_actions`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from codex_lsp.agent.workplace import Place
from codex_lsp.lsp import decisions, work
from codex_lsp.lsp.connection.server import Server
from codex_lsp.lsp.editing.hunk_actions import states_for
from codex_lsp.lsp.editing.review import SHOWN
from codex_lsp.lsp.person.messages import say
from codex_lsp.lsp.person.showing import open_at
from codex_lsp.lsp.targets import BadArguments, Target, find, parse_target
from codex_lsp.lsp.tasks import Work
from codex_lsp.lsp.workbench import Location, Workbench
from codex_lsp.workspace.ledger import Hunk, State

Reply = dict[str, object]
Arguments = Sequence[object] | None


def accept(server: Server, arguments: Arguments) -> Reply:
    """`codex.hunk.accept` `{hunkId}`, or at a place: make the changes, also such as were undone."""
    return _keep(server, _here(server, arguments, "codex.hunk.accept"))


def reject(server: Server, arguments: Arguments) -> Reply:
    """`codex.hunk.reject` `{hunkId}`, or at a place: drop the changes."""
    return _drop(server, _here(server, arguments, "codex.hunk.reject"))


def undo(server: Server, arguments: Arguments) -> Reply:
    """`codex.hunk.undo` `{hunkId}`, or at a place: take back what was changed there."""
    return _undo(server, _here(server, arguments, "codex.hunk.undo"))


def explain(server: Server, arguments: Arguments) -> Reply:
    """`codex.hunk.explain` `{hunkId}`, or at a place: an answer page about the change."""
    hunk = _here(server, arguments, "codex.hunk.explain")[0]
    place = _place(server.bench, hunk)
    return _started(server, "Codex: explain a change", work.explaining(server.bench, hunk, place))


def redo(server: Server, arguments: Arguments) -> Reply:
    """`codex.hunk.redo` `{hunkId, prompt}`: ask for the change anew, with a note; asks for one."""
    bench, note = server.bench, parse_target(arguments).prompt
    hunk = _here(server, arguments, "codex.hunk.redo")[0]
    place = _place(bench, hunk)

    def then(note: str) -> Work:
        return work.redoing(bench, hunk, place, note)

    name = hunk.path.name
    heading = f"What should be different in the change of {name}, line {place.lines.start + 1}?"
    doing = work.asking_first(bench, heading, then) if note is None else then(note)
    return _started(server, f"Codex: redo a change of {name}", doing)


def accept_file(server: Server, arguments: Arguments) -> Reply:
    """`codex.hunk.acceptFile`: make all changes of the file."""
    return _keep(server, _in_file(server, arguments, State.PROPOSED))


def reject_file(server: Server, arguments: Arguments) -> Reply:
    """`codex.hunk.rejectFile`: drop all changes of the file."""
    return _drop(server, _in_file(server, arguments, *SHOWN))


def undo_file(server: Server, arguments: Arguments) -> Reply:
    """`codex.file.undo` `{path, taskId}`: take back what a turn, or the last one, did."""
    return _undo(server, _in_file(server, arguments, State.LANDED, newest=True))


def redo_file(server: Server, arguments: Arguments) -> Reply:
    """`codex.file.redo` `{path, taskId}`: make again what was taken back in the file."""
    return _redo(server, _in_file(server, arguments, State.UNDONE, newest=True))


def accept_turn(server: Server, arguments: Arguments) -> Reply:
    """`codex.turn.accept`: make all changes of the turn `taskId`, or of the newest that waits."""
    return _keep(server, _of_turn(server, arguments, State.PROPOSED))


def reject_turn(server: Server, arguments: Arguments) -> Reply:
    """`codex.turn.reject`: drop all changes of the turn `taskId`, or of the newest that waits."""
    return _drop(server, _of_turn(server, arguments, *SHOWN))


def undo_turn(server: Server, arguments: Arguments) -> Reply:
    """`codex.turn.undo`: take back all changes of the turn `taskId`, or of the newest one."""
    turn = parse_target(arguments).task_id
    return _undo(server, server.bench.ledger.newest(State.LANDED, turn=turn))


def redo_turn(server: Server, arguments: Arguments) -> Reply:
    """`codex.turn.redo`: make the changes of an undone turn again."""
    turn = parse_target(arguments).task_id
    return _redo(server, server.bench.ledger.newest(State.UNDONE, turn=turn))


def list_hunks(server: Server, arguments: Arguments) -> list[Reply]:
    """`codex.hunk.list` `{path, taskId}`: the changes, and what became of each."""
    bench, target = server.bench, parse_target(arguments)
    path = find(bench, target)[1].path if target.uri or target.path else None
    return [_described(bench, hunk) for hunk in bench.ledger.hunks(path=path, turn=target.task_id)]


def next_hunk(server: Server, arguments: Arguments) -> Reply:
    """`codex.hunk.next`: show the change after the place, the first one after the last."""
    return _go(server, arguments, forward=True)


def previous_hunk(server: Server, arguments: Arguments) -> Reply:
    """`codex.hunk.previous`: show the change before the place."""
    return _go(server, arguments, forward=False)


def diff(server: Server, arguments: Arguments) -> Reply:
    """`codex.hunk.diff` `{hunkId | taskId | path}`: show changes as a unified diff.

    With nothing given: what waits, or else what the last turn did.
    """
    bench, target = server.bench, parse_target(arguments)
    if target.hunk_id is not None:
        hunks = _here(server, arguments, "codex.hunk.diff")
    else:
        path = find(bench, target)[1].path if target.uri or target.path else None
        hunks = _to_look_at(bench, path, target.task_id)
    _check(hunks, "There is no change to show.")
    return _started(server, "Codex: diff", decisions.diffing(bench, hunks))


def _here(server: Server, arguments: Arguments, command: str) -> list[Hunk]:
    """The hunks that are meant, in a state for `command`; raises `BadArguments` if none is."""
    bench, target, states = server.bench, parse_target(arguments), states_for(command)
    if target.hunk_id is None:
        _, place = find(bench, target)
        found = bench.ledger.hunks(*states, path=place.path)
        hunks = bench.review.within(found, place.lines)
        _check(hunks, "No change waits here: it was made, dropped or typed over already.")
        return hunks
    hunk = bench.ledger.find(target.hunk_id)
    if hunk is None:
        raise BadArguments(f"There is no change {target.hunk_id} (any more).")
    if hunk.state not in states:
        reason = f": {hunk.reason}" if hunk.reason else ""
        raise BadArguments(f"This change is {hunk.state.value}{reason}.")
    return [hunk]


def _in_file(
    server: Server, arguments: Arguments, *states: State, newest: bool = False
) -> list[Hunk]:
    bench, target = server.bench, parse_target(arguments)
    path = find(bench, target)[1].path
    if newest:
        return bench.ledger.newest(*states, path=path, turn=target.task_id)
    return bench.ledger.hunks(*states, path=path)


def _of_turn(server: Server, arguments: Arguments, *states: State) -> list[Hunk]:
    turn = parse_target(arguments).task_id
    return server.bench.ledger.newest(*states, turn=turn)


def _keep(server: Server, hunks: list[Hunk]) -> Reply:
    _check(hunks, "No change waits here: it was made, dropped or typed over already.")
    return _advanced(server, hunks, "Kept", "Codex: keep")


def _undo(server: Server, hunks: list[Hunk]) -> Reply:
    _check(hunks, "There is no turn to undo.")
    return _advanced(server, hunks, "Undone", "Codex: undo")


def _redo(server: Server, hunks: list[Hunk]) -> Reply:
    _check(hunks, "There is no turn to redo.")
    return _advanced(server, hunks, "Redone", "Codex: redo")


def _advanced(server: Server, hunks: list[Hunk], verb: str, label: str) -> Reply:
    return _started(server, label, decisions.advancing(server.bench, hunks, verb, label))


def _drop(server: Server, hunks: list[Hunk]) -> Reply:
    _check(hunks, "No change waits here: it was made, dropped or typed over already.")
    server.bench.review.drop(hunks)
    return {"ok": True}


def _started(server: Server, title: str, doing: Work) -> Reply:
    return {"taskId": server.bench.tasks.start(title, doing).id}


def _check(hunks: list[Hunk], otherwise: str) -> None:
    if not hunks:
        raise BadArguments(otherwise)


def _place(bench: Workbench, hunk: Hunk) -> Place:
    """Where a request about the hunk is: at it, or where its turn was if its file is none yet."""
    document, origin = bench.buffers.at(hunk.path), bench.review.origin(hunk)
    if origin is not None and origin.place is not None and not hunk.path.exists():
        return origin.place
    language = "" if document is None else document.language_id
    return Place(hunk.path, bench.review.places.lines(hunk), language)


def _to_look_at(bench: Workbench, path: Path | None, turn: str | None) -> list[Hunk]:
    """What waits or could not be made; if nothing, what the last turn did."""
    waiting = bench.ledger.hunks(*SHOWN, path=path, turn=turn)
    return waiting or bench.ledger.newest(State.LANDED, path=path, turn=turn)


def _described(bench: Workbench, hunk: Hunk) -> Reply:
    lines = bench.review.places.lines(hunk)
    return {
        "hunkId": hunk.id,
        "taskId": hunk.turn,
        "path": str(hunk.path),
        "uri": _uri(bench, hunk),
        "line": lines.start + 1,
        "endLine": lines.end,
        "state": hunk.state.value,
        "reason": hunk.reason,
    }


def _uri(bench: Workbench, hunk: Hunk) -> str:
    document = bench.buffers.at(hunk.path)
    return hunk.path.as_uri() if document is None else document.uri


def _go(server: Server, arguments: Arguments, *, forward: bool) -> Reply:
    bench = server.bench
    hunks = _to_look_at(bench, None, None)
    _check(hunks, "There is no change to go to.")
    lines = bench.review.places.lines
    at = sorted(((hunk.path, lines(hunk).start), hunk.id, hunk) for hunk in hunks)
    here = _last(bench, parse_target(arguments))
    if forward:
        chosen = next((hunk for place, _, hunk in at if here is None or place > here), at[0][2])
    else:
        before = [hunk for place, _, hunk in at if here is not None and place < here]
        chosen = (before or [at[-1][2]])[-1]
    uri = _uri(bench, chosen)
    bench.last = Location(uri, lines(chosen))
    server.spawn(_show(bench, chosen, uri), name="show a change")
    return _described(bench, chosen)


def _last(bench: Workbench, target: Target) -> tuple[Path, int] | None:
    """The place that is given, or the last one; None if there is none."""
    if bench.last is None and not (target.uri or target.path):
        return None
    _, place = find(bench, target)
    return place.path, place.lines.start


async def _show(bench: Workbench, hunk: Hunk, uri: str) -> None:
    await asyncio.sleep(bench.client.quirks.pause)
    if not await open_at(bench, uri, bench.review.places.range(hunk)):
        message = f"{hunk.path}:{bench.review.places.lines(hunk).start + 1}"
        say(bench.wire, f"Codex: {message}")
