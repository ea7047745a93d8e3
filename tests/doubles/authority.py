"""The token authority: a real HTTP server on loopback, with single-use rotating refresh tokens.

It plays /oauth/token, /oauth/revoke, /oauth/authorize and the device endpoints, counts every use
of every token, and misbehaves on request (`OUTCOMES`). It runs in the test's own loop (`serving`)
or as a process of its own that real processes share (`python -m tests.doubles.authority`, see
`authority_process`). It does not check signatures, and it never leaves 127.0.0.1.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import contextlib
import hashlib
import json
import os
import secrets
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from tests.doubles import small_http
from tests.doubles.minted import ALICE, BOB, CLIENT_ID, PEOPLE, SCOPES, Person
from tests.doubles.minted import access_token as mint_access
from tests.doubles.minted import id_token as mint_id
from tests.doubles.small_http import Answer, Request

ReusePolicy = Literal["refuse", "revoke", "forgive"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one refresh goes. `commits`: the rotation happens, heard of or not.

    `kind` is what the client sees: ok, reset (RST), stall (no answer), truncated, empty, html,
    no_tokens, no_refresh_token, other_account, refuse (`status` and `code`) or redirect.
    `seconds` is waited between the commit and the answer.
    """

    kind: str = "ok"
    commits: bool = True
    status: int = 200
    code: str = ""
    retry_after: str = ""
    seconds: float = 0.0


def _refusal(status: int, code: str = "", retry_after: str = "") -> Outcome:
    return Outcome("refuse", commits=False, status=status, code=code, retry_after=retry_after)


# The outcomes that a server can bring about; those before a connection exists are the client's.
OUTCOMES: dict[str, Outcome] = {
    "ok": Outcome(),
    "reset_before_commit": Outcome("reset", commits=False),
    "reset_after_commit": Outcome("reset"),
    "stall_before_commit": Outcome("stall", commits=False),
    "stall_after_commit": Outcome("stall"),
    "late": Outcome(seconds=1.0),
    "truncated": Outcome("truncated"),
    "empty_200": Outcome("empty"),
    "html_200": Outcome("html"),
    "no_tokens": Outcome("no_tokens"),
    "no_refresh_token": Outcome("no_refresh_token", commits=False),
    "other_account": Outcome("other_account"),
    "invalid_grant_400": _refusal(400, "invalid_grant"),
    "reused_400": _refusal(400, "refresh_token_reused"),
    "expired_401": _refusal(401, "refresh_token_expired"),
    "reused_401": _refusal(401, "refresh_token_reused"),
    "invalidated_401": _refusal(401, "refresh_token_invalidated"),
    "unknown_401": _refusal(401, "something_new"),
    "forbidden_403": _refusal(403),
    "too_many_429": _refusal(429, "rate_limited", retry_after="7"),
    "internal_500": _refusal(500),
    "bad_gateway_502": _refusal(502),
    "unavailable_503": _refusal(503),
    "gateway_timeout_after_commit": Outcome("refuse", status=504),
    "redirect": Outcome("redirect", commits=False),
}


@dataclass(slots=True)
class Family:
    """One sign-in: every refresh token that descends from it. Only the newest one is `live`."""

    person: Person
    number: int  # of the sign-in, from 1
    live: str = ""
    revoked: bool = False


@dataclass(frozen=True, slots=True)
class Issued:
    """What the authority hands out at a sign-in or a refresh."""

    person: Person
    id_token: str
    access_token: str
    refresh_token: str

    def auth_json(self, *, last_refresh: str = "2026-11-22T11:53:51.179982Z") -> dict[str, Any]:
        """The document that the Codex CLI stores for these tokens."""
        return {
            "auth_mode": "chatgpt",
            "OPENAI_API_KEY": None,
            "tokens": {
                "id_token": self.id_token,
                "access_token": self.access_token,
                "refresh_token": self.refresh_token,
                "account_id": self.person.account_id,
            },
            "last_refresh": last_refresh,
        }


@dataclass(frozen=True, slots=True)
class TokenRequest:
    """One refresh as the authority saw it; `origin` is the client's originator or User-Agent."""

    token: str
    origin: str
    verdict: str  # rotated, reused, forgiven, revoked, unknown, or the name of the scripted kind
    reason: str = ""


@dataclass(slots=True)
class Device:
    """One device sign-in; `answers` are given to polls in turn, then the person has approved."""

    user_code: str
    answers: deque[str]
    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(48))


class Authority:
    """The state of the authority, and what it answers. Switches are plain attributes."""

    def __init__(
        self,
        *,
        reuse: ReusePolicy = "refuse",
        delay: float = 0.0,
        lifetime: float = 864_000.0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.reuse: ReusePolicy = reuse
        self.delay = delay  # seconds between a refresh coming in and its commit
        self.lifetime = lifetime  # seconds an access token is good for
        self.clock_offset = 0.0  # seconds added to the clock: how tests make everything expire
        self.person = ALICE  # who signs in at /oauth/authorize and with the device code
        self.denies = ""  # an error code with which /oauth/authorize sends the browser back
        self.revoke_status = 200
        self.sign_ins = 0
        self.requests: list[Request] = []
        self.refreshes: list[TokenRequest] = []
        self.revoked: list[str] = []
        self.scripted: deque[Outcome] = deque()
        self.device_answers: list[str] = []
        self._clock = clock
        self._families: dict[str, Family] = {}  # by refresh token, the spent ones included
        self._successor: dict[str, Issued] = {}
        self._access: dict[str, tuple[Family, float]] = {}
        self._codes: dict[str, dict[str, str]] = {}
        self._devices: dict[str, Device] = {}
        self._pages: dict[tuple[str, str], Callable[[Request], Answer]] = {
            ("POST", "/oauth/revoke"): self._revoke,
            ("GET", "/oauth/authorize"): self._authorize,
            ("POST", "/api/accounts/deviceauth/usercode"): self._usercode,
            ("POST", "/api/accounts/deviceauth/token"): self._device_token,
            ("GET", "/service"): self._service,
            ("POST", "/control"): self._control,
        }

    def now(self) -> float:
        """Seconds since the epoch, by this authority's clock."""
        return self._clock() + self.clock_offset

    def sign_in(self, person: Person = ALICE) -> Issued:
        """A new family of tokens for `person`, as a finished login hands them out."""
        self.sign_ins += 1
        return self._issue(Family(person, self.sign_ins))

    def script(self, *outcomes: str | Outcome) -> None:
        """The next refreshes go like this, in turn; afterwards all is well again."""
        self.scripted.extend(OUTCOMES[o] if isinstance(o, str) else o for o in outcomes)

    def expire_access(self) -> None:
        """From now on the service answers 401 to every access token handed out so far."""
        self._access.clear()

    def accepts(self, access: str) -> bool:
        """Whether the service would serve a request with this access token."""
        family, expires = self._access.get(access, (None, 0.0))
        return family is not None and not family.revoked and self.now() < expires

    def accepted(self) -> frozenset[str]:
        """The access tokens that the service takes now, by the start of their SHA-256."""
        return frozenset(_name(access) for access in self._access if self.accepts(access))

    def is_live(self, refresh_token: str) -> bool:
        """Whether a refresh with this token would succeed."""
        family = self._families.get(refresh_token)
        return family is not None and not family.revoked and family.live == refresh_token

    def stats(self) -> dict[str, Any]:
        """Figures over all refreshes so far; tokens are named by the start of their hash."""
        verdicts = Counter(request.verdict for request in self.refreshes)
        return {
            "refreshes": len(self.refreshes),
            "rotations": verdicts["rotated"],
            "reuses": verdicts["reused"] + verdicts["forgiven"],
            "verdicts": dict(verdicts),
            "revoked": len(self.revoked),
            "log": [[_name(r.token), r.origin, r.verdict] for r in self.refreshes],
        }

    async def answer(self, request: Request) -> Answer:
        """What this request gets; a refresh takes `delay` first, as the real one takes time."""
        self.requests.append(request)
        if (request.method, request.path) == ("POST", "/oauth/token"):
            return await self._token(request)
        page = self._pages.get((request.method, request.path))
        return page(request) if page else _json({"error": "not found"}, 404)

    async def _token(self, request: Request) -> Answer:
        match request.body.get("grant_type"):
            case "refresh_token":
                return await self._refresh(request)
            case "authorization_code":
                return self._exchange_code(request)
            case "urn:ietf:params:oauth:grant-type:token-exchange":
                return _json({"access_token": f"sk-proj-{secrets.token_hex(24)}"})
            case _:
                return _json({"error": "unsupported_grant_type"}, 400)

    async def _refresh(self, request: Request) -> Answer:
        outcome = self.scripted.popleft() if self.scripted else Outcome()
        await asyncio.sleep(self.delay)
        token = str(request.body.get("refresh_token", ""))
        verdict, issued = self._rotate(token) if outcome.commits else (outcome.kind, None)
        self.refreshes.append(
            TokenRequest(
                token, request.origin, verdict, str(request.body.get("refresh_reason", ""))
            )
        )
        await asyncio.sleep(outcome.seconds)
        if outcome.commits and issued is None:
            return _json(_error(verdict), 401)
        return self._refresh_answer(outcome, token, issued)

    def _rotate(self, token: str) -> tuple[str, Issued | None]:
        family = self._families.get(token)
        if family is None:
            return "unknown", None
        if family.revoked:
            return "revoked", None
        if family.live == token:
            issued = self._issue(family)
            self._successor[token] = issued
            return "rotated", issued
        if self.reuse == "forgive":
            return "forgiven", self._successor[token]
        if self.reuse == "revoke":
            family.revoked = True
        return "reused", None

    def _refresh_answer(self, outcome: Outcome, token: str, issued: Issued | None) -> Answer:
        match outcome.kind:
            case "ok" | "truncated":
                assert issued is not None
                return Answer(body=json.dumps(_tokens(issued)).encode(), kind=outcome.kind)
            case "no_refresh_token":
                family = self._families.get(token)
                fresh = self._access_for(family or Family(ALICE, 0))
                return _json({"access_token": fresh, "token_type": "Bearer"})
            case "other_account":
                assert issued is not None
                return _json(_tokens(self.sign_in(BOB if issued.person == ALICE else ALICE)))
            case "empty":
                return Answer()
            case "html":
                return Answer(body=b"<html>Sign in to the network</html>", kind="html")
            case "no_tokens":
                return _json({"status": "ok"})
            case "redirect":
                return Answer(307, headers={"Location": "/elsewhere"})
            case "refuse":
                headers = {"Retry-After": outcome.retry_after} if outcome.retry_after else {}
                body = json.dumps({"error": {"code": outcome.code}} if outcome.code else {})
                return Answer(outcome.status, body.encode(), headers)
            case kind:
                return Answer(kind=kind)

    def _issue(self, family: Family) -> Issued:
        access = self._access_for(family)
        issued = Issued(
            family.person,
            mint_id(family.person, issued=self.now()),
            access,
            f"rt_{secrets.token_urlsafe(32)}",
        )
        family.live = issued.refresh_token
        self._families[issued.refresh_token] = family
        return issued

    def _access_for(self, family: Family) -> str:
        now = self.now()
        access = mint_access(family.person, issued=now, expires=now + self.lifetime)
        self._access[access] = (family, now + self.lifetime)
        return access

    def _authorize(self, request: Request) -> Answer:
        query = request.query
        if query.get("client_id") != CLIENT_ID or query.get("code_challenge_method") != "S256":
            return _json({"error": "invalid_request"}, 400)
        back = {"state": query["state"]}
        if self.denies:
            back |= {"error": self.denies, "error_description": "The person said no."}
        else:
            code = f"ac_{secrets.token_urlsafe(24)}"
            self._codes[code] = {
                "challenge": query["code_challenge"],
                "redirect_uri": query["redirect_uri"],
            }
            back |= {"code": code, "scope": " ".join(SCOPES)}
        return Answer(302, headers={"Location": f"{query['redirect_uri']}?{_encode(back)}"})

    def _exchange_code(self, request: Request) -> Answer:
        body = request.body
        grant = self._codes.pop(str(body.get("code")), None)
        if (
            grant is None
            or body.get("client_id") != CLIENT_ID
            or body.get("redirect_uri") != grant["redirect_uri"]
            or _challenge(str(body.get("code_verifier"))) != grant["challenge"]
        ):
            return _json({"error": "invalid_grant", "error_description": "Bad code."}, 400)
        return _json(_tokens(self.sign_in(self.person)))

    def _usercode(self, request: Request) -> Answer:
        device_id = f"deviceauth_{secrets.token_hex(12)}"
        code = f"{secrets.randbelow(10**4):04}-{secrets.token_hex(3)[:5].upper()}"
        self._devices[device_id] = Device(code, deque(self.device_answers))
        return _json({"device_auth_id": device_id, "user_code": code, "interval": "1"})

    def _device_token(self, request: Request) -> Answer:
        device = self._devices.get(str(request.body.get("device_auth_id")))
        if device is None or device.user_code != request.body.get("user_code"):
            return _json({"error": "invalid_request"}, 400)
        match device.answers.popleft() if device.answers else "approved":
            case "approved":
                return self._device_approved(request, device)
            case "pending":
                return _json({"error": "authorization_pending"}, 403)
            case "pending_404":
                return _json({"error": "not_found"}, 404)
            case error:  # slow_down, expired_token, access_denied, ...
                return _json({"error": error}, 400)

    def _device_approved(self, request: Request, device: Device) -> Answer:
        code = f"ac_{secrets.token_urlsafe(24)}"
        issuer = f"http://{request.headers['host']}"
        challenge = _challenge(device.verifier)
        self._codes[code] = {
            "challenge": challenge,
            "redirect_uri": f"{issuer}/deviceauth/callback",
        }
        return _json(
            {
                "authorization_code": code,
                "code_challenge": challenge,
                "code_verifier": device.verifier,
            }
        )

    def _revoke(self, request: Request) -> Answer:
        token = str(request.body.get("token"))
        self.revoked.append(token)
        family = self._families.get(token)
        if self.revoke_status == 200 and family is not None:
            family.revoked = True
        return _json({}, self.revoke_status)

    def _service(self, request: Request) -> Answer:
        """A page that wants a good bearer, so that a window can have its token judged."""
        bearer = request.headers.get("authorization", "").removeprefix("Bearer ")
        return _json({}) if self.accepts(bearer) else _json(_error("token_expired"), 401)

    def _control(self, request: Request) -> Answer:
        """What `RemoteAuthority` sends: one operation on this object."""
        arguments = {k: v for k, v in request.body.items() if k != "do"}
        match request.body["do"]:
            case "set":
                for name, value in arguments.items():
                    assert hasattr(self, name), name
                    setattr(self, name, PEOPLE[value] if name == "person" else value)
                return _json({})
            case "sign_in":
                issued = self.sign_in(PEOPLE[arguments["person"]])
                return _json(asdict(issued) | {"person": issued.person.name})
            case "script":
                self.script(*arguments["outcomes"])
                return _json({})
            case "expire_access":
                self.expire_access()
                return _json({})
            case "judge":
                family = self._families.get(arguments["token"])
                return _json(
                    {
                        "live": self.is_live(arguments["token"]),
                        "sign_in": family.number if family else 0,
                        "latest": self.sign_ins,
                    }
                )
            case "accepted":
                return _json({"names": list(self.accepted())})
            case _:
                return _json(self.stats())


@contextlib.asynccontextmanager
async def serving(authority: Authority) -> AsyncIterator[str]:
    """Serves `authority` on a free port of 127.0.0.1 in this loop; gives its URL."""
    async with small_http.serving(authority.answer) as url:
        yield url


def _tokens(issued: Issued) -> dict[str, Any]:
    return {
        "access_token": issued.access_token,
        "expires_in": 864_000,
        "id_token": issued.id_token,
        "refresh_token": issued.refresh_token,
        "scope": " ".join(SCOPES),
        "token_type": "Bearer",
    }


def _error(verdict: str) -> dict[str, Any]:
    code = {
        "reused": "refresh_token_reused",
        "revoked": "refresh_token_invalidated",
        "unknown": "refresh_token_expired",
    }.get(verdict, verdict)
    return {"error": {"message": f"Refused: {code}.", "type": "invalid_request", "code": code}}


def _json(body: dict[str, Any], status: int = 200) -> Answer:
    return Answer(status, json.dumps(body).encode())


def _challenge(verifier: str) -> str:
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _encode(query: dict[str, str]) -> str:
    return urllib.parse.urlencode(query)


def _name(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()[:12]


class RemoteAuthority:
    """The handle of an authority that runs in its own process. Its calls block, briefly."""

    def __init__(self, url: str) -> None:
        self.url = url

    def set(self, **switches: Any) -> None:
        """Set attributes of the `Authority`; `person` by name."""
        self._do("set", **switches)

    def sign_in(self, person: str = "alice") -> Issued:
        """As `Authority.sign_in`."""
        reply = self._do("sign_in", person=person)
        return Issued(**(reply | {"person": PEOPLE[reply["person"]]}))

    def script(self, *outcomes: str) -> None:
        """As `Authority.script`."""
        self._do("script", outcomes=list(outcomes))

    def expire_access(self) -> None:
        """As `Authority.expire_access`."""
        self._do("expire_access")

    def is_live(self, refresh_token: str) -> bool:
        """As `Authority.is_live`."""
        return bool(self._do("judge", token=refresh_token)["live"])

    def is_of_latest_sign_in(self, refresh_token: str) -> bool:
        """Whether the token is live, and descends from the newest of all sign-ins."""
        found = self._do("judge", token=refresh_token)
        return bool(found["live"] and found["sign_in"] == found["latest"])

    def accepted(self) -> frozenset[str]:
        """As `Authority.accepted`."""
        return frozenset(self._do("accepted")["names"])

    def stats(self) -> dict[str, Any]:
        """As `Authority.stats`."""
        return self._do("stats")

    def _do(self, what: str, **arguments: Any) -> dict[str, Any]:
        request = urllib.request.Request(
            f"{self.url}/control",
            json.dumps({"do": what} | arguments).encode(),
            {"Content-Type": "application/json"},
        )
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request) as reply:
            result: dict[str, Any] = json.load(reply)
            return result


@contextlib.contextmanager
def authority_process(**switches: Any) -> Iterator[RemoteAuthority]:
    """An authority in a child process; it ends with this block, or with a test that dies."""
    root = Path(__file__).resolve().parents[2]
    with subprocess.Popen(
        [sys.executable, "-m", "tests.doubles.authority"],
        cwd=root,
        env=os.environ | {"PYTHONPATH": str(root)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as child:
        assert child.stdout is not None
        remote = RemoteAuthority(f"http://127.0.0.1:{int(child.stdout.readline())}")
        if switches:
            remote.set(**switches)
        try:
            yield remote
        finally:
            child.terminate()


async def _serve_until_orphaned() -> None:
    async with serving(Authority()) as url:
        print(url.rpartition(":")[2], flush=True)
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__).parse_args()
    asyncio.run(_serve_until_orphaned())
