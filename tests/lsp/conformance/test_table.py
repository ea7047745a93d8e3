"""TS1: the conformance table, run against real processes, one for each state of a session.

A ping after each case shows that the server still serves, and that no other reply came.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.doubles.raw_client import RawClient
from tests.lsp.conformance.probe import COMMAND
from tests.lsp.conformance.table import (
    AFTER,
    BEFORE,
    ECHO,
    INVALID,
    RUNNING,
    Case,
    Reply,
    Result,
    body,
    tell,
)


def test_the_table_is_as_large_as_promised() -> None:
    assert len(RUNNING) + len(BEFORE) + len(AFTER) >= 120


@pytest.fixture(scope="module")
def unborn() -> Iterator[RawClient]:
    with RawClient(COMMAND) as client:
        yield client


@pytest.fixture(scope="module")
def running() -> Iterator[RawClient]:
    with RawClient(COMMAND) as client:
        client.initialize()
        yield client
        assert client.leave() == 0
        assert client.garbage == b""


@pytest.fixture(scope="module")
def shut_down() -> Iterator[RawClient]:
    with RawClient(COMMAND) as client:
        client.initialize()
        assert client.call("shutdown")["result"] is None
        yield client
        client.notify("exit")
        assert client.wait() == 0


def check(client: RawClient, tried: Case) -> None:
    start = len(client.received)
    client.send_bytes(tried.data)
    ping = client.call("codex/echo", {})
    client.wait_until(lambda: len(client.replies(start)) > len(tried.replies))
    replies = [message for message in client.replies(start) if message is not ping]
    assert sorted(map(outcome_of, replies), key=repr) == sorted(tried.replies, key=repr)


def outcome_of(message: dict[str, Any]) -> Reply:
    assert message["jsonrpc"] == "2.0"
    assert ("result" in message) != ("error" in message)
    if "error" in message:
        assert isinstance(message["error"]["message"], str)
        return message["id"], message["error"]["code"]
    return message["id"], Result(message["result"])


@pytest.mark.parametrize("tried", RUNNING, ids=lambda tried: tried.name)
def test_in_a_session(running: RawClient, tried: Case) -> None:
    check(running, tried)


@pytest.mark.parametrize("tried", BEFORE, ids=lambda tried: tried.name)
def test_before_initialize(unborn: RawClient, tried: Case) -> None:
    check(unborn, tried)


@pytest.mark.parametrize("tried", AFTER, ids=lambda tried: tried.name)
def test_after_shutdown(shut_down: RawClient, tried: Case) -> None:
    check(shut_down, tried)


def test_a_batch_gets_one_array_with_an_error_for_each_request(running: RawClient) -> None:
    start = len(running.received)
    running.send_bytes(body(json.dumps([ECHO, tell("codex/note", {}), ECHO | {"id": 2}, 5])))
    running.call("codex/echo", {})
    (batch,) = [message for message in running.received[start:] if isinstance(message, list)]
    assert [outcome_of(message) for message in batch] == [(1, INVALID), (2, INVALID)]
    assert running.call("codex/notes", {})["result"] == []
