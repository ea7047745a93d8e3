"""MCP servers in a window: whose configuration counts, what the list says, starting one anew."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from codex_lsp.lsp.tool_servers import servers_for
from codex_lsp.tool_servers.connector import SdkConnector
from codex_lsp.workspace import trust
from tests.doubles import raw_mcp
from tests.doubles.window import configured, window

ARGV = [sys.executable, "-IS", raw_mcp.__file__, "calm"]
TABLE = f"[mcp_servers.{{}}]\ncommand = {json.dumps(ARGV[0])}\nargs = {json.dumps(ARGV[1:])}\n"


def scene(folder: Path, *, own: str = "", project: str = "", trusted: bool = False) -> Path:
    work, home = folder / "work", folder / "codex"
    (work / ".codex").mkdir(parents=True)
    home.mkdir()
    (work / ".codex" / "config.toml").write_text(project)
    (home / "config.toml").write_text(own)
    trust.note(home / "config.toml", work, "trusted" if trusted else "untrusted")
    return work


@pytest.mark.parametrize("trusted", [False, True])
async def test_a_projects_servers_are_there_only_where_it_is_trusted(
    tmp_path: Path, trusted: bool
) -> None:
    work = scene(tmp_path, project=TABLE.format("theirs"), trusted=trusted)
    async with window(work, replace(configured(tmp_path), servers=SdkConnector())) as one:
        found = await servers_for(one.bench, None)
        assert (found is not None) == trusted
        listed = await one.execute("codex.mcp.list")
        assert [(s["server"], s["from"], s["state"]) for s in listed] == (
            [("theirs", str(work), "idle")] if trusted else []
        )


async def test_a_server_is_started_by_command_and_listed_with_its_tools(tmp_path: Path) -> None:
    bad = "[mcp_servers.bad]\nenabled = true\n"
    work = scene(tmp_path, own=TABLE.format("mine") + bad, trusted=True)
    async with window(work, replace(configured(tmp_path), servers=SdkConnector())) as one:
        task = (await one.execute("codex.mcp.reconnect", {"server": "mine"}))["taskId"]
        asked = await one.question()
        text = asked["params"]["message"]
        assert "use the MCP server mine" in text
        assert "raw_mcp.py calm" in text
        one.answer(asked, {"title": "Allow for this session"})
        assert await one.ended(task) == "1 MCP server of 1 can be used."
        mine, wrong = await one.execute("codex.mcp.list")
        assert (mine["from"], mine["state"], mine["message"]) == ("you", "ready", "")
        assert mine["tools"] == [
            {"name": "look", "function": "mcp__mine__look", "readOnly": True},
            {"name": "touch", "function": "mcp__mine__touch", "readOnly": False},
        ]
        assert (wrong["state"], wrong["tools"]) == ("failed", [])
        again = (await one.execute("codex.mcp.reconnect", {"server": "mine"}))["taskId"]
        assert await one.ended(again) == "1 MCP server of 1 can be used."
        said = await one.execute("codex.mcp.reconnect", {"server": "none"})
        assert "No such MCP server is configured" in said
