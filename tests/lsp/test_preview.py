"""What is asked by VS Code's preview, with a box for each change: what comes of each tick, of a no,
of keys and of cancels meanwhile; and each defence, taken away, is noticed.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest

from codex_lsp.agent.changes import hunks as engine
from codex_lsp.agent.ports import CreateFile, Held, LeftOut
from codex_lsp.lsp import decisions
from codex_lsp.lsp.editing import preview, review
from codex_lsp.lsp.editing.review import Review
from codex_lsp.lsp.person import words
from codex_lsp.lsp.person.progress import Progress
from codex_lsp.lsp.tasks import Task
from codex_lsp.workspace.ledger import Hunk, Ledger, State
from tests.doubles.editor_preview import Preview
from tests.doubles.editor_profiles import NAMES, Timing
from tests.doubles.virtual_loop import Stuck, run_virtually
from tests.lsp.test_review_rules import TEXT, Window

ROUNDS = int(os.environ.get("CODEX_LSP_PREVIEWS", "100"))
VSCODE = "vscode-1.139.1-languageclient-11"
ASKS = {"initializationOptions": {"edits": {"preview": True}}}
FIRST = TEXT.replace("two", "2")
BOTH = FIRST.replace("six", "6")


class Previewed(Window):
    """A window of VS Code. `answers`: the buttons that its person presses, one after the other."""

    def __init__(self, folder: Path, name: str = VSCODE, **more: object) -> None:
        folder.joinpath("a.py").write_text(TEXT)
        super().__init__(name, folder, **(more or ASKS))
        self.asked: list[tuple[str, list[str]]] = []
        self.answers = [words.PREVIEW]
        self.editor.choose = self._choose

    def _choose(self, message: str, titles: Any) -> str | None:
        self.asked.append((message, list(titles)))
        return self.answers.pop(0) if self.answers else None

    async def begin(self, *more: Hunk) -> tuple[asyncio.Future[str], list[Hunk]]:
        """Two changes are asked about, and `more`; the person chooses to see them."""
        await self.arrived()
        hunks = [await self.suggest("two", "2"), await self.suggest("six", "6"), *more]
        return asyncio.ensure_future(self.asking(*hunks)), hunks

    async def view(self) -> Preview:
        """The preview, once it is open."""
        async with asyncio.timeout(60):
            while self.editor.preview is None:  # noqa: ASYNC110 - time costs nothing here
                await asyncio.sleep(0.01)
        found, self.editor.preview = self.editor.preview, None
        return found

    def states(self, hunks: list[Hunk]) -> list[str]:
        return [self.state(hunk) for hunk in hunks]


async def what_is_ticked_is_made_and_what_is_not_is_left_out(w: Previewed) -> None:
    ending, hunks = await w.begin()
    view = await w.view()
    assert all(view.ticks.values())
    assert w.document.text == TEXT
    view.untick("6")
    view.apply()
    assert await ending == "Changed a.py. You left 1 change out."
    assert w.document.text == FIRST
    assert w.states(hunks) == ["landed", "dropped"]
    assert w.shown == []
    assert len(w.editor.edits) == 1


async def all_that_is_ticked_is_one_step_and_the_turn_can_be_undone(w: Previewed) -> None:
    ending, hunks = await w.begin()
    (await w.view()).apply()
    assert await ending == "Changed a.py."
    assert w.document.text == BOTH
    assert w.document.undo_steps == [TEXT]
    await w.type("one", "zero\none")
    landed = w.bench.ledger.hunks(State.LANDED, turn="1")
    assert len(landed) == 2
    outcome = await w.bench.review.advance(landed, label="undo")
    assert len(outcome.done) == 1  # one request
    assert w.document.text == TEXT.replace("one", "zero\none")
    assert w.states(hunks) == ["undone", "undone"]


async def a_part_is_undone_as_it_was_made(w: Previewed) -> None:
    ending, _ = await w.begin()
    view = await w.view()
    view.untick("2")
    view.apply()
    await ending
    assert w.document.text == TEXT.replace("six", "6")
    await w.bench.review.advance(w.bench.ledger.hunks(State.LANDED), label="undo")
    assert w.document.text == TEXT


async def a_no_is_for_all_of_them(w: Previewed) -> None:
    ending, hunks = await w.begin()
    (await w.view()).discard()
    assert await ending == "Nothing was changed. You left 2 changes out."
    assert (w.document.text, w.states(hunks)) == (TEXT, ["dropped", "dropped"])


async def nothing_ticked_is_a_no(w: Previewed) -> None:
    ending, hunks = await w.begin()
    view = await w.view()
    view.untick("2", "6")
    view.apply()
    assert "You left 2 changes out" in await ending
    assert (w.document.text, w.states(hunks)) == (TEXT, ["dropped", "dropped"])


async def keys_that_come_meanwhile_stay_and_the_person_is_asked_again(w: Previewed) -> None:
    ending, hunks = await w.begin()
    view = await w.view()
    w.answers = [words.PREVIEW]
    await w.type("one", "mine")
    view.apply()
    again = await w.view()
    assert w.document.text == TEXT.replace("one", "mine")
    assert "typed in while the preview was open" in w.asked[-1][0]
    assert "2 changes" in w.asked[-1][0]
    again.apply()
    assert await ending == "Changed a.py."
    assert w.document.text == BOTH.replace("one", "mine")
    assert w.states(hunks) == ["landed", "landed"]


async def a_key_that_crosses_the_request_is_no_decision(w: Previewed) -> None:
    ending, hunks = await w.begin()
    once = iter([True])

    def types(method: str) -> None:
        if method == "workspace/applyEdit" and next(once, False):
            w.editor.type(w.document, 0, "x")
            w.editor.flush()

    w.editor.before = types
    w.answers = [words.PREVIEW, words.REVIEW]
    assert "2 changes to review" in await ending
    assert w.editor.preview is None
    assert w.document.text == f"x{TEXT}"
    assert w.states(hunks) == ["proposed", "proposed"]


async def keys_after_the_answer_do_not_hide_what_was_left_out(w: Previewed) -> None:
    ending, hunks = await w.begin()
    view = await w.view()
    view.untick("6")
    view.apply()
    w.editor.type(w.document, 0, "x")
    w.editor.flush()
    assert await ending == "Changed a.py. You left 1 change out."
    assert (w.document.text, w.states(hunks)) == (f"x{FIRST}", ["landed", "dropped"])


async def who_looks_for_an_hour_is_waited_for(w: Previewed) -> None:
    ending, hunks = await w.begin()
    view = await w.view()
    await asyncio.sleep(3600)
    assert w.states(hunks) == ["sent", "sent"]
    view.apply()
    assert await ending == "Changed a.py."
    assert w.document.text == BOTH


async def what_was_typed_over_before_is_not_shown_but_told(w: Previewed) -> None:
    ending, hunks = await w.begin()
    w.editor.type(w.document, w.document.text.index("six"), "mine", erase=3)
    w.editor.flush()
    view = await w.view()
    assert len(view.ticks) == 1
    view.apply()
    said = await ending
    assert said.startswith("Changed a.py. a.py stays as it is: line 6: ")
    assert w.document.text == FIRST.replace("six", "mine")
    assert w.states(hunks) == ["landed", "refused"]
    assert [line for line, _ in w.shown] == [5]


async def a_cancel_ends_the_task_at_once_and_what_comes_later_is_noted(w: Previewed) -> None:
    ending, hunks = await w.begin()
    view = await w.view()
    ending.cancel()
    await asyncio.wait([ending], timeout=1)
    assert ending.cancelled()
    assert w.states(hunks) == ["sent", "sent"]
    view.untick("6")
    view.apply()
    await asyncio.sleep(10)
    assert (w.document.text, w.states(hunks)) == (FIRST, ["landed", "dropped"])
    assert any("after its task was cancelled" in one["message"] for one in w.editor.messages)


async def a_cancel_and_then_a_no_leave_nothing_to_decide(w: Previewed) -> None:
    ending, hunks = await w.begin()
    view = await w.view()
    ending.cancel()
    await w.type("one", "mine")
    view.apply()  # which comes to nothing
    await asyncio.sleep(10)
    assert w.states(hunks) == ["dropped", "dropped"]
    assert w.document.text == TEXT.replace("one", "mine")
    assert not any("cancelled" in one["message"] for one in w.editor.messages)


async def a_client_that_never_answers_is_given_up_in_the_end(w: Previewed) -> None:
    ending, hunks = await w.begin()
    await w.view()
    w.answers = [words.REVIEW]
    await asyncio.sleep(preview.LOOKING + 60)
    assert "2 changes to review" in await ending
    assert "never answered" in w.asked[-1][0]
    assert w.states(hunks) == ["proposed", "proposed"]


async def a_client_that_calls_it_made_is_not_believed(w: Previewed) -> None:
    ending, hunks = await w.begin()
    view = await w.view()
    w.answers = [words.REVIEW]
    view.answer([])  # says yes, makes nothing
    assert "2 changes to review" in await ending
    assert w.states(hunks) == ["proposed", "proposed"]


async def whole_files_are_asked_about_by_themselves_afterwards(w: Previewed) -> None:
    await w.arrived()
    new = await w.hold(CreateFile(w.path.with_name("b.py"), "x\n"), "1")
    ending, hunks = await w.begin(new)
    w.answers = [words.PREVIEW, words.DISCARD]
    (await w.view()).apply()
    assert await ending == "Changed a.py."
    assert w.states(hunks) == ["landed", "landed", "dropped"]
    message, titles = w.asked[-1]
    assert message == "Changed a.py.\nCodex suggests 1 change: 1 in b.py."
    assert titles == [words.APPLY, words.REVIEW, words.DISCARD]


async def while_it_is_open_nothing_can_be_decided_in_another_way(w: Previewed) -> None:
    ending, hunks = await w.begin()
    view = await w.view()
    assert w.shown == []
    w.bench.review.drop(hunks)
    await w.bench.review.advance(hunks, label="keep")
    assert w.document.text == TEXT
    view.apply()
    await ending
    assert w.document.text == BOTH


async def two_previews_come_one_after_the_other(w: Previewed) -> None:
    w.answers = [words.PREVIEW, words.PREVIEW]
    ending, _ = await w.begin()
    first = await w.view()
    late = await w.suggest("four", "4", "2")
    other = asyncio.ensure_future(w.asking(late))
    await asyncio.sleep(60)
    assert w.editor.preview is None
    first.apply()
    await ending
    (await w.view()).apply()
    assert await other == "Changed a.py."
    assert w.document.text == BOTH.replace("four", "4")


async def what_was_decided_before_it_could_open_is_not_shown(w: Previewed) -> None:
    w.answers = [words.PREVIEW, words.PREVIEW]
    ending, _ = await w.begin()
    first = await w.view()
    late = await w.suggest("four", "4", "2")
    other = asyncio.ensure_future(w.asking(late))
    await asyncio.sleep(1)
    w.bench.review.drop([late])
    first.discard()
    await ending
    assert await other == "Nothing was changed."
    assert w.editor.preview is None
    assert w.state(late) == "dropped"


async def what_comes_back_with_keys_in_one_message_is_known(w: Previewed) -> None:
    ending, hunks = await w.begin()
    view = await w.view()
    view.untick("6")
    w.editor.profile = replace(w.editor.profile, timing=Timing.DEBOUNCED, delay=0.1)
    view.apply()
    w.editor.type(w.document, 0, "x")
    assert await ending == "Changed a.py. You left 1 change out."
    assert (w.document.text, w.states(hunks)) == (f"x{FIRST}", ["landed", "dropped"])


async def who_turns_it_off_is_not_offered_it(w: Previewed) -> None:
    w.bench.use_settings({"edits": {"preview": False}})
    ending, _ = await w.begin()
    await ending
    assert w.asked[0][1] == [words.APPLY, words.REVIEW, words.DISCARD]


Rule = Callable[[Previewed], Awaitable[None]]
RULES: tuple[Rule, ...] = (
    what_is_ticked_is_made_and_what_is_not_is_left_out,
    all_that_is_ticked_is_one_step_and_the_turn_can_be_undone,
    a_part_is_undone_as_it_was_made,
    a_no_is_for_all_of_them,
    nothing_ticked_is_a_no,
    keys_that_come_meanwhile_stay_and_the_person_is_asked_again,
    a_key_that_crosses_the_request_is_no_decision,
    keys_after_the_answer_do_not_hide_what_was_left_out,
    who_looks_for_an_hour_is_waited_for,
    what_was_typed_over_before_is_not_shown_but_told,
    a_cancel_ends_the_task_at_once_and_what_comes_later_is_noted,
    a_cancel_and_then_a_no_leave_nothing_to_decide,
    a_client_that_never_answers_is_given_up_in_the_end,
    a_client_that_calls_it_made_is_not_believed,
    whole_files_are_asked_about_by_themselves_afterwards,
    while_it_is_open_nothing_can_be_decided_in_another_way,
    two_previews_come_one_after_the_other,
    what_was_decided_before_it_could_open_is_not_shown,
    what_comes_back_with_keys_in_one_message_is_known,
    who_turns_it_off_is_not_offered_it,
)


def hold(rule: Rule, folder: Path) -> None:
    async def run() -> None:
        window = Previewed(folder)
        await rule(window)
        assert window.editor.faults == []

    run_virtually(run())


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_rule(rule: Rule, tmp_path: Path) -> None:
    hold(rule, tmp_path)


OFF = {"initializationOptions": {"edits": {"preview": False}}}


@pytest.mark.parametrize(
    ("name", "options"),
    [*((name, OFF) for name in NAMES), ("helix-25.07", ASKS), ("emacs-eglot", ASKS)],
)
def test_who_did_not_ask_or_cannot_is_sent_nothing_that_needs_confirmation(
    name: str, options: dict[str, object], tmp_path: Path
) -> None:
    async def run() -> None:
        w = Previewed(tmp_path, name, **options)
        w.answers = [words.APPLY]
        ending, _ = await w.begin()
        await ending
        assert all(words.PREVIEW not in titles for _, titles in w.asked)
        assert "nnotation" not in str(w.editor.edits)

    run_virtually(run())


async def test_the_model_hears_of_what_the_person_did_not_want_and_of_nothing_else(
    tmp_path: Path,
) -> None:
    w = Previewed(tmp_path)
    await w.arrived()
    one, other = await w.suggest("two", "2"), await w.suggest("six", "6")
    task = Task("1", "Codex: do", Progress(w, "1", "do"))
    w.bench.review.drop([one], "the rest of the patch could not be made")
    assert await decisions.left_out(w.bench, task) is None
    w.bench.review.drop([other])
    told = await decisions.left_out(w.bench, task)
    assert told is not None
    assert told.text.startswith("The person left these changes out")
    assert "-six\n+6\n" in told.text
    assert "+2" not in told.text


# No key is lost, whatever is ticked and whenever it is typed.


async def race(w: Previewed, random: Random) -> None:
    """One choice among some changes, while somebody may type; the text is as both made it."""
    await w.arrived()
    meant = random.sample(TEXT.split()[::2], k=random.randint(1, 4))
    hunks = {word: await w.suggest(word, f"{word}!") for word in meant}
    ending = asyncio.ensure_future(w.asking(*hunks.values()))
    moments = random.sample(("before", "open", "answer", "after"), k=random.randint(0, 2))
    typed: list[str] = []

    def keys(moment: str) -> None:
        if moment in moments:
            typed.append("αβγδ"[len(typed)])
            at = random.randrange(len(w.document.text) + 1)
            w.editor.type(w.document, at, typed[-1])
            w.editor.flush()

    await asyncio.sleep(random.choice((0.0, 0.001)))
    keys("before")
    while not ending.done():
        if (view := w.editor.preview) is not None:
            w.editor.preview = None
            keys("open")
            await asyncio.sleep(random.choice((0.0, 2.0)))
            view.untick(*(f"{word}!" for word in meant if random.random() < 0.5))
            keys("answer")
            random.choice((view.apply, view.apply, view.discard))()
            keys("after")
        await asyncio.sleep(0.005)
    await asyncio.sleep(5)
    text = w.document.text
    mirror = w.buffers.at(w.path)
    assert mirror is not None
    assert mirror.text == text
    assert sorted(char for char in text if char in "αβγδ") == typed
    expected = TEXT
    for word, hunk in hunks.items():
        if w.state(hunk) == "landed":
            expected = expected.replace(word, f"{word}!")
    assert "".join(char for char in text if char not in "αβγδ") == expected


def test_no_key_is_lost_and_what_landed_is_known_whatever_is_chosen(tmp_path: Path) -> None:
    for number in range(ROUNDS):
        one_race(f"preview {number}", tmp_path)


def one_race(seed: str, folder: Path) -> None:
    async def run() -> None:
        await race(Previewed(folder), Random(seed))

    try:
        run_virtually(run())
    except AssertionError as error:
        raise AssertionError(f"one_race({seed!r}): {error}") from error


# Mutants, each of which a rule or a race has to notice.


def believes_the_answer(patch: pytest.MonkeyPatch) -> None:
    """What the client calls made is made, all of it."""
    patch.setattr(preview, "chosen", lambda edits, *_: (True,) * len(edits))


def sees_what_is_clear_only(patch: pytest.MonkeyPatch) -> None:
    """What comes back with keys in it counts as not made."""
    patch.setattr(preview, "landed", lambda edits, *_: ("missing",) * len(edits))


def takes_an_accident_for_a_no(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(preview._File, "crossed", property(lambda _: False, lambda *_: None))


def waits_a_minute(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(preview, "LOOKING", 60.0)


def sends_no_version(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(preview._File, "version", property(lambda _: None, lambda *_: None))


def comes_unticked(patch: pytest.MonkeyPatch) -> None:
    edit = preview.Preview._edit

    def annotated(*given: Any) -> object:
        made: Any = edit(*given)
        for change in made["documentChanges"][1:]:
            for one in change["edits"]:
                one["annotationId"] = next(iter(made["changeAnnotations"]))
        return made

    patch.setattr(preview.Preview, "_edit", annotated)


def forgets_what_was_left_out(patch: pytest.MonkeyPatch) -> None:
    settled = engine._settled

    def held(group: Any, outcome: Any) -> Any:
        return settled(group, Held(outcome.path, 1) if isinstance(outcome, LeftOut) else outcome)

    patch.setattr(engine, "_settled", held)


def lets_others_decide_meanwhile(patch: pytest.MonkeyPatch) -> None:
    put = Ledger.put

    def known(self: Ledger, hunk: Hunk) -> None:
        if hunk.state is not State.SENT:
            put(self, hunk)

    patch.setattr(Ledger, "put", known)


def opens_one_over_the_other(patch: pytest.MonkeyPatch) -> None:
    asked = Review.choose

    async def choose(self: Review, *given: Any, **more: Any) -> engine.Chosen:
        self._previewing = asyncio.Lock()
        return await asked(self, *given, **more)

    patch.setattr(Review, "choose", choose)


def goes_with_its_task(patch: pytest.MonkeyPatch) -> None:
    """A cancel forgets the view that is open."""

    async def wait(tasks: list[asyncio.Task[None]]) -> None:
        await tasks[0]

    patch.setattr(review, "asyncio", SimpleNamespace(**vars(asyncio) | {"wait": wait}))


def leaves_the_cancelled_to_decide(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Review, "_chosen_late", lambda *_: None)


def shows_what_was_decided(patch: pytest.MonkeyPatch) -> None:
    """What the person decided while another preview was open is asked about all the same."""
    patch.setattr(engine, "choose", partial(_without_looking, engine.choose))
    patch.setattr(review, "choose", engine.choose)


async def _without_looking(asked: Any, hunks: Any, *, ledger: Any, **more: Any) -> Any:
    for hunk in hunks:
        ledger.put(hunk)
    return await asked(hunks, ledger=ledger, **more)


def asks_for_whole_files_too(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(decisions, "_still", lambda *_: [])


MUTANTS = (
    believes_the_answer,
    sees_what_is_clear_only,
    takes_an_accident_for_a_no,
    waits_a_minute,
    sends_no_version,
    comes_unticked,
    forgets_what_was_left_out,
    lets_others_decide_meanwhile,
    opens_one_over_the_other,
    goes_with_its_task,
    leaves_the_cancelled_to_decide,
    shows_what_was_decided,
    asks_for_whole_files_too,
)


@pytest.mark.parametrize("mutate", MUTANTS, ids=lambda mutate: mutate.__name__)
def test_a_defence_that_is_gone_is_noticed(
    mutate: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    mutate(monkeypatch)
    assert any(broken(rule, tmp_path) for rule in RULES)


def broken(rule: Rule, folder: Path) -> bool:
    try:
        hold(rule, folder)
    except (AssertionError, TimeoutError, Stuck, asyncio.CancelledError):
        return True
    return False
