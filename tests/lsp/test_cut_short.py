"""A job is cancelled at every place where it waits, and broken wherever something can break: the
conversation stays whole, nothing lands after the end was told, and the next job works.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest

from codex_lsp.agent.conversation import AssistantMessage, Message
from codex_lsp.agent.thread import STOPPED
from codex_lsp.workspace.ledger import State
from tests.doubles.scripted_model import says
from tests.lsp.cut_short import FIXED, STEERED, Loop, Scene, faults_of


def run(work: Coroutine[Any, Any, Any]) -> Any:
    return Loop.fresh().run(work)


async def whole(folder: Path) -> tuple[int, int]:
    """The job undisturbed: how often it waits, and how much can break."""
    scene = Scene(folder)
    await scene.arrived()
    task = await scene.run("square it")
    assert (task.state, task.message) == ("done", "Changed a.py, b.py, c.py.")
    scene.model.assert_used_up()
    await check(scene, task.id, scene.changed())
    assert any(isinstance(i, Message) and i.text == STEERED for i in scene.job.thread.items)
    assert scene.document.text == FIXED
    assert scene.stepped is not None
    return scene.stepped.count, scene.moments


async def check(scene: Scene, task_id: str, made: set[str]) -> None:
    """What holds from the moment on when the end of a job that has `made` changes in these files is
    told, however it came.
    """
    text, edits = scene.document.text, len(scene.editor.edits)
    others = asyncio.all_tasks() - {asyncio.current_task()}
    assert not others, f"left running: {others}"
    assert not scene.runner.alive
    assert not scene.job.inbox.put("too late")
    assert not scene.job.thread.turn.locked()
    assert faults_of(scene.job.thread.items) == []
    now = scene.job.thread.items
    kept = scene.archive.load(scene.job.thread.id, scene.path.parent)
    said = () if kept is None else kept[1]
    texts = [[i.text for i in all_ if isinstance(i, Message)] for all_ in (said, now)]
    assert texts[0] == texts[1], "it is not kept as it is"
    await asyncio.sleep(100)
    assert (scene.document.text, len(scene.editor.edits)) == (text, edits), "landed after the end"
    landed = scene.bench.ledger.hunks(State.LANDED, turn=task_id)
    assert {hunk.path.name for hunk in landed} == made, "what can be undone is not what was made"
    assert scene.bench.ledger.hunks(State.SENT) == []
    assert scene.editor.unended() == []
    assert scene.editor.faults == []
    assert scene.bench.status.describe()["busy"] is False


async def cut(folder: Path, **how: Any) -> str:
    """One job that is cut short, and the next; returns how the first ended."""
    scene = Scene(folder, **how)
    await scene.arrived()
    first = await scene.run("square it")
    await check(scene, first.id, scene.changed())
    assert first.state != "done" or scene.document.text == FIXED
    began, stopped = scene.job.thread.items, scene.job.thread.items[-1:]
    scene.go_on(says("Done now."), says("Done now."))  # one may be for a summary
    second = await scene.run("go on")
    assert second.state == "done", how
    await check(scene, second.id, set())
    asked = scene.model.requests[0].items
    assert faults_of(asked) == []
    put = any(isinstance(item, Message) and item.kind == "said" for item in began)
    if first.state != "done" and put and not isinstance(began[-1], AssistantMessage):
        assert stopped == (Message("user", STOPPED, "summary"),)
    return first.state


@pytest.mark.parametrize("delay", [0.0, 0.002, 0.015])
def test_cancelled_at_every_place_where_it_waits(tmp_path: Path, delay: float) -> None:
    waits, _ = run(whole(tmp_path / "whole"))
    places = range(1, waits + 1)
    ends = [run(cut(tmp_path / str(at), cancel_at=at, delay=delay)) for at in places]
    assert set(ends) <= {"cancelled", "done"}
    assert ends.count("cancelled") >= waits - 3, "a cancel is only late when all is done already"


def test_broken_wherever_something_can_break(tmp_path: Path) -> None:
    _, moments = run(whole(tmp_path / "whole"))
    ends = [run(cut(tmp_path / str(at), crash_at=at)) for at in range(1, moments + 1)]
    assert set(ends) == {"failed"}


@pytest.mark.parametrize(
    ("where", "mutant"),
    [
        ("codex_lsp.agent.thread.settled", lambda items: items),
        ("codex_lsp.agent.thread.without_loose_end", lambda items: items),
        ("codex_lsp.agent.steering.Inbox.close", lambda inbox: inbox.take()),
        ("codex_lsp.workspace.ledger.Ledger.put", lambda *_: None),
        ("codex_lsp.lsp.person.progress.Progress.end", lambda *_: None),
    ],
)
def test_a_turn_that_leaves_something_undone_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str, mutant: object
) -> None:
    monkeypatch.setattr(where, mutant)
    with pytest.raises(AssertionError):
        test_cancelled_at_every_place_where_it_waits(tmp_path, 0.0)
