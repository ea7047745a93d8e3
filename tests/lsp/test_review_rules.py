"""What waits for the person: what takes its place, where it is shown, what asking does; and each
rule, broken, is noticed. A window in memory, with the real workbench behind it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from random import Random
from typing import Any

import pytest

from codex_lsp.agent.changes import hunks as engine
from codex_lsp.agent.ports import Applied, Change, ChangeFile, Held, NotApplied, RemoveFile
from codex_lsp.edits.diff import diff
from codex_lsp.lsp import decisions
from codex_lsp.lsp.adapters import Adapters
from codex_lsp.lsp.editing import review
from codex_lsp.lsp.editing.hunk_text import pairs
from codex_lsp.lsp.editing.places import Places, overlap
from codex_lsp.lsp.editing.proof import LATE
from codex_lsp.lsp.editing.review import REST, Origin, Review
from codex_lsp.lsp.person import words
from codex_lsp.lsp.person.progress import Progress
from codex_lsp.lsp.tasks import Task
from codex_lsp.lsp.workbench import Workbench
from codex_lsp.workspace.disk import DiskText
from codex_lsp.workspace.ledger import Hunk, Swap
from codex_lsp.workspace.raw import Bits, Bytes, Link
from tests.doubles.editor import Mood
from tests.doubles.memory_window import MemoryWindow
from tests.doubles.virtual_loop import run_virtually

TEXT = "one\ntwo\nthree\nfour\nfive\nsix\nseven\n"


class Window(MemoryWindow):
    """One document; what its person is asked is answered by `editor.choose`."""

    def __init__(
        self, name: str = "helix-25.07", folder: Path = Path("/workspace"), **more: object
    ) -> None:
        super().__init__(name, folder, TEXT, Random(1))
        params = self.editor.profile.initialize | {"rootUri": folder.as_uri(), **more}
        adapters = Adapters(_no_model, Path("/state"))
        self.bench = Workbench(self, params | {"workspaceFolders": None}, adapters)
        self.never: asyncio.Future[object] | None = None
        """What a client waits for that does not answer."""

    def spawn(self, coro: Coroutine[Any, Any, object], *, name: str) -> asyncio.Task[None]:
        task: Any = asyncio.create_task(coro, name=name)
        return task  # type: ignore[no-any-return]

    def notify(self, method: str, params: Any) -> None:
        super().notify(method, params)
        self.editor.notified(method, params)

    async def ask(self, method: str, params: Any, *, timeout: float) -> Any:  # noqa: ASYNC109 - the seam's shape
        if self.never is not None:
            return await self.never
        return await super().ask(method, params, timeout=timeout)

    async def suggest(
        self, old: str, new: str, turn: str = "1", *, replaces: str | None = None
    ) -> Hunk:
        """Turn `turn` would make the one text into the other; the person reviews first."""
        base = self.buffers.text_at(self.path)
        assert base is not None
        change = ChangeFile(self.path, base, diff(base.text, base.text.replace(old, new)))
        return await self.hold(change, turn, replaces=replaces)

    async def hold(self, change: Change, turn: str, *, replaces: str | None = None) -> Hunk:
        editor = self.bench.review.for_turn(Origin(turn, None, "", replaces), held=True)
        assert isinstance(await editor.apply(change, label=turn), Held)
        return self.bench.ledger.hunks()[-1]

    async def type(self, old: str, new: str) -> None:
        """The person makes the one text into the other, and rests."""
        at = self.document.text.index(old)
        self.editor.type(self.document, at, new, erase=len(old))
        self.editor.flush()
        await self.arrived()
        await asyncio.sleep(2 * REST)

    def state(self, hunk: Hunk) -> str:
        found = self.bench.ledger.find(hunk.id)
        assert found is not None
        return found.state.value

    @property
    def shown(self) -> list[tuple[int, str]]:
        """Line and text of what the person sees."""
        found = self.editor.diagnostics.get(self.document.uri, [])
        return [(one["range"]["start"]["line"], one["message"]) for one in found]

    async def confirm(self, choice: str | None, *hunks: Hunk) -> str:
        """Ask the person about `hunks`, who chooses; the sentence at the end."""
        self.editor.choose = lambda message, titles: choice
        return await self.asking(*hunks)

    def asking(self, *hunks: Hunk) -> Awaitable[str]:
        task = Task("t", "Codex: fix", Progress(self, "t", "fix"))
        return decisions.confirming(self.bench, hunks, "fix")(task)


def _no_model(_: object) -> Any:
    raise AssertionError("no model is asked")


# What takes the place of what.


async def a_suggestion_for_the_same_place_takes_that_of_the_older_one(w: Window) -> None:
    old = await w.suggest("three", "3")
    new = await w.suggest("three", "III", "2")
    assert (w.state(old), w.state(new)) == ("superseded", "proposed")
    assert [line for line, _ in w.shown] == [2]
    assert "+ III" in w.shown[0][1]


async def suggestions_of_other_turns_elsewhere_or_beside_wait_on(w: Window) -> None:
    one = await w.suggest("three\n", "three\n3a\n")
    await w.suggest("three\n", "three\n3b\n", "2")
    await w.suggest("six", "6", "3")
    assert w.state(one) == "proposed"
    assert len(w.shown) == 3


async def a_second_patch_of_a_turn_takes_the_place_of_its_first_on_the_line(w: Window) -> None:
    old = await w.suggest("three\n", "three\n3a\n")
    await w.suggest("three\n", "three\n3b\n")
    assert w.state(old) == "superseded"


async def what_is_asked_for_anew_takes_the_place_wherever_it_is(w: Window) -> None:
    old = await w.suggest("three", "3")
    await w.suggest("six", "6", "2", replaces=old.id)
    assert w.state(old) == "superseded"
    assert [line for line, _ in w.shown] == [5]


async def to_delete_the_file_takes_the_place_of_all_that_waits_in_it(w: Window) -> None:
    old = await w.suggest("three", "3")
    await w.hold(RemoveFile(w.path, TEXT), "2")
    assert w.state(old) == "superseded"


async def another_file_is_another_matter(w: Window) -> None:
    old = await w.suggest("three", "3")
    other = ChangeFile(w.path.with_name("b.py"), DiskText(TEXT, b""), diff(TEXT, "x" + TEXT))
    await w.hold(other, "2")
    assert w.state(old) == "proposed"


# Where it is shown.


async def what_waits_is_not_made_and_moves_with_what_is_typed(w: Window) -> None:
    await w.suggest("three", "3")
    assert w.document.text == TEXT
    await w.type("one", "zero\none")
    assert [line for line, _ in w.shown] == [3]
    assert w.shown[0][1] == "Suggested:\n- three\n+ 3"


async def what_was_typed_over_is_shown_as_such_and_never_made(w: Window) -> None:
    hunk = await w.suggest("three", "3")
    await w.type("three", "mine")
    assert (w.state(hunk), [line for line, _ in w.shown]) == ("refused", [2])
    assert "you typed here since" in w.shown[0][1]
    assert "+ 3" in w.shown[0][1]
    await w.bench.review.advance([hunk], label="keep")
    assert "mine" in w.document.text


async def what_the_person_did_alike_waits_no_longer(w: Window) -> None:
    hunk = await w.suggest("three", "3")
    await w.type("three", "3")
    assert (w.state(hunk), w.shown) == ("superseded", [])


async def a_conflict_of_what_is_made_at_once_is_shown(w: Window) -> None:
    base = w.buffers.text_at(w.path)
    assert base is not None
    await w.type("three", "mine")
    editor = w.bench.review.for_turn(Origin("1", None, ""), held=False)
    change = ChangeFile(w.path, base, diff(TEXT, TEXT.replace("three", "3")))
    assert isinstance(await editor.apply(change, label="fix"), NotApplied)
    assert [line for line, _ in w.shown] == [2]
    assert "meanwhile 'min' was typed there" in w.shown[0][1]


async def what_is_never_answered_is_shown_again_once_it_is_given_up(w: Window) -> None:
    hunk = await w.suggest("three", "3")
    w.editor.mood = Mood.SILENT
    await w.bench.review.advance([hunk], label="keep")
    assert (w.state(hunk), w.shown) == ("sent", [])
    await asyncio.sleep(LATE + 1)
    assert w.state(hunk) == "proposed"
    assert len(w.shown) == 1


async def what_is_made_long_after_it_was_asked_for_has_landed(w: Window) -> None:
    hunk = await w.suggest("three", "3")
    w.editor.mood = Mood.SILENT
    await w.bench.review.advance([hunk], label="keep")
    await w.type("three", "3")
    assert (w.state(hunk), w.shown) == ("landed", [])


# What asking does.


async def nothing_is_made_before_the_person_agrees(w: Window) -> None:
    hunk = await w.suggest("three", "3")
    assert w.document.text == TEXT
    assert await w.confirm(words.APPLY, hunk) == "Changed in a.py."
    assert w.document.text == TEXT.replace("three", "3")


async def what_is_discarded_is_gone(w: Window) -> None:
    hunk = await w.suggest("three", "3")
    assert await w.confirm(words.DISCARD, hunk) == "Nothing was changed."
    assert (w.state(hunk), w.shown, w.document.text) == ("dropped", [], TEXT)


async def without_an_answer_it_waits(w: Window) -> None:
    for choice in (words.REVIEW, None):
        hunk = await w.suggest("three", "3")
        assert "1 change to review" in await w.confirm(choice, hunk)
        assert (w.state(hunk), w.document.text) == ("proposed", TEXT)


async def who_decides_by_code_action_is_not_asked_on(w: Window) -> None:
    hunk = await w.suggest("three", "3")
    w.never = asyncio.get_running_loop().create_future()
    asking = asyncio.ensure_future(w.asking(hunk))
    await asyncio.sleep(1)
    w.bench.review.drop([hunk])
    await asyncio.wait([asking], timeout=1)
    assert asking.done()
    assert w.never.cancelled()
    assert w.document.text == TEXT


async def a_task_that_is_cancelled_while_it_asks_leaves_nothing_to_decide(w: Window) -> None:
    hunk = await w.suggest("three", "3")
    w.never = asyncio.get_running_loop().create_future()
    asking = asyncio.ensure_future(w.asking(hunk))
    await asyncio.sleep(1)
    asking.cancel()
    await asyncio.wait([asking])
    assert (w.state(hunk), w.shown) == ("dropped", [])


async def a_mode_waits_beside_the_text_and_bytes_wait_in_its_place(w: Window) -> None:
    text = await w.suggest("three", "3")
    mode = await w.hold(Swap(w.path, Bits(0o644), Bits(0o755)), "1")
    assert (w.state(text), w.state(mode)) == ("proposed", "proposed")
    assert "to put the mode 755 in place of the mode 644" in w.shown[1][1]
    link = await w.hold(Swap(w.path, Bytes(7, b"", 0o644), Link(Path("there"))), "2")
    assert (w.state(text), w.state(mode), w.state(link)) == ("superseded", "proposed", "proposed")
    assert "a link to there in place of a file of 7 bytes that are no text" in w.shown[1][1]
    [(pair, other)] = [[*pairs([mode, link], w.bench.review.places, {})]]
    assert (pair.old, pair.new) == ("the mode 644\n", "the mode 755\n")
    assert other.new == "a link to there\n"


Rule = Callable[[Window], Awaitable[None]]
RULES: tuple[Rule, ...] = (
    a_suggestion_for_the_same_place_takes_that_of_the_older_one,
    suggestions_of_other_turns_elsewhere_or_beside_wait_on,
    a_second_patch_of_a_turn_takes_the_place_of_its_first_on_the_line,
    what_is_asked_for_anew_takes_the_place_wherever_it_is,
    to_delete_the_file_takes_the_place_of_all_that_waits_in_it,
    another_file_is_another_matter,
    what_waits_is_not_made_and_moves_with_what_is_typed,
    what_was_typed_over_is_shown_as_such_and_never_made,
    what_the_person_did_alike_waits_no_longer,
    a_conflict_of_what_is_made_at_once_is_shown,
    what_is_never_answered_is_shown_again_once_it_is_given_up,
    what_is_made_long_after_it_was_asked_for_has_landed,
    nothing_is_made_before_the_person_agrees,
    what_is_discarded_is_gone,
    without_an_answer_it_waits,
    who_decides_by_code_action_is_not_asked_on,
    a_task_that_is_cancelled_while_it_asks_leaves_nothing_to_decide,
    a_mode_waits_beside_the_text_and_bytes_wait_in_its_place,
)


def hold(rule: Rule) -> None:
    async def run() -> None:
        window = Window()
        await window.arrived()
        await rule(window)

    run_virtually(run())


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_rule(rule: Rule) -> None:
    hold(rule)


# Mutants, each with the rules that have to notice it.


def _nothing(*_: Any, **__: Any) -> None:
    return None


def keeps_every_older_one(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Review, "_supersedes", lambda self, new, old, origin: False)


def drops_every_older_one(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Review, "_supersedes", lambda self, new, old, origin: True)


def drops_every_older_one_of_the_file(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Review, "_supersedes", lambda self, new, old, origin: new.path == old.path)


def goes_by_the_place_alone(patch: pytest.MonkeyPatch) -> None:
    def meet(self: Review, new: Hunk, old: Hunk, origin: Origin) -> bool:
        return overlap(self.places.of(old), self.places.of(new))

    patch.setattr(Review, "_supersedes", meet)


def forgets_what_is_asked_for_anew(patch: pytest.MonkeyPatch) -> None:
    supersedes = Review._supersedes

    def of_none(self: Review, new: Hunk, old: Hunk, origin: Origin) -> bool:
        return supersedes(self, new, old, Origin(origin.turn, None, ""))

    patch.setattr(Review, "_supersedes", of_none)


def modes_take_the_place_of_texts(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(review, "_about_bits", lambda hunk: False)


def stays_where_it_was(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Places, "_since", lambda self, step, document: ())


def does_not_follow(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Review, "follow", _nothing)


def hides_what_was_refused(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Review, "refuse", Review.drop)


def never_looks_again(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(engine, "_settle_late", _nothing)


def does_not_show_what_is_given_up(patch: pytest.MonkeyPatch) -> None:
    async def advance(*given: Any, **more: Any) -> engine.Advanced:
        outcome = await engine.advance(*given, **more)
        kept = tuple(NotApplied(one.path, one.reason) for one in outcome.kept)
        return engine.Advanced(outcome.done, kept)

    patch.setattr(review, "advance", advance)


def makes_it_unasked(patch: pytest.MonkeyPatch) -> None:
    async def apply(self: Any, change: Change, *, label: str) -> Applied | NotApplied | Held:
        return await self._review._editor.apply(change, label=label)  # type: ignore[no-any-return]

    patch.setattr(review._TurnEditor, "apply", apply)


def takes_no_for_yes(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(words, "APPLY", words.DISCARD)


def takes_silence_for_yes(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(words, "APPLY", None)


def drops_nothing(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Review, "drop", _nothing)


def asks_on(patch: pytest.MonkeyPatch) -> None:
    async def decided(*_: Any) -> None:
        await asyncio.Event().wait()

    patch.setattr(Review, "decided", decided)


MUTANTS = (
    keeps_every_older_one,
    drops_every_older_one,
    drops_every_older_one_of_the_file,
    goes_by_the_place_alone,
    forgets_what_is_asked_for_anew,
    modes_take_the_place_of_texts,
    stays_where_it_was,
    does_not_follow,
    hides_what_was_refused,
    never_looks_again,
    does_not_show_what_is_given_up,
    makes_it_unasked,
    takes_no_for_yes,
    takes_silence_for_yes,
    drops_nothing,
    asks_on,
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
    except AssertionError:
        return True
    return False
