"""Jobs: the loop that is added to, cancelled, broken off, and gone on from."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from codex_lsp.agent import requests
from codex_lsp.agent.context.lines import LineRange
from codex_lsp.agent.conversation import (
    AssistantMessage,
    FunctionTool,
    Item,
    Message,
    ModelRequest,
    Reasoning,
    ToolCall,
    ToolOutput,
)
from codex_lsp.agent.events import ItemDone, ModelEvent, StreamBroken
from codex_lsp.agent.requests import Job
from codex_lsp.agent.steering import Inbox
from codex_lsp.agent.steps import Landed, Planned, PlanStep, Steered, Step
from codex_lsp.agent.thread import ABORTED, STOPPED, Thread, settled
from codex_lsp.agent.tools.tool import Answer
from codex_lsp.agent.turn import Ended, Turn, run_turn
from codex_lsp.agent.workplace import Place, Workplace
from tests.doubles.folder_editor import FolderEditor
from tests.doubles.scripted_model import ScriptedModel, call, done, patches, says

BROKEN = "def area(r):\n    return 3 * r\n"
PATCH = """*** Begin Patch
*** Update File: calc.py
@@ def area(r):
-    return 3 * r
+    return 3 * r * r
*** End Patch
"""


class Work:
    """Jobs of one conversation against a scripted model and an editor in memory."""

    def __init__(self, root: Path, *replies: object) -> None:
        self.root = root.resolve()
        self.model = ScriptedModel(*replies)  # type: ignore[arg-type]
        self.editor = FolderEditor(self.root, calc__py=BROKEN)
        self.thread = Thread()
        self.steps: list[Step] = []
        self.inbox = Inbox()

    async def do(self, wish: str, place: Place | None = None) -> tuple[Ended, dict[str, str]]:
        self.inbox = Inbox()
        at = Workplace(self.model, self.editor, self.editor.snapshot, "window-1")
        return await requests.do(
            Job(wish, place), at, self.thread, inbox=self.inbox, tell=self.steps.append, label="do"
        )

    @property
    def text(self) -> str:
        return self.editor.texts[self.root / "calc.py"]

    def told(self, kind: type) -> list[Step]:
        return [step for step in self.steps if isinstance(step, kind)]


def outputs(items: tuple[Item, ...]) -> list[str]:
    return [item.text for item in items if isinstance(item, ToolOutput)]


def said(items: tuple[Item, ...]) -> list[str]:
    return [item.text for item in items if isinstance(item, Message)]


async def test_a_job_goes_on_after_its_patch_has_landed_until_the_model_is_done(
    tmp_path: Path,
) -> None:
    work = Work(tmp_path, patches(PATCH), says("Squared it."))
    ended, changed = await work.do("square the radius")
    assert (ended.text, ended.rounds, ended.settled) == ("Squared it.", 2, False)
    assert list(changed) == ["calc.py"]
    assert len(work.told(Landed)) == 1
    work.model.assert_used_up()


async def test_a_job_carries_the_place_and_then_the_persons_own_words(tmp_path: Path) -> None:
    work = Work(tmp_path, says("Done."))
    place = Place(work.root / "calc.py", LineRange(1, 2), "python")
    await work.do("square the radius", place)
    (item,) = work.model.requests[0].items
    assert isinstance(item, Message)
    context, _, wish = item.text.partition("## My request for Codex:\n")
    assert "return 3 * r" in context
    assert "line 2" in context
    assert wish == "square the radius"


async def test_the_next_job_goes_on_from_what_was_said(tmp_path: Path) -> None:
    work = Work(tmp_path, patches(PATCH), says("Squared."), says("Yes."))
    await work.do("square it")
    await work.do("are you sure?")
    last = work.model.requests[-1]
    assert said(last.items) == ["square it", "are you sure?"]
    assert outputs(last.items) == ["Success. Updated the following files:\nM calc.py"]
    assert {request.conversation_id for request in work.model.requests} == {work.thread.id}
    assert len({request.turn_id for request in work.model.requests}) == 2


class Steering(ScriptedModel):
    """While its first answer comes, or breaks off, the person adds something."""

    def __init__(self, work: Work, text: str, *replies: object) -> None:
        super().__init__(*replies)  # type: ignore[arg-type]
        self.work, self.text = work, text

    async def stream(self, request: ModelRequest) -> AsyncIterator[ModelEvent]:
        if not self.requests:
            assert self.work.inbox.put(self.text)
        async for event in super().stream(request):
            yield event


@pytest.mark.parametrize("first", [says("Done."), patches(PATCH)], ids=["at the end", "midway"])
async def test_what_is_added_is_heard_even_if_the_model_had_just_finished(
    tmp_path: Path, first: object
) -> None:
    work = Work(tmp_path)
    work.model = Steering(work, "in metres, please", first, says("In metres."))
    ended, _ = await work.do("square it")
    assert ended.text == "In metres."
    assert said(work.model.requests[1].items)[-1] == "in metres, please"
    assert work.told(Steered) == [Steered("in metres, please")]
    assert not work.inbox.put("too late")


async def test_what_was_added_but_not_heard_is_kept_for_the_next_turn(tmp_path: Path) -> None:
    work = Work(tmp_path)
    work.model = Steering(work, "in metres", [StreamBroken("cut")], says("In metres."))
    with pytest.raises(StreamBroken):
        await work.do("square it")
    assert said(work.thread.items) == ["square it", "in metres", STOPPED]
    await work.do("well?")
    assert said(work.model.requests[-1].items) == ["square it", "in metres", STOPPED, "well?"]


class Slow:
    """A tool that waits to be let go; it says who was in it at the same time."""

    def __init__(self, name: str, *, reads_only: bool) -> None:
        self.spec = FunctionTool(name, "Waits.", {})
        self.reads_only = reads_only
        self.inside: list[str] = []
        self.most = 0

    async def run(self, arguments: str) -> Answer:
        self.inside.append(arguments)
        self.most = max(self.most, len(self.inside))
        for _ in range(3):
            await asyncio.sleep(0)
        self.inside.remove(arguments)
        return Answer(f"ran {arguments}")


async def test_calls_that_only_read_run_side_by_side_and_others_in_order() -> None:
    read, write = Slow("read", reads_only=True), Slow("write", reads_only=False)
    order = ["read", "read", "write", "write", "read"]
    calls = [call(name, str(number)) for number, name in enumerate(order)]
    model = ScriptedModel([*calls, done()], says("ok"))
    thread = Thread()
    await run_turn(
        Turn(ModelRequest("c", "t", "", ()), thread, model, [read, write], lambda _: None)
    )
    assert (read.most, write.most) == (2, 1)
    assert outputs(thread.items) == [f"ran {number}" for number in range(5)]


async def test_a_plan_is_shown_and_a_bad_one_is_answered(tmp_path: Path) -> None:
    plan = [{"step": "look", "status": "completed"}, {"step": "mend\n", "status": "in_progress"}]
    twice = [{"step": "a", "status": "in_progress"}] * 2
    work = Work(
        tmp_path,
        [
            call("update_plan", json.dumps({"plan": plan, "explanation": "go"})),
            call("update_plan", json.dumps({"plan": twice})),
            call("update_plan", "[" * 100_000),
            done(),
        ],
        says("ok"),
    )
    await work.do("mend it")
    steps = (PlanStep("look", "completed"), PlanStep("mend", "in_progress"))
    assert work.told(Planned) == [Planned(steps, "go")]
    first, *bad = outputs(work.thread.items)
    assert first == "Plan updated"
    assert all(text.startswith("update_plan: ") for text in bad)


async def test_a_job_that_is_cancelled_while_the_model_talks_can_be_gone_on_from(
    tmp_path: Path,
) -> None:
    talking = asyncio.Event()

    class Hanging(ScriptedModel):
        async def stream(self, request: ModelRequest) -> AsyncIterator[ModelEvent]:
            async for event in super().stream(request):
                yield event
            if len(self.requests) == 1:
                talking.set()
                await asyncio.Event().wait()

    work = Work(tmp_path)
    thought = ItemDone(Reasoning("hm", {}))
    work.model = Hanging([call("apply_patch", PATCH, freeform=True), thought], says("Where was I?"))
    running = asyncio.ensure_future(work.do("square it"))
    await talking.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert work.text == BROKEN
    assert outputs(work.thread.items) == [ABORTED]
    assert not any(isinstance(item, Reasoning) for item in work.thread.items)
    ended, _ = await work.do("go on")
    assert ended.text == "Where was I?"
    assert said(work.model.requests[-1].items) == ["square it", STOPPED, "go on"]


async def test_a_fork_begins_with_what_was_said_and_leaves_the_other_alone() -> None:
    open_call = ToolCall("c", "read_file", "{}", freeform=False, raw={})
    thread = Thread(items=(Message("user", "hello"), open_call))
    fork = thread.fork()
    assert fork.items == (Message("user", "hello"), open_call, ToolOutput(open_call, ABORTED))
    fork.add(AssistantMessage("hi", {}))
    assert len(thread.items) == 2
    assert fork.id != thread.id


def test_a_call_that_has_its_answer_gets_no_second_one_though_ids_repeat() -> None:
    first = ToolCall("call_1", "read_file", '{"path": "a"}', freeform=False, raw={})
    second = ToolCall("call_1", "read_file", '{"path": "a"}', freeform=False, raw={})
    items = (first, ToolOutput(first, "one"), second)
    assert settled(items) == (*items, ToolOutput(second, ABORTED))
    assert settled(settled(items)) == settled(items)
