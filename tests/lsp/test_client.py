"""Questions to the client, settled in every order that a client can think of."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from codex_lsp.lsp.connection.client import ClientError, ClientGone, ClientTimeout, Questions


class Client:
    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.questions = Questions(self.asked.append)

    async def ask(self, seconds: float = 60) -> Any:
        return await self.questions.ask("a/b", {"x": 1}, seconds)


async def test_answers_find_their_question_in_any_order() -> None:
    client = Client()
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(client.ask()) for _ in range(3)]
        await asyncio.sleep(0)
        for message in reversed(client.asked):
            client.questions.settle({"id": message["id"], "result": message["id"] * 10})
    assert [task.result() for task in tasks] == [message["id"] * 10 for message in client.asked]
    assert client.asked[0] == {"jsonrpc": "2.0", "id": 1, "method": "a/b", "params": {"x": 1}}


async def test_the_first_of_two_answers_counts() -> None:
    client = Client()
    asking = asyncio.ensure_future(client.ask())
    await asyncio.sleep(0)
    client.questions.settle({"id": 1, "result": "first"})
    client.questions.settle({"id": 1, "error": {"code": 5, "message": "second"}})
    assert await asking == "first"
    client.questions.settle({"id": 1, "result": "third"})


async def test_an_answer_in_the_moment_of_cancelling_is_dropped() -> None:
    client = Client()
    asking = asyncio.ensure_future(client.ask())
    await asyncio.sleep(0)
    asking.cancel()
    client.questions.settle({"id": 1, "result": "too late"})
    with pytest.raises(asyncio.CancelledError):
        await asking
    client.questions.settle({"id": 1, "result": "later still"})
    assert client.questions._open == {}


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        ({"code": -32601, "message": "no"}, -32601, "no"),
        ({"code": "x"}, 0, "no reason given"),
        ("broken", 0, "no reason given"),
        ({}, 0, "no reason given"),
    ],
)
async def test_an_error_is_raised_whatever_its_shape(error: Any, code: int, message: str) -> None:
    client = Client()
    asking = asyncio.ensure_future(client.ask())
    await asyncio.sleep(0)
    client.questions.settle({"id": 1, "error": error})
    with pytest.raises(ClientError) as raised:
        await asking
    assert (raised.value.code, raised.value.message) == (code, message)


async def test_silence_is_a_timeout() -> None:
    client = Client()
    with pytest.raises(ClientTimeout, match="a/b"):
        await client.ask(0.01)
    assert client.questions._open == {}


async def test_when_the_session_ends_nobody_waits_on() -> None:
    client = Client()
    asking = asyncio.ensure_future(client.ask())
    await asyncio.sleep(0)
    client.questions.end()
    with pytest.raises(ClientGone):
        await asking
    with pytest.raises(ClientGone):
        await client.ask()


@pytest.mark.parametrize("odd", [None, "1", 1.0, True, [], {}, 99])
async def test_an_answer_with_an_odd_id_is_dropped(odd: Any) -> None:
    client = Client()
    asking = asyncio.ensure_future(client.ask())
    await asyncio.sleep(0)
    client.questions.settle({"id": odd, "result": "odd"})
    client.questions.settle({"id": 1, "result": "right"})
    assert await asking == "right"
