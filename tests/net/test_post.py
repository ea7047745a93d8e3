"""`net.client.post` against real sockets: what left the machine, what a person is told (TR4)."""

from __future__ import annotations

import asyncio
import errno
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import pytest_socket

from codex_lsp.net import transport
from codex_lsp.net.client import Reply, post
from codex_lsp.net.failures import BadCertificates, NetFailure, NotSent, OutcomeUnknown
from tests.doubles.loopback import canned, certificate_authority, listen
from tests.e2e.tools import REPO

OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"


async def failure_of(url: str, seconds: float = 30) -> NetFailure:
    with pytest.raises(NetFailure) as caught:
        await post(url, json={}, timeout=seconds)
    return caught.value


async def test_an_answer_of_any_status_is_a_reply() -> None:
    answer = b"HTTP/1.1 503 Busy\r\nX-Thing: Yes\r\nContent-Length: 4\r\n\r\nlate"
    async with listen(canned(answer)) as port:
        reply = await post(f"http://127.0.0.1:{port}/x", form={"a": "b"}, timeout=30)
    assert (reply.status, reply.headers["x-thing"], reply.body) == (503, "Yes", b"late")


def has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")
async def test_ipv6_is_reached_as_well() -> None:
    async with listen(canned(OK), host="::1") as port:
        assert (await post(f"http://[::1]:{port}/", json={}, timeout=30)).status == 200


async def test_json_and_form_go_out_as_such() -> None:
    seen: list[bytes] = []

    async def record(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        seen.append(head + await reader.readexactly(length))
        writer.write(OK)
        await writer.drain()

    async with listen(record) as port:
        url = f"http://127.0.0.1:{port}/t"
        reply = await post(url, json={"k": "v"}, headers={"originator": "me"}, timeout=30)
        await post(url, form={"k": "v w"}, timeout=30)
    assert reply.json() == {}
    assert seen[0].endswith(b'{"k":"v"}')
    assert b"originator: me" in seen[0]
    assert b"content-type: application/json" in seen[0].lower()
    assert seen[1].endswith(b"k=v+w")


async def test_a_redirect_is_an_answer_and_is_not_followed() -> None:
    async with listen(canned(OK)) as elsewhere:
        away = f"HTTP/1.1 307 Away\r\nLocation: http://127.0.0.1:{elsewhere}/\r\n"
        async with listen(canned(f"{away}Content-Length: 0\r\n\r\n".encode())) as port:
            assert (await post(f"http://127.0.0.1:{port}/", json={}, timeout=30)).status == 307


async def test_nothing_listening_was_not_sent() -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))  # bound but not listening: connecting is refused
        error = await failure_of(f"http://127.0.0.1:{held.getsockname()[1]}/")
    assert isinstance(error, NotSent)
    assert "Nothing answers at 127.0.0.1" in str(error)


async def test_an_unknown_name_was_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: object, **kwargs: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    error = await failure_of("http://model.invalid/")
    assert isinstance(error, NotSent)
    assert "model.invalid could not be found" in str(error)
    assert "DNS" in str(error)


async def test_no_network_was_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(*args: object, **kwargs: object) -> Any:
        raise OSError(errno.ENETUNREACH, "Network is unreachable")

    monkeypatch.setattr(asyncio.get_running_loop(), "create_connection", fail)
    error = await failure_of("http://192.0.2.1/")
    assert isinstance(error, NotSent)
    assert "offline" in str(error)


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_proxy_that_wants_a_password_is_named(
    scheme: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    refusal = b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n"
    async with listen(canned(refusal)) as port:
        monkeypatch.setenv(f"{scheme.upper()}_PROXY", f"http://127.0.0.1:{port}")
        error = await failure_of(f"{scheme}://model.invalid/")
    assert isinstance(error, NotSent)
    assert "407" in str(error)
    assert f"{scheme.upper()}_PROXY" in str(error)


async def test_a_proxy_that_is_down_was_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{held.getsockname()[1]}")
        assert isinstance(await failure_of("https://model.invalid/"), NotSent)


async def test_a_proxy_setting_that_is_none_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "gopher://127.0.0.1:1")
    error = await failure_of("https://model.invalid/")
    assert isinstance(error, NotSent)
    assert "HTTPS_PROXY" in str(error)


@pytest.mark.parametrize("proxy", ["http://127.0.0.1:9", "socks5://127.0.0.1:9", "nonsense://x"])
async def test_loopback_is_reached_without_the_proxy(
    proxy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", proxy)
    async with listen(canned(OK)) as port:
        assert (await post(f"http://127.0.0.1:{port}/", json={}, timeout=30)).status == 200


@pytest.mark.parametrize(
    ("host", "here"),
    [
        ("localhost", True), ("localhost:1", True), ("127.0.0.1:1", True), ("[::1]", True),
        ("[::1]:1", True), ("localhost.example", False), ("127.0.0.1.example:1", False),
    ],
)  # fmt: skip
def test_what_is_on_this_machine_is_known_by_its_whole_name(host: str, here: bool) -> None:
    assert transport._is_here(host) is here


async def test_an_unknown_authority_was_not_sent_and_the_remedy_is_named(tmp_path: Path) -> None:
    _, tls = certificate_authority(tmp_path)
    async with listen(canned(OK), tls=tls) as port:
        error = await failure_of(f"https://127.0.0.1:{port}/")
    assert isinstance(error, NotSent)
    assert error.lasting
    assert "CODEX_CA_CERTIFICATE" in str(error)


@pytest.mark.parametrize(
    "variables",
    [
        {"CODEX_CA_CERTIFICATE": "good"},
        {"SSL_CERT_FILE": "good"},
        {"CODEX_CA_CERTIFICATE": "good", "SSL_CERT_FILE": "/does/not/exist"},
        {"CODEX_CA_CERTIFICATE": "", "SSL_CERT_FILE": "good"},
    ],
)
async def test_a_named_authority_is_believed(
    variables: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pem, tls = certificate_authority(tmp_path)
    for name, value in variables.items():
        monkeypatch.setenv(name, str(pem) if value == "good" else value)
    async with listen(canned(OK), tls=tls) as port:
        assert (await post(f"https://127.0.0.1:{port}/", json={}, timeout=30)).status == 200


@pytest.mark.parametrize("variable", ["CODEX_CA_CERTIFICATE", "SSL_CERT_FILE"])
@pytest.mark.parametrize("content", [None, b"", b"not a certificate"])
async def test_an_unusable_certificate_file_is_named(
    variable: str, content: bytes | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pem = tmp_path / "company.pem"
    if content is not None:
        pem.write_bytes(content)
    monkeypatch.setenv(variable, str(pem))
    error = await failure_of("https://127.0.0.1:9/")
    assert isinstance(error, BadCertificates)
    assert variable in str(error)
    assert str(pem) in str(error)


async def test_plain_http_where_https_was_asked_was_not_sent() -> None:
    async def speak_first(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await writer.drain()

    async with listen(speak_first) as port:
        error = await failure_of(f"https://127.0.0.1:{port}/")
    assert isinstance(error, NotSent)
    assert "really speaks https" in str(error)


async def test_a_connection_that_ends_without_an_answer_is_of_unknown_outcome() -> None:
    async with listen(canned(b"")) as port:
        assert isinstance(await failure_of(f"http://127.0.0.1:{port}/"), OutcomeUnknown)


async def test_a_torn_answer_is_of_unknown_outcome() -> None:
    async with listen(canned(OK[:-1])) as port:
        assert isinstance(await failure_of(f"http://127.0.0.1:{port}/"), OutcomeUnknown)


async def test_a_server_that_never_answers_is_of_unknown_outcome() -> None:
    async def never(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async with listen(never) as port:
        error = await failure_of(f"http://127.0.0.1:{port}/", seconds=0.2)
    assert isinstance(error, OutcomeUnknown)


async def test_a_trickling_answer_does_not_outlive_the_deadline() -> None:
    async def trickle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        while True:
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.02)

    async with listen(trickle) as port:
        error = await failure_of(f"http://127.0.0.1:{port}/", seconds=0.3)
    assert isinstance(error, OutcomeUnknown)


@pytest.mark.parametrize("url", ["", "model.example/v1", "ftp://127.0.0.1/", "http://"])
async def test_an_address_that_is_none_was_not_sent(url: str) -> None:
    error = await failure_of(url)
    assert isinstance(error, NotSent)
    assert error.lasting


@pytest.mark.parametrize("value", ["Bearer a\r\nb", "Bearer “key”"])
async def test_a_key_that_is_no_header_is_not_repeated_in_the_error(value: str) -> None:
    async with listen(canned(OK)) as port:
        with pytest.raises(NotSent) as caught:
            await post(f"http://127.0.0.1:{port}/", headers={"authorization": value}, timeout=30)
    assert "key" not in str(caught.value.detail)
    assert "stray characters" in str(caught.value)


def test_a_reply_whose_body_is_not_json_says_so() -> None:
    with pytest.raises(ValueError):
        Reply(200, {}, b"<html>").json()


@pytest.mark.filterwarnings("ignore:A test tried:UserWarning")
def test_these_tests_reach_only_loopback() -> None:
    with socket.socket() as beyond, pytest.raises(pytest_socket.SocketConnectBlockedError):
        beyond.connect(("192.0.2.1", 80))


def test_importing_the_client_does_not_pay_for_httpx() -> None:
    code = "import sys, codex_lsp.net.client; sys.exit('httpx' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False, cwd=REPO).returncode == 0
