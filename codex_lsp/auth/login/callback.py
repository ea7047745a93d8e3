"""The door a browser comes back through: a listener on loopback that answers constant pages.

It takes exactly one answer that carries our `state`; everything else gets 400 or 404 and changes
nothing. It redirects nowhere and writes no value of a request into a page.
"""

from __future__ import annotations

import asyncio
import errno
import hmac
import socket
import urllib.parse
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from codex_lsp.auth.login.failures import Cancelled, Denied, PortsTaken, SignInFailed
from codex_lsp.auth.tokens import Secret

_TRIES, _PAUSE, _PROBE = 10, 0.2, 2.0  # tries a port, seconds between them, seconds for /cancel
_LONGEST_HEAD = 16_384  # bytes
_ENTRY_SUFFIX = ".onboarding_entrypoint=life_sciences"  # the authority may append it to the state

_DONE = ("You are signed in", "You can close this page and go back to your editor.")
_FAILED = ("The sign-in did not go through", "Your editor says why. You can close this page.")
_ENDED = ("This sign-in was ended", "You can close this page.")
_REFUSED = ("This page is not for you", "It belongs to a sign-in that was started elsewhere.")


class Door:
    """A listener's state: waits for the one arrival that carries `state`."""

    def __init__(self, port: int, state: str) -> None:
        self.port = port
        self._state = state
        self._arrival: asyncio.Future[Secret] = asyncio.get_running_loop().create_future()
        self._verdict: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._visits: set[asyncio.Task[None]] = set()

    @property
    def redirect_uri(self) -> str:
        """Where the browser is to come back to."""
        return f"http://127.0.0.1:{self.port}/auth/callback"

    async def arrival(self) -> Secret:
        """The code that the browser came back with; raises `Denied` or `Cancelled`."""
        return await self._arrival

    def conclude(self, *, signed_in: bool) -> None:
        """Say what became of it: until then the browser's page is loading."""
        if not self._verdict.done():
            self._verdict.set_result(signed_in)

    async def visit(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request."""
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - a connection's callback always runs in a task
        self._visits.add(task)
        try:
            async with asyncio.timeout(_PROBE):
                head = await reader.readuntil(b"\r\n\r\n")
            status, page = await self._page(head.decode("latin-1"))
            writer.write(_wire(status, *page))
            await writer.drain()
        except (OSError, EOFError, TimeoutError, asyncio.LimitOverrunError):
            pass  # whoever it was has gone, or speaks no HTTP
        finally:
            self._visits.discard(task)
            writer.close()

    async def close(self) -> None:
        """Let the last page out, then end every visit; whatever was not concluded has failed."""
        self.conclude(signed_in=False)
        if not self._arrival.cancel() and not self._arrival.cancelled():
            self._arrival.exception()  # it may have come after everyone stopped listening
        if self._visits:
            _, late = await asyncio.wait(self._visits, timeout=_PROBE)
            for visit in late:
                visit.cancel()

    async def _page(self, head: str) -> tuple[int, tuple[str, str]]:
        method, _, rest = head.partition("\r\n")[0].partition(" ")
        url = urllib.parse.urlsplit(rest.partition(" ")[0])
        if method != "GET" or not self._is_for_us(head):
            return 400, _REFUSED
        match url.path:
            case "/auth/callback":
                return await self._callback(dict(urllib.parse.parse_qsl(url.query)))
            case "/cancel" if "sec-fetch-" not in head.lower():  # a program's, not a web page's
                self._fail(Cancelled("This sign-in was ended by a newer one. Go on there."))
                return 200, _ENDED
            case _:
                return 404, _REFUSED

    def _is_for_us(self, head: str) -> bool:
        """A page elsewhere that points its name at loopback brings another `Host`."""
        hosts = {f"{name}:{self.port}" for name in ("127.0.0.1", "localhost", "[::1]")}
        lines = (line.partition(":") for line in head.split("\r\n")[1:])
        return any(name.lower() == "host" and value.strip() in hosts for name, _, value in lines)

    async def _callback(self, query: dict[str, str]) -> tuple[int, tuple[str, str]]:
        state = query.get("state", "").removesuffix(_ENTRY_SUFFIX)
        if not hmac.compare_digest(state.encode(), self._state.encode()) or self._arrival.done():
            return 400, _REFUSED
        if "error" in query:
            self._fail(_denial(query["error"], query.get("error_description", "")))
            return 200, _FAILED
        if not query.get("code"):
            self._fail(SignInFailed("The browser came back without a code. Sign in again."))
            return 400, _FAILED
        self._arrival.set_result(Secret(query["code"]))
        return 200, _DONE if await asyncio.shield(self._verdict) else _FAILED

    def _fail(self, failure: SignInFailed) -> None:
        if not self._arrival.done():
            self._arrival.set_exception(failure)


@asynccontextmanager
async def open_door(state: str, ports: tuple[int, ...]) -> AsyncIterator[Door]:
    """Listen on the first of `ports` that can be had, on both families; raises `PortsTaken`."""
    for port in ports:
        sockets = await _bound(port)
        if sockets:
            break
    else:
        named = " and ".join(map(str, ports))
        raise PortsTaken(
            f"Other programs use the ports {named}, and a browser can come back nowhere else. "
            "Sign in with a device code: codex-lsp login --device-auth."
        )
    door = Door(sockets[0].getsockname()[1], state)
    servers = [
        await asyncio.start_server(door.visit, sock=sock, limit=_LONGEST_HEAD) for sock in sockets
    ]
    try:
        yield door
    finally:
        for server in servers:
            server.close()
        await door.close()
        for server in servers:
            await server.wait_closed()


async def ask_to_end(ports: tuple[int, ...]) -> None:
    """Tell a sign-in that listens on one of `ports`, ours or Codex's, that a newer one is here."""
    for port in ports:
        await _send_cancel(port)


async def _bound(port: int) -> list[socket.socket]:
    """Sockets on both loopback families, or none: then somebody else stays where he is."""
    for attempt in range(_TRIES):
        try:
            return _bind(port)
        except OSError as error:
            if error.errno not in (errno.EADDRINUSE, errno.EACCES):
                raise SignInFailed(
                    f"This machine does not let us listen on 127.0.0.1 ({error.strerror}). "
                    "Sign in with a device code: codex-lsp login --device-auth."
                ) from error
        if attempt == 0:
            await _send_cancel(port)
        await asyncio.sleep(_PAUSE)
    return []


def _bind(port: int) -> list[socket.socket]:
    first = socket.create_server(("127.0.0.1", port))
    chosen = first.getsockname()[1]
    try:
        return [first, socket.create_server(("::1", chosen), family=socket.AF_INET6)]
    except OSError as error:
        if error.errno in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT, errno.EINVAL):
            return [first]  # a machine without IPv6
        first.close()
        raise


async def _send_cancel(port: int) -> None:
    with suppress(OSError, TimeoutError):
        async with asyncio.timeout(_PROBE):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            try:
                writer.write(f"GET /cancel HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode())
                await writer.drain()
                await reader.read(1)
            finally:
                writer.close()


def _denial(error: str, description: str) -> Denied:
    if error == "access_denied" and "missing_codex_entitlement" in description:
        return Denied(
            "Codex is not part of this workspace's plan. Ask its administrator, or sign in to "
            "another workspace."
        )
    if error == "access_denied":
        return Denied("The sign-in was declined in the browser. Sign in again to go on.")
    code = "".join(c for c in error if c.isalnum() or c in "_-.")[:60]
    return Denied(f"The authority refused the sign-in ({code}). Try again later.")


def _wire(status: int, title: str, text: str) -> bytes:
    page = (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        f"<title>codex-lsp</title><h1>{title}</h1><p>{text}</p></html>"
    ).encode()
    reason = {200: "OK", 400: "Bad Request", 404: "Not Found"}[status]
    head = (
        f"HTTP/1.1 {status} {reason}\r\n"
        "Content-Type: text/html; charset=utf-8\r\n"
        f"Content-Length: {len(page)}\r\n"
        "Content-Security-Policy: default-src 'none'; frame-ancestors 'none'\r\n"
        "Referrer-Policy: no-referrer\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + page
