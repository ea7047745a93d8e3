"""`textDocument/codeAction`: what can be asked of Codex here. Cheap, and starts nothing."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lsprotocol import types

from codex_lsp.agent.context.lines import LineRange
from codex_lsp.lsp.connection.server import Server
from codex_lsp.lsp.diagnostics import touching
from codex_lsp.lsp.editing.buffers import to_path
from codex_lsp.lsp.editing.positions import range_lines
from codex_lsp.lsp.editing.review import SHOWN
from codex_lsp.lsp.offers import HunkHere, Offer, OpenQuestion, Spot, offers
from codex_lsp.lsp.person import approval_text
from codex_lsp.lsp.workbench import Location, Workbench
from codex_lsp.workspace.ledger import State


def code_action(server: Server, params: types.CodeActionParams) -> list[dict[str, Any]] | None:
    """The actions at the range, each of them a command with all that it needs to be run later."""
    bench = server.bench
    uri = params.text_document.uri
    document = bench.documents.get(uri)
    if document is None or (path := to_path(uri)) is None:
        return None  # a buffer without a file has no name that a patch could use
    asked = server.plain(params.range)
    lines = range_lines(asked) or LineRange(0, 1)
    context = params.context
    automatic = context.trigger_kind is types.CodeActionTriggerKind.Automatic
    known = bench.diagnostics.known(uri, [server.plain(entry) for entry in context.diagnostics])
    spot = Spot(
        text="" if automatic else bench.documents.lines(uri, lines.start, lines.end),
        selected=params.range.start != params.range.end,
        here=touching(known, lines),
        in_file=known,
        automatic=automatic,
        presets=bench.settings.offer_presets,
        undoable=bool(bench.ledger.hunks(State.LANDED, path=path)),
        running=bool(bench.tasks.running()),
        hunks=_hunks(bench, path, lines, automatic=automatic),
        questions=_questions(bench, uri, lines, automatic=automatic),
    )
    if not automatic:
        bench.warm_up()
        bench.last = Location(uri, lines)
    where = {"uri": uri, "range": asked, "version": document.version}
    found = offers(spot, context.only)
    return [_action(offer, where, tagged=bench.client.llm_tag) for offer in found] or None


def _hunks(
    bench: Workbench, path: Path, lines: LineRange, *, automatic: bool
) -> tuple[HunkHere, ...]:
    """What waits at the lines; asked for by the person, also what the last turn did there."""
    waiting = bench.ledger.hunks(*SHOWN, path=path)
    found = bench.review.within(waiting, lines)
    if not automatic:
        made = bench.ledger.newest(State.LANDED, State.UNDONE, path=path)
        found += bench.review.within(made, lines)
    more = len(waiting) > 1
    return tuple(
        HunkHere(hunk.id, hunk.turn, hunk.state, more and hunk.state in SHOWN) for hunk in found
    )


def _questions(
    bench: Workbench, uri: str, lines: LineRange, *, automatic: bool
) -> tuple[OpenQuestion, ...]:
    """Those of the marked line; whoever opens the menu finds those of the document anywhere in it,
    since the mark moves with what is typed.
    """
    return tuple(
        OpenQuestion(
            pending.id,
            approval_text.headline(pending.question),
            approval_text.choices(pending.question),
        )
        for pending in bench.approvals.pending()
        if pending.asker.uri == uri
        and (not automatic or lines.start <= pending.asker.line < lines.end)
    )


def _action(offer: Offer, where: Mapping[str, Any], *, tagged: bool) -> dict[str, Any]:
    """As JSON, for the diagnostics are JSON already and go back as they came."""
    argument = {**where, **offer.extra}
    command = {"title": offer.title, "command": offer.command, "arguments": [argument]}
    action: dict[str, Any] = {"title": offer.title, "kind": offer.kind, "command": command}
    if offer.diagnostics:
        action["diagnostics"] = list(offer.diagnostics)
    if tagged:
        action["tags"] = [types.CodeActionTag.LlmGenerated.value]
    return action
