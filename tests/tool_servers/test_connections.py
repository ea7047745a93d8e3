"""Real MCP servers, honest and hostile, as a job gets them: with the person's word.

The honest one is the SDK's; the hostile ones need nothing but Python and start at once.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import sys
from collections.abc import AsyncIterator, Coroutine, Iterable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from codex_lsp.agent.connections import Connections
from codex_lsp.agent.consent.actions import (
    Action,
    Allowed,
    CallServerTool,
    Decision,
    Denied,
    UseServer,
    fingerprint,
)
from codex_lsp.agent.servers import Approvals, Connection, ServerFailed, ServerSpec, Unusable
from codex_lsp.agent.tools.server_resources import resource_tools
from codex_lsp.agent.tools.server_tool import ServerTool, server_tools
from codex_lsp.agent.truncation import DEFAULT
from codex_lsp.tool_servers import http, process
from codex_lsp.tool_servers.connector import HOW_TO_INSTALL, SdkConnector
from tests.doubles import raw_mcp
from tests.doubles.mcp_tools import serving

ENVIRON = {"PATH": os.environ["PATH"]}
SOURCE = Path(raw_mcp.__file__).read_text("utf-8")


class Desk:
    """One window's connections, and the person, who says `answer` to whatever is asked."""

    def __init__(self, tasks: asyncio.TaskGroup) -> None:
        self._tasks = tasks
        self.held: list[asyncio.Task[None]] = []
        self.asked: list[Action] = []
        self.told: list[str] = []
        self.answer: Decision | None = None
        self.connections = Connections(SdkConnector(), self.spawn, self.told.append)

    def spawn(self, work: Coroutine[Any, Any, object], *, name: str) -> asyncio.Task[None]:
        async def run() -> None:
            await work

        self.held.append(self._tasks.create_task(run(), name=name))
        return self.held[-1]

    async def permit(self, action: Action) -> Decision:
        self.asked.append(action)
        return self.answer or Allowed(fingerprint(action))

    async def there(self, *specs: ServerSpec | Unusable) -> list[tuple[ServerSpec, Connection]]:
        return await self.connections.started(specs, self.permit)

    async def tools(self, spec: ServerSpec) -> dict[str, ServerTool]:
        found = server_tools(await self.there(spec), self.permit, DEFAULT)
        return {tool.spec.name: tool for tool in found}

    async def call(self, spec: ServerSpec, tool: str, **given: object) -> str:
        tools = await self.tools(spec)
        return (await tools[f"mcp__{spec.name}__{tool}"].run(json.dumps(given))).text

    def questions(self, kind: type[Action]) -> list[Action]:
        return [action for action in self.asked if isinstance(action, kind)]


@asynccontextmanager
async def desk() -> AsyncIterator[Desk]:
    async with asyncio.TaskGroup() as tasks:
        one = Desk(tasks)
        yield one
        for task in one.held:
            task.cancel()


def raw(how: str, **rest: Any) -> ServerSpec:
    argv = (sys.executable, "-IS", raw_mcp.__file__, how)
    return replace(ServerSpec("raw", argv=argv, cwd=Path("/"), environment=ENVIRON), **rest)


async def ended(pids: Iterable[int]) -> None:
    """Wait until these processes are gone."""
    for pid in pids:
        gone = asyncio.Event()
        try:
            watched = os.pidfd_open(pid)
        except ProcessLookupError:
            continue
        asyncio.get_running_loop().add_reader(watched, gone.set)
        async with asyncio.timeout(60):
            await gone.wait()
        asyncio.get_running_loop().remove_reader(watched)
        os.close(watched)


async def test_a_server_is_started_once_and_ends_with_the_window() -> None:
    async with desk() as one:
        first = json.loads(await one.call(raw("stays"), "touch", a="é"))
        second = json.loads(await one.call(raw("stays"), "look"))
        assert first["given"] == {"a": "é"}
        assert first["pid"] == second["pid"]
        assert len(one.questions(UseServer)) == 1
        (asked,) = one.questions(CallServerTool)  # `look` says that it only reads
        assert asked == CallServerTool("raw", "touch", '{"a": "é"}')
    await ended([first["pid"]])
    assert one.told == []


async def test_the_person_is_asked_about_exactly_what_is_started(tmp_path: Path) -> None:
    script = tmp_path / "server.py"
    script.write_text(SOURCE)
    spec = raw("calm", roots=(tmp_path,), cwd=tmp_path, sets=(("A", "1"),), passes=("TOKEN",))
    spec = replace(spec, argv=("python3", "-IS", "server.py", "calm"))
    async with desk() as one:
        await one.call(spec, "look")
        (asked,) = one.asked
        assert isinstance(asked, UseServer)
        assert Path(asked.argv[0]).is_absolute()
        assert asked.argv[1:] == ("-IS", "server.py", "calm")
        assert (asked.cwd, asked.sets, asked.passes) == (str(tmp_path), (("A", "1"),), ("TOKEN",))
        assert [name for name, _ in asked.files] == [str(script)]


@pytest.mark.parametrize("change", ["argv", "sets", "passes", "file"])
async def test_a_server_that_changed_is_asked_about_again(tmp_path: Path, change: str) -> None:
    script = tmp_path / "server.py"
    script.write_text(SOURCE)
    argv = (sys.executable, "-IS", str(script), "calm")
    spec = raw("calm", argv=argv, roots=(tmp_path,))
    async with desk() as one:
        await one.call(spec, "look")
        if change == "file":
            script.write_text(script.read_text() + "# more\n")
            await one.connections.forget(spec)
        changed = {
            "argv": replace(spec, argv=(*argv, "more")),
            "sets": replace(spec, sets=(("A", "1"),)),
            "passes": replace(spec, passes=("TOKEN",)),
            "file": spec,
        }
        spec = changed[change]
        await one.call(spec, "look")
        before, after = (fingerprint(action) for action in one.questions(UseServer))
        assert before != after


async def test_what_is_swapped_while_the_person_reads_is_not_started(tmp_path: Path) -> None:
    script = tmp_path / "server.py"
    script.write_text("1")
    spec = raw("calm", argv=(sys.executable, str(script)), roots=(tmp_path,))
    async with desk() as one:

        async def permit(action: Action) -> Decision:
            script.write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
            return Allowed(fingerprint(action))

        assert await one.connections.started([spec], permit) == []
        assert "has changed since you were asked" in one.told[0]
        assert not (tmp_path / "ran").exists()


async def test_a_server_that_is_refused_is_not_started_and_not_asked_about_again() -> None:
    async with desk() as one:
        one.answer = Denied()
        assert await one.there(raw("calm")) == []
        assert await one.there(raw("calm")) == []
        assert (len(one.asked), one.held, one.told) == (1, [], [])
        with pytest.raises(ServerFailed, match="“raw” is required, and there is none"):
            await one.there(raw("calm", required=True))
        one.answer = None
        await one.connections.forget(raw("calm"))
        assert await one.there(raw("calm")) != []


async def test_an_answer_for_something_else_allows_nothing() -> None:
    async with desk() as one:
        one.answer = Allowed("of something else")
        assert await one.there(raw("calm")) == []
        assert one.held == []
        one.answer = None
        tools = await one.tools(raw("calm", passes=("A",)))
        one.answer = Allowed("of something else")
        said = await tools["mcp__raw__touch"].run("{}")
        assert said.text == "tool call rejected: what was allowed was something else"


async def test_a_call_that_is_refused_never_reaches_the_server() -> None:
    async with desk() as one:
        tools = await one.tools(raw("dies"))
        one.answer = Denied("not now")
        said = await tools["mcp__raw__touch"].run("{}")
        assert said.text == "tool call rejected by user: not now"
        assert [server.state for server in [one.connections.of(raw("dies"))]] == ["ready"]


async def test_a_projects_server_is_asked_about_for_each_call() -> None:
    spec = raw("calm", place="/p", approvals=Approvals("approve", own=False))
    async with desk() as one:
        await one.call(spec, "look")
        assert len(one.questions(CallServerTool)) == 1
        await one.call(replace(spec, place="", approvals=Approvals("approve")), "touch")
        assert len(one.questions(CallServerTool)) == 1


async def test_a_server_that_never_answers_is_given_up_for_the_call_alone() -> None:
    async with desk() as one:
        said = await one.call(raw("mute", tool_timeout=0.05), "look")
        assert said.startswith("raw did not answer within 0.05 s")
        assert one.connections.of(raw("mute")).state == "ready"


async def test_a_server_that_dies_says_why_and_is_started_again_with_the_next_job() -> None:
    async with desk() as one:
        said = await one.call(raw("dies"), "look")
        assert said == "raw gave no answer: it ended; its last words: out of cheese"
        await asyncio.wait(one.held)
        assert await one.there(raw("dies")) != []
        assert len(one.questions(UseServer)) == 2


async def test_a_huge_answer_is_cut_and_an_endless_one_ends_the_server(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(process, "MOST_LINE", 3 << 20)
    async with desk() as one:
        said = await one.call(raw("huge"), "look")
        assert said.startswith("Warning: truncated output (original token count: 500000)")
        assert len(said) < 41_000
        said = await one.call(raw("endless"), "look")
        assert said == "raw gave no answer: it sent a message of more than 3 MiB"


async def test_an_answer_that_does_not_fit_the_protocol_is_none() -> None:
    async with desk() as one:
        said = await one.call(raw("odd"), "look")
        assert said == "raw gave no answer: what it answered does not fit the protocol"


async def test_a_server_that_is_not_ready_in_time_is_told_once_and_killed() -> None:
    spec = raw("late", startup_timeout=0.2)
    async with desk() as one:
        assert await one.there(spec) == []
        assert await one.there(spec) == []
        (told,) = one.told
        assert "it was not ready within 0.2 s (startup_timeout_sec)" in told
        assert all(task.done() for task in one.held)


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        (("no-such-program",), "there is no program no-such-program"),
        (("sh", "-c", "echo no luck >&2; exit 1"), "it ended; its last words: no luck"),
    ],
)
async def test_a_server_that_cannot_be_started_says_why(argv: tuple[str, ...], says: str) -> None:
    async with desk() as one:
        bad = Unusable("bad", "its name is bad")
        assert await one.there(raw("calm", argv=argv), bad) == []
        assert len(one.told) == 2
        assert any(says in text for text in one.told)


async def test_the_tools_of_a_poisoned_server_hide_nothing() -> None:
    async with desk() as one:
        tools = await one.tools(raw("poison"))
        told = json.dumps([[tool.spec.name, tool.spec.description] for tool in tools.values()])
        assert all(len(name) <= 64 for name in tools)
        assert "\\u001b" not in told
        assert "\\udb40" not in told
        assert "mcp__raw__enumerated" not in tools


async def test_a_server_is_reached_over_http_with_its_resources() -> None:
    async with serving() as url, desk() as one:
        spec = ServerSpec("raw", url=url)
        assert await one.call(spec, "shout", text="hi") == '{"result": "HI"}'
        assert one.asked[0] == UseServer("raw", url=url)
        assert await one.call(spec, "fail") == "The tool failed: Error executing tool fail"
        listing, templates, read = resource_tools(await one.there(spec), one.permit, DEFAULT)
        assert "notes://today" in (await listing.run("{}")).text
        assert "notes://{day}" in (await templates.run('{"server": "raw"}')).text
        asked = len(one.asked)
        uri = '{"server": "raw", "uri": "notes://monday"}'
        assert (await read.run(uri)).text == "nothing on monday"
        assert len(one.asked) == asked
        assert "there are raw" in (await read.run('{"server": "x", "uri": "y"}')).text
    async with desk() as one:
        assert await one.there(spec) == []
        assert "All connection attempts failed" in one.told[0]


async def test_a_server_that_forgot_the_session_gets_a_new_one_with_the_next_job() -> None:
    with socket.create_server(("127.0.0.1", 0)) as at:
        async with desk() as one:
            async with serving(at) as url:
                spec = ServerSpec("raw", url=url)
                tools = await one.tools(spec)
            async with serving(at):
                said = await tools["mcp__raw__variable"].run('{"name": "NONE"}')
                assert said.text == "raw gave no answer: it ended the session"
                await asyncio.wait(one.held)
                assert await one.call(spec, "variable", name="NONE") == '{"result": "(unset)"}'


async def test_an_answer_over_http_has_a_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "MOST_BODY", 1 << 20)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n")
        with contextlib.suppress(OSError):
            while True:
                writer.write(b" " * 65536)
                await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server, desk() as one:
        port = server.sockets[0].getsockname()[1]
        assert await one.there(ServerSpec("raw", url=f"http://127.0.0.1:{port}/mcp")) == []
        assert "the answer has more than 1 MiB" in one.told[0]


async def test_where_the_sdk_is_missing_the_person_is_told_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "codex_lsp.tool_servers.session", None)
    async with desk() as one:
        for _ in range(2):
            assert await one.there(raw("calm")) == []
        assert (one.told, one.asked) == ([HOW_TO_INSTALL], [])
        with pytest.raises(ServerFailed, match="is required"):
            await one.there(raw("calm", required=True))
