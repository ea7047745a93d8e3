"""TS6: whatever a handler raises, the client gets an error and no secret, and is served next."""

from __future__ import annotations

import re

import pytest

from tests.doubles.hosted import hosted
from tests.doubles.raw_client import RawClient, environment
from tests.lsp.conformance.probe import COMMAND, REGISTRY, SECRET

FAILING = ["codex/fail", "codex/failLater", "codex/failGroup", "codex/junk", "codex/spawnFailing"]
COMMANDS = ["probe.fail", "probe.failLater"]


def fail_in_every_way(client: RawClient) -> None:
    client.initialize(initializationOptions={"key": SECRET})
    for method in FAILING:
        client.call(method)
        client.notify(method)
    for command in COMMANDS:
        client.call("workspace/executeCommand", {"command": command, "arguments": [SECRET]})
    client.call("codex/nothing", {"key": SECRET})
    client.call("textDocument/hover", {"key": SECRET})
    client.notify("textDocument/didOpen", {"textDocument": {"uri": SECRET}})
    assert client.call("codex/echo")["result"] == {}
    assert client.leave() == 0


def test_failures_tell_the_client_an_id_and_the_log_where() -> None:
    with RawClient(COMMAND) as client:
        fail_in_every_way(client)
        told = str(client.received)
        assert SECRET not in told
        assert "Traceback" not in told
        assert "probe.py" not in told
        faults = re.findall(r"has it as ([0-9a-f]{8})", told)
        assert len(faults) == 6
        for fault in faults:
            assert f"[{fault}]" in client.stderr
        assert "RuntimeError" in client.stderr
        assert "in fail_later" in client.stderr
        assert SECRET not in client.stderr
        shown = [message for message in client.received if "method" in message]
        assert shown == []  # no popups


@pytest.mark.parametrize(("client", "times"), [("helix", 1), ("Vim", 1), ("Neovim", 0)])
async def test_a_client_that_hides_the_answers_to_commands_is_told_them_as_messages(
    client: str, times: int
) -> None:
    async with hosted(REGISTRY, clientInfo={"name": client}) as one:
        rows = {"command": "probe.echo", "arguments": ["a.py", {"taskId": "x", "server": "docs"}]}
        one.receive(
            {"id": 1, "method": "workspace/executeCommand", "params": {"command": "probe.fail"}},
            {"id": 2, "method": "codex/fail"},
            {"id": 3, "method": "workspace/executeCommand", "params": rows},
        )
        sent = one.sent()
        error = next(said["error"]["message"] for said in sent if said.get("id") == 1)
        shown = [said["params"] for said in sent if said.get("method") == "window/showMessage"]
        told = [
            {"type": 1, "message": f"Codex: {error}"},
            {"type": 3, "message": "Codex: a.py; docs"},
        ]
        assert shown == told * times


@pytest.mark.parametrize("level", ["INFO"])
def test_bodies_are_not_logged_at_info_either(level: str) -> None:
    with RawClient(COMMAND, env=environment() | {"PROBE_LOG": level}) as client:
        fail_in_every_way(client)
        assert SECRET not in client.stderr
