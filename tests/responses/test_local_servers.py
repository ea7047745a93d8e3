"""Finding model servers on this machine: quickly, politely and on loopback only."""

from __future__ import annotations

import asyncio
import socket

import pytest

from codex_lsp.responses import local_servers
from codex_lsp.responses.local_servers import USUAL_PORTS, LocalServer, detect_local_servers
from tests.doubles.loopback import canned, listen
from tests.doubles.model_service import ModelService


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a server must be found, a slow machine gets the time."""
    monkeypatch.setattr(local_servers, "_WAIT", 30.0)


@pytest.mark.usefixtures("patient")
async def test_servers_are_found_in_order_with_their_models() -> None:
    async with ModelService([], models=["a", "b"]) as one, ModelService([], models=["c"]) as two:
        found = await detect_local_servers([("Two", two.port), ("One", one.port)])
    assert found == [
        LocalServer("Two", two.base_url, ("c",)),
        LocalServer("One", one.base_url, ("a", "b")),
    ]
    assert [request.path for request in one.others] == ["/v1/models"]
    assert "authorization" not in one.others[0].headers


@pytest.mark.usefixtures("patient")
@pytest.mark.parametrize(
    "body",
    ["<html>", "[]", "3", '{"data": 3}', '{"data": []}', '{"data": [{"id": 3}, 4]}', "[" * 9**5],
    ids=range(7),
)
async def test_what_lists_no_models_is_no_model_server(body: str) -> None:
    answer = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()
    async with listen(canned(answer)) as port:
        assert await detect_local_servers([("X", port)]) == []


@pytest.mark.usefixtures("patient")
async def test_an_endless_list_is_not_read_to_its_end() -> None:
    async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            writer.write(b" " * 2**16)
            await writer.drain()

    async with listen(endless) as port:
        assert await detect_local_servers([("X", port)]) == []


@pytest.mark.usefixtures("patient")
@pytest.mark.parametrize(
    "answer", [b"", b"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n", b"SSH-2.0"]
)
async def test_other_programs_on_the_port_are_passed_over(answer: bytes) -> None:
    async with listen(canned(answer)) as port:
        assert await detect_local_servers([("X", port)]) == []


async def test_nothing_and_silence_are_passed_over() -> None:
    async def never(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        async with listen(never) as port:
            ports = [("X", port), ("Y", held.getsockname()[1])]
            assert await detect_local_servers(ports) == []


async def test_only_loopback_is_contacted_whatever_the_proxy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://192.0.2.1:3128")
    contacted: list[str] = []
    loop = asyncio.get_running_loop()

    async def refuse(*args: object, **kwargs: object) -> None:
        contacted.append(str(args[1]))
        raise ConnectionRefusedError

    monkeypatch.setattr(loop, "create_connection", refuse)
    assert await detect_local_servers() == []
    assert set(contacted) == {"127.0.0.1"}
    assert len(contacted) == len(USUAL_PORTS)
