"""Model, effort and usage of a window, through a real server process."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from pygls.exceptions import JsonRpcException

from tests.doubles.model_script import says
from tests.e2e.test_commands import session
from tests.e2e.test_jobs import messages

LIMITS = {
    "x-codex-primary-used-percent": "93",
    "x-codex-primary-window-minutes": "300",
    "x-codex-primary-reset-at": "1795353600",
    "x-codex-secondary-used-percent": "12.5",
    "x-codex-secondary-window-minutes": "10080",
}


async def test_model_and_effort_are_remembered_for_the_window(tmp_path: Path) -> None:
    async with session(tmp_path, [says("One."), says("Two.")]) as s:
        await s.command("codex.ask", prompt="why?")
        chosen = await s.client.execute("codex.model.select", {"model": "other"})
        assert chosen == {"ok": True, "message": "Codex asks other from now on."}
        await s.client.execute("codex.effort.select", {"effort": "high"})
        await s.command("codex.ask", prompt="why?")
        asked = [(r.body["model"], r.body["reasoning"]["effort"]) for r in s.service.requests]
        assert asked == [("m", "low"), ("other", "high")]
        with pytest.raises(JsonRpcException, match="nothing to be asked"):
            await s.client.execute("codex.model.select", {"model": 5})


async def test_usage_is_counted_and_a_limit_that_is_near_is_told_once(tmp_path: Path) -> None:
    steps = [replace(says(text), headers=LIMITS) for text in ("One.", "Two.")]
    async with session(tmp_path, steps) as s:
        assert (await s.client.execute("codex.usage"))["totalTokens"] == 0
        await s.command("codex.ask", prompt="why?")
        await s.command("codex.ask", prompt="why?")
        used = await s.client.execute("codex.usage")
        assert used["totalTokens"] == 2 * 1050
        assert [one["usedPercent"] for one in used["limits"]] == [93.0, 12.5]
        assert "93 % of the limit for 5 hours is used, until " in used["message"]
        assert "12 % of the limit for 7 days is used." in used["message"]
        warnings = [said for said in messages(s) if "may be cut off" in said]
        assert len(warnings) == 1


async def test_a_model_is_chosen_from_what_is_there(tmp_path: Path) -> None:
    async with session(tmp_path, [says("Two.")]) as s:
        offered: list[list[str]] = []

        def choose(_message: str, titles: Sequence[str]) -> str | None:
            offered.append(list(titles))
            return titles[1]

        s.editor.choose = choose
        end = await s.command("codex.model.select")
        assert end["message"] == "Codex asks m from now on."
        end = await s.command("codex.effort.select")
        assert end["message"] == "Codex asks for minimal effort from now on."
        assert offered[0][:2] == ["The configured one", "m"]
        await s.command("codex.ask", prompt="why?")
        assert s.service.requests[0].body["reasoning"]["effort"] == "minimal"
