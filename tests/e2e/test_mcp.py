"""MCP servers through a real codex-lsp: a job calls a tool once the person agreed, and no server
outlives its window.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.doubles.editor_profiles import Answer
from tests.doubles.model_script import Call, Turn, says
from tests.e2e.test_commands import Session, append, session
from tests.e2e.tools import REPO

TOOLS = REPO / "tests" / "doubles" / "mcp_tools.py"
RAW = REPO / "tests" / "doubles" / "raw_mcp.py"


def server(name: str, *argv: str, **rest: Any) -> str:
    lines = [f"command = {json.dumps(sys.executable)}", f"args = {json.dumps(argv)}"]
    lines += [f"{key} = {json.dumps(value)}" for key, value in rest.items()]
    return "\n".join([f"[mcp_servers.{name}]", *lines, ""])


def configure(folder: Path, servers: str) -> None:
    trust = f'[projects."{folder / "work"}"]\ntrust_level = "trusted"\n'
    append(folder / "home" / "config.toml", trust + servers)


async def agree(one: Session, decision: str = "once") -> str:
    """Answer the oldest question as soon as there is one."""
    while True:
        heard = len(one.editor.messages)
        if found := await one.client.execute("codex.approval.list"):
            break
        await one.client.until(lambda: len(one.editor.messages) > heard, "a question")  # noqa: B023 - it is used before the next round
    answer = {"approvalId": found[0]["approvalId"], "decision": decision}
    assert await one.client.execute("codex.approval.respond", answer) == {"ok": True}
    return str(found[0]["question"])


def outputs(one: Session, number: int) -> list[Any]:
    items = one.service.requests[number].body["input"]
    return [item["output"] for item in items if item["type"] == "function_call_output"]


async def ended(pid: int) -> None:
    """Wait until the process is gone."""
    gone, process = asyncio.Event(), os.pidfd_open(pid)
    asyncio.get_running_loop().add_reader(process, gone.set)
    try:
        async with asyncio.timeout(60):
            await gone.wait()
    finally:
        asyncio.get_running_loop().remove_reader(process)
        os.close(process)


class Killed(Exception):
    """The window is gone."""


async def test_a_job_calls_tools_once_the_person_agreed_and_no_server_outlives_the_window(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_TOKEN", "not for servers")
    script = [
        Turn((Call("mcp__tools__shout", {"text": "hello"}),)),
        Turn((Call("mcp__tools__variable", {"name": "SECRET_TOKEN"}),)),
        Turn((Call("mcp__tools__picture", {}),)),
        Turn((Call("read_mcp_resource", {"server": "tools", "uri": "notes://today"}),)),
        Turn((Call("mcp__stays__look", {}),)),
        says("Done."),
    ]
    with contextlib.suppress(Killed):
        async with session(tmp_path, script, questions=Answer.NEVER) as one:
            configure(tmp_path, server("tools", str(TOOLS)) + server("stays", str(RAW), "stays"))
            job = (await one.client.execute("codex.do", {"prompt": "shout"}))["taskId"]
            agreed = [await agree(one) for _ in range(4)]
            await one.ended(job)
            assert sorted(agreed[:2]) == ["use the MCP server stays", "use the MCP server tools"]
            assert agreed[2:] == [
                "call shout of the MCP server tools",
                "call picture of the MCP server tools",
            ]
            listed, _ = await one.client.execute("codex.mcp.list")
            shout = {"name": "shout", "function": "mcp__tools__shout", "readOnly": False}
            assert (listed["server"], listed["state"]) == ("tools", "ready")
            assert shout in listed["tools"]
            tools = {tool["name"]: tool for tool in one.service.requests[0].body["tools"]}
            assert tools["mcp__tools__shout"]["parameters"]["required"] == ["text"]
            assert "list_mcp_resources" in tools
            loud, unset, picture, notes, look = outputs(one, 5)
            assert (loud, unset) == ('{"result": "HELLO"}', '{"result": "(unset)"}')
            assert picture[0]["image_url"].startswith("data:image/png")
            assert notes == "water the plants"
            assert one.client._server is not None
            one.client._server.kill()
            await ended(json.loads(look)["pid"])
            raise Killed
