"""The real Codex CLI beside ours: a backend that it can talk to, and its app-servers.

The authority and the backend run in the test's loop; every Codex is an unmodified process.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from tests.doubles import small_http
from tests.doubles.authority import Authority, serving
from tests.doubles.loopback import certificate_authority
from tests.doubles.minted import PEOPLE
from tests.doubles.small_http import Answer, Request

_SAID = {
    "type": "message",
    "role": "assistant",
    "id": "msg_1",
    "content": [{"type": "output_text", "text": "hello"}],
}
_USAGE = {"input_tokens": 1, "output_tokens": 1, "total_tokens": 2}
_EVENTS: tuple[dict[str, Any], ...] = (
    {"type": "response.created", "response": {"id": "resp_1"}},
    {"type": "response.output_item.done", "output_index": 0, "item": _SAID},
    {"type": "response.completed", "response": {"id": "resp_1", "usage": _USAGE}},
)
_TURN = "".join(f"event: {e['type']}\ndata: {json.dumps(e)}\n\n" for e in _EVENTS)


@dataclass(frozen=True, slots=True)
class Place:
    """One CODEX_HOME with an authority and a backend, and the environment of a Codex there."""

    home: Path
    authority: Authority
    authority_url: str
    environ: dict[str, str]

    @property
    def file(self) -> Path:
        return self.home / "auth.json"

    @property
    def tokens(self) -> dict[str, str]:
        tokens: dict[str, str] = json.loads(self.file.read_bytes())["tokens"]
        return tokens


@asynccontextmanager
async def place(folder: Path) -> AsyncIterator[Place]:
    """A home in `folder`, configured so that nothing leaves this machine."""
    home = folder / "home"
    home.mkdir()
    authority = Authority(lifetime=3600.0)
    pem, tls = certificate_authority(folder)
    async with (
        serving(authority) as url,
        small_http.serving(_Backend(authority).answer, tls) as backend,
    ):
        (home / "config.toml").write_text(
            f'model = "gpt-5.5"\nchatgpt_base_url = "{backend}/backend-api"\n'
            f'openai_base_url = "{backend}/backend-api/codex"\n'
            "check_for_update_on_startup = false\n[analytics]\nenabled = false\n"
        )
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(("CODEX_", "OPENAI_"))}
        yield Place(
            home,
            authority,
            url,
            inherited
            | {
                "CODEX_HOME": str(home),
                "HOME": str(folder),
                "CODEX_CA_CERTIFICATE": str(pem),
                "CODEX_REFRESH_TOKEN_URL_OVERRIDE": f"{url}/oauth/token",
                "NO_PROXY": "127.0.0.1",
            },
        )


class _Backend:
    """What a turn asks of the service, for bearers that the authority accepts; 401 for others."""

    def __init__(self, authority: Authority) -> None:
        self._authority = authority

    async def answer(self, request: Request) -> Answer:
        bearer = request.headers.get("authorization", "").removeprefix("Bearer ")
        if not self._authority.accepts(bearer):
            body = {"error": {"code": "token_expired", "message": "Expired."}}
            return Answer(401, json.dumps(body).encode())
        match request.method, request.path.removeprefix("/backend-api"):
            case "POST", "/codex/responses":
                return Answer(body=_TURN.encode(), kind="sse")
            case "GET", "/codex/responses":
                return Answer(426)  # no WebSocket here
            case "GET", "/wham/accounts/check":
                return _accounts(request)
            case _:
                return Answer(404, b"{}")


def _accounts(request: Request) -> Answer:
    """Codex takes no turn before it knows where the account's backend is."""
    account = request.headers["chatgpt-account-id"]
    entry = {
        "id": account,
        "name": None,
        "structure": "personal",
        "plan_type": next(p.plan for p in PEOPLE.values() if p.account_id == account),
        "workspace_backend_origin": f"https://{request.headers['host']}",
        "account_routing_override": "NO_CONSTRAINT",
    }
    body = {"accounts": [entry], "default_account_id": account, "account_ordering": [account]}
    return Answer(body=json.dumps(body).encode())


class AppServer:
    """One `codex app-server` with one thread: what an editor of another vendor runs."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._number = 0
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._turn: asyncio.Future[str] | None = None
        self._reading = asyncio.create_task(self._read())
        self._thread = ""

    @classmethod
    async def start(cls, codex: Path, place: Place) -> Self:
        work = place.home.parent / "work"
        work.mkdir(exist_ok=True)
        process = await asyncio.create_subprocess_exec(
            codex,
            "app-server",
            cwd=work,
            env=place.environ,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            limit=1 << 24,
        )
        server = cls(process)
        client = {"name": "codex_peer", "title": "peer", "version": "0"}
        await server.call("initialize", clientInfo=client)
        server._send({"method": "initialized"})
        return server

    async def call(self, method: str, **params: Any) -> dict[str, Any]:
        """One request; its result, or its error as `{"error": …}`."""
        self._number += 1
        waiting: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._waiting[self._number] = waiting
        self._send({"id": self._number, "method": method, "params": params})
        async with asyncio.timeout(60):
            return await waiting

    async def turn(self) -> str:
        """One turn in this server's thread: "completed", or why it failed."""
        if not self._thread:
            started = await self.call("thread/start", sandbox="read-only", approvalPolicy="never")
            self._thread = started["thread"]["id"]
        self._turn = asyncio.get_running_loop().create_future()
        said = [{"type": "text", "text": "hello"}]
        await self.call("turn/start", threadId=self._thread, input=said)
        async with asyncio.timeout(90):
            return await self._turn

    async def signed_in_as(self) -> str | None:
        """The e-mail address of the account it thinks is signed in."""
        account = (await self.call("account/read", refreshToken=False))["account"]
        return None if account is None else str(account["email"])

    async def stop(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            async with asyncio.timeout(10):
                await self._process.wait()
        except TimeoutError:
            self._process.kill()
            await self._process.wait()
        self._reading.cancel()
        await asyncio.gather(self._reading, return_exceptions=True)

    def _send(self, message: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(message).encode() + b"\n")

    async def _read(self) -> None:
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            message = json.loads(line)
            if "id" in message and "method" not in message:
                waiting = self._waiting.pop(message["id"])
                waiting.set_result(message.get("result", {"error": message.get("error")}))
            elif message.get("method") == "turn/completed" and self._turn is not None:
                turn = message["params"]["turn"]
                error = turn.get("error") or {}
                self._turn.set_result(error.get("message") or turn["status"])


@asynccontextmanager
async def app_servers(codex: Path, where: Place, count: int) -> AsyncIterator[list[AppServer]]:
    """`count` app-servers, one after the other: each first start makes databases in the home."""
    servers: list[AppServer] = []
    try:
        while len(servers) < count:
            server = await AppServer.start(codex, where)
            servers.append(server)
        yield servers
    finally:
        with suppress(ConnectionError):
            await asyncio.gather(*(server.stop() for server in servers))


async def run_codex(codex: Path, where: Place, *words: str, stdin: str = "") -> tuple[int, str]:
    """One command of the CLI: its exit code and all that it printed."""
    process = await asyncio.create_subprocess_exec(
        codex,
        *words,
        env=where.environ,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    out, _ = await process.communicate(stdin.encode())
    assert process.returncode is not None
    return process.returncode, out.decode()
