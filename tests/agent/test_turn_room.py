"""A conversation is shortened before the model's context is full, and nothing that matters goes."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest

from codex_lsp.agent import prompt
from codex_lsp.agent.compaction import KEPT_TOKENS, Window, without_oldest
from codex_lsp.agent.conversation import (
    AssistantMessage,
    Compaction,
    CompactionTrigger,
    Item,
    Message,
    ModelRequest,
    Reasoning,
    ToolCall,
    ToolOutput,
)
from codex_lsp.agent.events import (
    Completed,
    ContextTooLong,
    ItemDone,
    RateLimits,
    RateWindow,
    RequestRefused,
    Restarted,
    Unreachable,
    Usage,
)
from codex_lsp.agent.steps import Asking, Compacting, Spent, Step
from codex_lsp.agent.thread import Thread
from codex_lsp.agent.turn import Ended, Turn, run_turn
from codex_lsp.agent.usage import Meter, Tally, tokens_of
from tests.doubles.scripted_model import Reply, ScriptedModel, call, done, says

TOO_LONG: Reply = [ContextTooLong("too long")]
ROUND: Reply = [call("nothing", "{}"), done(950)]
SMALL = Window(1_000)


class Room:
    """One turn in a small window; `steps` is what it told."""

    def __init__(self, *replies: Reply, window: Window = SMALL) -> None:
        self.model = ScriptedModel(*replies)
        self.window = window
        self.thread = Thread()
        self.steps: list[Step] = []

    async def turn(self, *items: Item) -> Ended:
        self.thread.add(*items)
        request = ModelRequest(self.thread.id, "turn", "rules", ())
        turn = Turn(request, self.thread, self.model, (), self.steps.append, window=self.window)
        ended = await run_turn(turn)
        self.model.assert_used_up()
        return ended

    def told(self, kind: type) -> list[Step]:
        return [step for step in self.steps if isinstance(step, kind)]


def texts(items: Sequence[Item]) -> list[str]:
    return [item.text for item in items if isinstance(item, Message)]


@pytest.mark.parametrize(
    ("window", "trigger"),
    [(Window(1000), 900), (Window(1000, limit=500), 500), (Window(1000, limit=5000), 900)],
)
def test_the_trigger_is_nine_tenths_or_the_persons_limit(window: Window, trigger: int) -> None:
    assert window.trigger == trigger


async def test_between_two_rounds_a_full_conversation_gives_way_to_its_summary() -> None:
    room = Room(ROUND, says("We were at step 2."), says("Done."))
    ended = await room.turn(Message("user", "env", "context"), Message("user", "mend it"))
    asked, summing, going_on = room.model.requests
    assert asked.items == (Message("user", "env", "context"), Message("user", "mend it"))
    assert texts(summing.items)[-1] == prompt.COMPACTING
    assert [type(item) for item in summing.items] == [
        Message,
        Message,
        ToolCall,
        ToolOutput,
        Message,
    ]
    assert summing.tools == ()
    summary = prompt.summary("We were at step 2.")
    assert texts(going_on.items) == ["env", "mend it", summary]
    assert len(going_on.items) == 3
    assert room.told(Compacting)
    assert ended.text == "Done."


async def test_a_second_summary_takes_the_place_of_the_first() -> None:
    room = Room(ROUND, says("one"), ROUND, says("two"), says("Done."))
    await room.turn(Message("user", "mend it"))
    assert texts(room.model.requests[-1].items) == ["mend it", prompt.summary("two")]


async def test_below_the_trigger_nothing_is_shortened_and_without_a_count_it_is_estimated() -> None:
    nearly: Reply = [call("nothing", "{}"), done(850)]
    room = Room(nearly, says("Done."))
    await room.turn(Message("user", "mend it"))
    assert not room.told(Compacting)
    uncounted = Room(says("summary"), says("Done."))
    await uncounted.turn(Message("user", "x" * 3_700))
    assert uncounted.told(Compacting)


async def test_what_cannot_be_made_shorter_is_not_tried_again_with_each_round() -> None:
    uncounted: Reply = [call("nothing", "{}"), done()]
    room = Room(says("summary"), uncounted, says("Done."))
    await room.turn(Message("user", "x" * 4_000, "context"))
    assert len(room.told(Compacting)) == 1


async def test_a_request_that_is_too_long_is_shortened_once_and_asked_again() -> None:
    half: Reply = [ItemDone(AssistantMessage("half", {})), *TOO_LONG]
    room = Room(half, says("summary"), says("Done."))
    await room.turn(Message("user", "mend it"))
    assert texts(room.model.requests[-1].items) == ["mend it", prompt.summary("summary")]
    assert not any(isinstance(item, AssistantMessage) for item in room.model.requests[1].items)
    again = Room(TOO_LONG, says("summary"), TOO_LONG)
    with pytest.raises(ContextTooLong):
        await again.turn(Message("user", "mend it"))


async def test_what_does_not_fit_the_request_for_a_summary_is_left_out_from_the_oldest_on() -> None:
    replies = (TOO_LONG, TOO_LONG, TOO_LONG, says("summary"), says("Done."))
    room = Room(*replies, window=Window(2_000))
    await room.turn(*(Message("user", f"{number}" * 400) for number in range(9)))
    sizes = [len(request.items) for request in room.model.requests]
    assert sizes == [9, 10, 9, 8, 10]
    assert texts(room.model.requests[3].items)[0] == "2" * 400


async def test_a_summary_that_cannot_be_had_leaves_the_conversation_as_it_was() -> None:
    offline: Reply = [Unreachable("offline")]
    room = Room(ROUND, offline)
    with pytest.raises(Unreachable):
        await room.turn(Message("user", "mend it"))
    assert [type(item) for item in room.thread.items[:3]] == [Message, ToolCall, ToolOutput]


async def test_the_persons_newest_words_are_kept_up_to_a_limit_and_cut_in_the_middle() -> None:
    old, new = "a" * KEPT_TOKENS * 4, "b" * KEPT_TOKENS * 2
    room = Room(says("summary"), says("Done."), window=Window(25_000))
    await room.turn(Message("user", "first"), Message("user", old), Message("user", new))
    kept = texts(room.model.requests[-1].items)
    assert len(kept) == 3
    assert kept[0].startswith("aaa")
    assert "tokens truncated" in kept[0]
    assert kept[1:] == [new, prompt.summary("summary")]
    assert tokens_of(room.model.requests[-1].items) < KEPT_TOKENS + 200


REMOTE = Window(1_000, remote=True)
MADE = Compaction({"type": "compaction", "encrypted_content": "c" * 1_000})


async def test_a_service_that_can_shortens_it_itself() -> None:
    made: Reply = [ItemDone(MADE), done()]
    room = Room(ROUND, made, says("Done."), window=REMOTE)
    await room.turn(Message("user", "env", "context"), Message("user", "mend it"))
    assert room.model.requests[1].items[-1] == CompactionTrigger()
    env, wish = Message("user", "env", "context"), Message("user", "mend it")
    assert room.model.requests[2].items == (env, wish, MADE)


TWICE: Reply = [ItemDone(MADE), ItemDone(MADE), done()]


@pytest.mark.parametrize("answer", [[RequestRefused("what?")], says("I cannot."), TWICE])
async def test_where_the_service_cannot_a_summary_does(answer: Reply) -> None:
    room = Room(ROUND, answer, says("summary"), says("Done."), window=REMOTE)
    await room.turn(Message("user", "mend it"))
    assert texts(room.model.requests[-1].items) == ["mend it", prompt.summary("summary")]


async def test_a_summary_whose_stream_broke_is_only_what_came_after() -> None:
    half: Reply = [ItemDone(AssistantMessage("half", {})), Restarted(2, 0.1, "broke")]
    summing: Reply = [*half, *says("whole")]
    room = Room(ROUND, summing, says("Done."))
    await room.turn(Message("user", "mend it"))
    assert texts(room.model.requests[-1].items)[-1] == prompt.summary("whole")


def some_items(dice: random.Random) -> tuple[Item, ...]:
    items: list[Item] = []
    for _ in range(dice.randrange(12)):
        raw = {
            "arguments": "x" * dice.randrange(500),
            "encrypted_content": "y" * dice.randrange(3000),
        }
        one = ToolCall("c", "f", "{}", freeform=False, raw=raw)
        groups: list[list[Item]] = [
            [one, ToolOutput(one, "o" * dice.randrange(200))],
            [Message("user", "m" * dice.randrange(400))],
            [Reasoning("", raw)],
        ]
        items += dice.choice(groups)
    return tuple(items)


def test_leaving_out_the_oldest_ends_and_never_parts_a_call_from_its_answer() -> None:
    seed = random.randrange(2**32)
    dice = random.Random(seed)
    for _ in range(300):
        items = some_items(dice)
        while items:
            fewer = without_oldest(items)
            assert len(fewer) < len(items), f"seed {seed}"
            items = fewer
            calls = [id(item) for item in items if isinstance(item, ToolCall)]
            answered = [id(item.call) for item in items if isinstance(item, ToolOutput)]
            assert calls == answered, f"seed {seed}"


def test_tokens_of_a_round_are_added_up_with_the_last_word_on_the_plan() -> None:
    meter = Meter()
    limits = RateLimits(RateWindow(12.0, 300, None), None)
    for step in (
        Asking(1, 5),
        Spent(Usage(10, 4, 3, 1, 13)),
        limits,
        Spent(None),
        Spent(Usage(1, 0, 1, 0, 2)),
    ):
        meter.note(step)
    assert meter.tally == Tally(3, 11, 4, 4, 1, 15)
    assert meter.limits == limits


async def test_how_full_it_is_is_the_last_count_and_what_came_since() -> None:
    thread = Thread(items=(Message("user", "x" * 400),))
    assert thread.tokens(7) == 107
    thread.count(Completed(Usage(50, 0, 5, 0, 55), None).usage)
    thread.add(Message("user", "y" * 40))
    assert thread.tokens(7) == 65
    thread.shorten(())
    assert thread.tokens(7) == 7
