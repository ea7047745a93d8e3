"""Code lenses in a window in memory: what they show, and when the client is told to ask anew; and
each rule, broken, is noticed. `tests/e2e/test_code_lenses` has them through a real server.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import nullcontext, suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from lsprotocol.types import CodeLensParams, TextDocumentIdentifier

from codex_lsp.lsp.connection.client import ClientError
from codex_lsp.lsp.editing.hunk_actions import HUNK_ACTIONS
from codex_lsp.lsp.handlers import code_lenses
from codex_lsp.lsp.person import lenses
from codex_lsp.lsp.person.lenses import Lenses
from codex_lsp.workspace.ledger import Ledger
from tests.doubles.virtual_loop import run_virtually
from tests.lsp.test_review_rules import Window

NAME = "vscode-1.139.1-languageclient-11"
ASKS = {"initializationOptions": {"codeLens": True}}
REFRESH = "workspace/codeLens/refresh"


class Lensed(Window):
    """A window of VS Code. `renewals`: how often it was told to ask anew."""

    def __init__(self, **options: object) -> None:
        self.spawned: list[asyncio.Task[None]] = []
        self.renewals = 0
        self.busy: asyncio.Event | None = None
        self.refuses = False
        super().__init__(NAME, Path("/workspace"), **options)

    def spawn(self, coro: Coroutine[Any, Any, object], *, name: str) -> asyncio.Task[None]:
        self.spawned.append(super().spawn(coro, name=name))
        return self.spawned[-1]

    async def ask(self, method: str, params: Any, *, timeout: float) -> Any:  # noqa: ASYNC109 - the seam's shape
        if method != REFRESH:
            return await super().ask(method, params, timeout=timeout)
        self.renewals += 1
        if self.busy is not None:
            await self.busy.wait()
        if self.refuses:
            raise ClientError(-32601, "what?")
        return None

    async def rest(self) -> None:
        """Wait until nothing is under way."""
        await self.arrived()
        await asyncio.sleep(1)

    @property
    def above(self) -> list[tuple[int, str]]:
        """Line and title of what stands above lines."""
        server: Any = SimpleNamespace(bench=self.bench)
        params = CodeLensParams(TextDocumentIdentifier(self.document.uri))
        found = code_lenses.code_lens(server, params) or []
        return [(one["range"]["start"]["line"], one["command"]["title"]) for one in found]


async def what_waits_can_be_settled_above_its_line_and_moves_with_it(w: Lensed) -> None:
    await w.suggest("three", "3")
    assert w.above == [(2, "Keep"), (2, "Undo")]
    await w.type("one", "zero\none")
    assert w.above == [(3, "Keep"), (3, "Undo")]


async def what_is_settled_or_cannot_be_made_has_none(w: Lensed) -> None:
    kept, dropped = await w.suggest("one", "1"), await w.suggest("three", "3")
    await w.suggest("six", "6")
    await w.bench.review.advance([kept], label="keep")
    w.bench.review.drop([dropped])
    await w.type("six", "mine")
    assert w.above == []


async def a_setting_takes_them_away_and_the_client_asks_anew(w: Lensed) -> None:
    await w.suggest("three", "3")
    await w.rest()
    before = w.renewals
    w.bench.use_settings({"codeLens": False})
    await w.rest()
    assert (w.above, w.renewals) == ([], before + 1)
    w.bench.use_settings({"codeLens": False})
    await w.rest()
    assert w.renewals == before + 1


async def what_changes_at_a_time_is_told_once(w: Lensed) -> None:
    for _ in range(3):
        w.bench.lenses.changed()
    await w.rest()
    assert w.renewals == 1
    w.bench.lenses.changed()
    await w.rest()
    assert w.renewals == 2


async def what_changes_while_the_client_is_told_is_told_again(w: Lensed) -> None:
    w.busy = asyncio.Event()
    w.bench.lenses.changed()
    await w.rest()
    w.bench.lenses.changed()
    w.busy.set()
    await w.rest()
    assert w.renewals == 2


async def a_client_that_refuses_does_no_harm(w: Lensed) -> None:
    w.refuses = True
    await w.suggest("three", "3")
    await w.rest()
    assert w.renewals == 1
    assert w.above == [(2, "Keep"), (2, "Undo")]


async def who_did_not_ask_for_them_is_not_told(_: Lensed) -> None:
    w = Lensed()
    await w.rest()
    await w.suggest("three", "3")
    await w.rest()
    assert w.renewals == 0


async def a_document_that_is_closed_has_none(w: Lensed) -> None:
    await w.suggest("three", "3")
    w.editor.close(w.document)
    await w.rest()
    assert w.above == []


Rule = Callable[[Lensed], Awaitable[None]]
RULES: tuple[Rule, ...] = (
    what_waits_can_be_settled_above_its_line_and_moves_with_it,
    what_is_settled_or_cannot_be_made_has_none,
    a_setting_takes_them_away_and_the_client_asks_anew,
    what_changes_at_a_time_is_told_once,
    what_changes_while_the_client_is_told_is_told_again,
    a_client_that_refuses_does_no_harm,
    who_did_not_ask_for_them_is_not_told,
    a_document_that_is_closed_has_none,
)


def hold(rule: Rule) -> None:
    async def run() -> None:
        window = Lensed(**ASKS)
        await window.rest()
        await rule(window)
        await window.rest()
        assert all(task.exception() is None for task in window.spawned if task.done())

    run_virtually(run())


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_rule(rule: Rule) -> None:
    hold(rule)


# Mutants, each of which a rule has to notice.


def tells_of_each_change(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Lenses, "_due", property(lambda _: False, lambda *_: None), raising=False)


def tells_but_once(patch: pytest.MonkeyPatch) -> None:
    async def renew(self: Any) -> None:
        await self._wire.ask(REFRESH, None, timeout=10)

    patch.setattr(Lenses, "_renew", renew)


def listens_only_when_it_was_told(patch: pytest.MonkeyPatch) -> None:
    async def renew(self: Any) -> None:
        with suppress(ClientError):
            await self._wire.ask(REFRESH, None, timeout=10)
        self._due = False

    patch.setattr(Lenses, "_renew", renew)


def tells_everybody(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Lenses, "_renewed", property(lambda _: True, lambda *_: None), raising=False)


def lets_failures_through(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(lenses, "suppress", lambda *_: nullcontext())


def heeds_no_setting(patch: pytest.MonkeyPatch) -> None:
    lens = code_lenses.code_lens

    def always(server: Any, params: Any) -> Any:
        server.bench.use_settings({"codeLens": True})
        return lens(server, params)

    patch.setattr(code_lenses, "code_lens", always)


def shows_what_is_settled(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(code_lenses, "HUNK_ACTIONS", [_anywhere(row) for row in HUNK_ACTIONS])
    hunks = Ledger.hunks
    patch.setattr(Ledger, "hunks", lambda self, *_, **more: hunks(self, **more))


def _anywhere(row: Any) -> Any:
    return SimpleNamespace(command=row.command, lens=row.lens, states=_Every())


class _Every:
    def __contains__(self, _: object) -> bool:
        return True


def looks_at_no_document(patch: pytest.MonkeyPatch) -> None:
    lens = code_lenses.code_lens

    def blind(server: Any, params: Any) -> Any:
        documents = SimpleNamespace(get=lambda _: True)
        parts = {name: getattr(server.bench, name) for name in ("ledger", "review", "settings")}
        bench = SimpleNamespace(documents=documents, approvals=server.bench.approvals, **parts)
        return lens(SimpleNamespace(bench=bench), params)  # type: ignore[arg-type]

    patch.setattr(code_lenses, "code_lens", blind)


MUTANTS = (
    tells_of_each_change,
    tells_but_once,
    listens_only_when_it_was_told,
    tells_everybody,
    lets_failures_through,
    heeds_no_setting,
    shows_what_is_settled,
    looks_at_no_document,
)


@pytest.mark.parametrize("mutate", MUTANTS, ids=lambda mutate: mutate.__name__)
def test_a_broken_rule_is_noticed(
    mutate: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    mutate(monkeypatch)
    assert any(broken(rule) for rule in RULES)


def broken(rule: Rule) -> bool:
    try:
        hold(rule)
    except (AssertionError, ClientError):
        return True
    return False
