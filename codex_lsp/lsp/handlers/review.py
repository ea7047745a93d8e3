"""Keeping and dropping changes that wait for the person."""

from __future__ import annotations

from collections.abc import Sequence

from codex_lsp.agent.events import RequestRefused
from codex_lsp.lsp.review import Hunk
from codex_lsp.lsp.server import Server
from codex_lsp.lsp.targets import BadArguments, parse_target
from codex_lsp.lsp.tasks import Task
from codex_lsp.lsp.words import plural

Reply = dict[str, object]
Arguments = Sequence[object] | None


def accept(server: Server, arguments: Arguments) -> Reply:
    """`codex.hunk.accept` `{hunkId}`, or the changes at a place: make them."""
    return _keep(server, _here(server, arguments))


def reject(server: Server, arguments: Arguments) -> Reply:
    """`codex.hunk.reject` `{hunkId}`, or the changes at a place: drop them."""
    return _drop(server, _here(server, arguments))


def accept_file(server: Server, arguments: Arguments) -> Reply:
    """`codex.hunk.acceptFile`: make all changes of the file."""
    return _keep(server, _in_file(server, arguments))


def reject_file(server: Server, arguments: Arguments) -> Reply:
    """`codex.hunk.rejectFile`: drop all changes of the file."""
    return _drop(server, _in_file(server, arguments))


def accept_turn(server: Server, arguments: Arguments) -> Reply:
    """`codex.turn.accept` `{taskId}`: make all changes of the turn, in every file."""
    return _keep(server, _of_turn(server, arguments))


def reject_turn(server: Server, arguments: Arguments) -> Reply:
    """`codex.turn.reject` `{taskId}`: drop all changes of the turn, in every file."""
    return _drop(server, _of_turn(server, arguments))


def _here(server: Server, arguments: Arguments) -> list[Hunk]:
    bench, target = server.bench, parse_target(arguments)
    if target.hunk_id is not None:
        hunk = bench.review.find(target.hunk_id)
        return [] if hunk is None else [hunk]
    _, place = bench.find(target)
    return bench.review.at(place.path, place.lines)


def _in_file(server: Server, arguments: Arguments) -> list[Hunk]:
    _, place = server.bench.find(parse_target(arguments))
    return server.bench.review.at(place.path)


def _of_turn(server: Server, arguments: Arguments) -> list[Hunk]:
    turn = parse_target(arguments).task_id
    if turn is None:
        raise BadArguments('Name the turn: {"taskId": "codex-…"}, as codex.task.list shows it.')
    return server.bench.review.of_turn(turn)


def _keep(server: Server, hunks: list[Hunk]) -> Reply:
    _check(hunks)
    bench = server.bench

    async def work(_task: Task) -> str:
        failed = await bench.review.keep(hunks, label="Codex: keep")
        if failed:
            reasons = "\n".join(f"{failure.path.name}: {failure.reason}" for failure in failed)
            raise RequestRefused(f"Not every change could be made.\n{reasons}")
        return f"Kept {plural(len(hunks), 'change')}."

    return {"taskId": bench.tasks.start("Codex: keep", work).id}


def _drop(server: Server, hunks: list[Hunk]) -> Reply:
    _check(hunks)
    server.bench.review.drop(hunks)
    return {"ok": True}


def _check(hunks: list[Hunk]) -> None:
    if not hunks:
        raise BadArguments("No change waits here: it was made, dropped or typed over already.")
