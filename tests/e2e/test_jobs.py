"""Jobs through a real server process: given, added to, queued, gone on from, listed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pygls.exceptions import JsonRpcException

from tests.doubles.model_script import Call, Gate, Step, Text, Turn, says
from tests.e2e.test_commands import SOURCE, Session, patch, session

CONTEXT = ("<environment_context>", "Open in the editor", "What the person changed")
PLAN = [{"step": "look", "status": "completed"}, {"step": "mend", "status": "in_progress"}]
MEND = patch("    return n * 2", "    return n * 3")


def inputs(one: Session, number: int) -> list[str]:
    """What we said in a request: its user messages, without the context that goes with a job."""
    said = [item for item in one.service.requests[number].body["input"] if item.get("role")]
    texts = [part["text"] for item in said if item["role"] == "user" for part in item["content"]]
    return [text for text in texts if not text.startswith(CONTEXT)]


def messages(one: Session) -> list[str]:
    return [str(said["message"]) for said in one.editor.messages]


async def do(one: Session, prompt: str, **arguments: Any) -> str:
    answer = await one.client.execute("codex.do", {"prompt": prompt, **arguments})
    return str(answer["taskId"])


async def test_a_job_plans_patches_says_what_it_did_and_is_gone_on_from(tmp_path: Path) -> None:
    planning = Turn((Call("update_plan", {"plan": PLAN}),))
    mend = Turn((Gate("planned"), *MEND.parts))
    script = [planning, mend, says("It multiplies by three now."), says("You are welcome.")]
    async with session(tmp_path, script, trusted=True) as one:
        job = await do(one, "mend thrice", path="code.py")

        def half_done() -> bool:
            return any(seen.get("percentage") == 50 for seen in one.editor.progress.get(job, []))

        await one.client.until(half_done, "the plan as progress")
        await one.service.release("planned")
        await one.ended(job)
        assert one.document.text == SOURCE.replace("return n * 2", "return n * 3")
        assert one.editor.progress[job][-1]["message"] == "Changed code.py."
        assert "It multiplies by three now. Changed code.py." in messages(one)
        listed = await one.client.execute("codex.task.list")
        assert listed[0]["plan"] == PLAN
        await one.ended(await do(one, "thank you", taskId=job))
        first, second = inputs(one, 3)
        assert "File: code.py" in first
        assert first.endswith("mend thrice")
        assert second == "thank you"


async def test_where_the_folder_is_not_trusted_a_job_asks_before_it_changes_a_file(
    tmp_path: Path,
) -> None:
    async with session(tmp_path, [MEND, says("Not then."), MEND, says("Done.")]) as one:

        async def answer(about: str, choice: str) -> None:
            def asked() -> list[str]:
                shown = [d for found in one.editor.diagnostics.values() for d in found]
                ours = [d for d in shown if "approvalId" in (d.get("data") or {})]
                return [d["data"]["approvalId"] for d in ours if about in d["message"]]

            await one.client.until(asked, f"a question about {about}")
            assert one.document.text == SOURCE
            given = {"approvalId": asked()[0], "decision": choice}
            assert (await one.client.execute("codex.approval.respond", given))["ok"]

        first = await do(one, "mend thrice", path="code.py")
        await answer("trust", "deny")
        await answer("wants to change", "deny")
        await one.ended(first)
        assert one.document.text == SOURCE
        again = await do(one, "mend it", path="code.py")
        await answer("wants to change", "once")
        await one.ended(again)
        assert "return n * 3" in one.document.text
        refused = one.service.requests[1].body["input"][-1]["output"]
        assert "patch rejected" in str(refused)


async def test_a_long_answer_is_shown_as_a_page(tmp_path: Path) -> None:
    async with session(tmp_path, [says("I looked.\n\n- at this\n- at that")]) as one:
        await one.ended(await do(one, "look around"))
        page = next(text for text in one.editor.documents.values() if text.path.suffix == ".md")
        assert page.text.startswith("# look around\n\nI looked.")
        assert "Codex is done. Nothing was changed." in messages(one)


async def test_a_running_job_is_added_to_queued_behind_and_run_beside(tmp_path: Path) -> None:
    def answer(body: dict[str, Any]) -> Step:
        said = [part["text"] for item in body["input"] for part in item.get("content", [])]
        if said[-1].endswith("first"):
            return Turn((Text("one"), Gate("first")))
        return says(f"heard: {said[-1]}")

    async with session(tmp_path, answer) as one:
        first = await do(one, "first")
        await one.service.reached("first")
        queued = await do(one, "queued", taskId=first, queue=True)
        beside = await do(one, "beside", taskId=first)
        await one.ended(beside)
        added = {"taskId": first, "prompt": "added"}
        assert await one.client.execute("codex.task.steer", added) == {"ok": True}
        await one.service.release("first")
        await one.ended(queued)
        assert await one.client.execute("codex.task.steer", added) == {"ok": False}
        assert "Codex: no job runs that could hear it." in messages(one)
        asked = [inputs(one, number)[-1] for number in range(4)]
        assert [text.rpartition("\n")[2] for text in asked] == [
            "first",
            "beside",
            "added",
            "queued",
        ]
        assert len(inputs(one, 3)) == 3
        keys = [request.body["prompt_cache_key"] for request in one.service.requests]
        assert keys[0] == keys[2] == keys[3] != keys[1]


async def test_a_cancelled_job_is_gone_on_from_and_an_unknown_one_is_not(tmp_path: Path) -> None:
    script = [Turn((Text("I"), Gate("hold"), *MEND.parts)), MEND, says("Done.")]
    async with session(tmp_path, script, trusted=True) as one:
        job = await do(one, "mend thrice", path="code.py")
        await one.service.reached("hold")
        await one.client.execute("codex.task.cancel", {"taskId": job})
        await one.ended(job)
        await one.ended(await do(one, "go on", taskId=job))
        assert one.document.text == SOURCE.replace("return n * 2", "return n * 3")
        assert "may have been done" in inputs(one, 1)[1]
        with pytest.raises(JsonRpcException, match="No job is remembered as codex-0"):
            await do(one, "go on", taskId="codex-0")


async def test_a_job_is_kept_and_a_new_conversation_begins_with_it(tmp_path: Path) -> None:
    async with session(tmp_path, [says("Done."), says("As you see.")]) as one:
        job = await do(one, "look around")
        await one.ended(job)
        [task] = await one.client.execute("codex.task.list")
        [kept] = (tmp_path / "home").glob("sessions/*/*/*/*.jsonl")
        assert kept.stem.endswith(task["threadId"])
        resume = {"threadId": task["threadId"], "prompt": "where were we?"}
        await one.ended((await one.client.execute("codex.thread.resume", resume))["taskId"])
        assert [text.rpartition("\n")[2] for text in inputs(one, 1)][-2:] == [
            "look around",
            "where were we?",
        ]
        assert len([*kept.parent.iterdir()]) == 2
        end = await one.client.execute("codex.thread.resume", resume | {"threadId": "none"})
        await one.ended(end["taskId"])
        assert any("No such conversation is kept" in said for said in messages(one))
