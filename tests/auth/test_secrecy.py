"""A thousand canaries in place of secrets: no eight characters of one come out anywhere."""

from __future__ import annotations

import base64
import json
import logging
import traceback
from collections.abc import Callable
from random import Random

import pytest

from codex_lsp.auth.errors import AuthError
from codex_lsp.auth.tokens import Secret
from tests.auth.authority import Login, jwt
from tests.auth.scene import Scene
from tests.auth.world import AUTH, CANNED, HOME, Reply

pytestmark = pytest.mark.timeout(600)  # busy machines are slow

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
EACH = 84


def _letters(random: Random, count: int, letters: str = LETTERS) -> str:
    return "".join(random.choice(letters) for _ in range(count))


FORMATS: dict[str, Callable[[Random], str]] = {
    "opaque": lambda r: _letters(r, 48),
    "prefixed": lambda r: f"rt_{_letters(r, 40)}",
    "api key": lambda r: f"sk-proj-{_letters(r, 48)}",
    "personal": lambda r: f"at-{_letters(r, 40)}",
    "hex": lambda r: _letters(r, 64, "0123456789abcdef"),
    "uuid": lambda r: "-".join(_letters(r, n, "0123456789abcdef") for n in (8, 4, 4, 4, 12)),
    "digits": lambda r: _letters(r, 30, "0123456789"),
    "base64": lambda r: base64.b64encode(r.randbytes(36)).decode(),
    "base64url": lambda r: base64.urlsafe_b64encode(r.randbytes(36)).decode(),
    "two parts": lambda r: f"{_letters(r, 24)}.{_letters(r, 24)}",
    "percent": lambda r: f"{_letters(r, 20)}%2F{_letters(r, 20)}%3D",
    "jwt": lambda r: jwt(_letters(r, 20), r.randrange(1 << 40), issued=0.0),
}
OUTCOMES = ("ok", "lost", "torn 200", "500", "expired", "revoked", "403", "not sent", "429", "echo")


def _pieces(secret: str) -> set[str]:
    return {secret[at : at + 8] for at in range(len(secret) - 7)}


@pytest.mark.parametrize("shape", FORMATS)
def test_no_piece_of_a_secret_comes_out(
    shape: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.DEBUG)
    random = Random(shape)
    for number in range(EACH):
        outcome = OUTCOMES[number % len(OUTCOMES)]
        said, secrets = _one_life(FORMATS[shape](random), outcome, monkeypatch)
        said += caplog.text
        caplog.clear()
        for secret in secrets:
            leaked = [piece for piece in _pieces(secret) if piece in said]
            assert not leaked, f"{outcome}: pieces of a secret came out"


def _one_life(canary: str, outcome: str, monkeypatch: pytest.MonkeyPatch) -> tuple[str, list[str]]:
    """A refresh with `canary` as the refresh token; all that could be read of it from outside."""
    scene = Scene(outcomes=(outcome,))
    fields = json.loads(scene.machine.disk.get(AUTH) or b"")
    fields["tokens"]["refresh_token"] = canary
    scene.machine.disk.put(AUTH, json.dumps(fields).encode())
    authority = scene.machine.authority
    family = authority.family[scene.alice.refresh]
    authority.family[canary], authority.live[family] = family, canary
    answer = {"error": {"code": "echo", "message": canary}, "error_description": canary}
    monkeypatch.setitem(CANNED, "echo", Reply(400, {}, json.dumps(answer).encode()))
    said: list[str] = []

    async def main() -> None:
        for _ in range(2):
            try:
                said.append(repr(await scene.source.current()))
            except AuthError as error:
                said.extend((str(error), repr(error), error.detail, error.generation))
                said.extend(traceback.format_exception(error))
        said.append(repr(await scene.source.status()))
        said.append(repr(await scene.source._record()))
        said.append(repr(scene.source._refresher))

    scene.run(main())
    journal = scene.machine.disk.get(HOME / "auth.json.codex-lsp.journal") or b""
    said.append(journal.decode())
    signature_free = scene.alice.access.split(".")[1][8:]
    return "\n".join(said), [
        canary.split(".")[-2] if canary.count(".") == 2 else canary,
        signature_free,
    ]


def test_a_secret_shows_itself_only_when_asked() -> None:
    secret = Secret("the-secret-itself")
    assert "secret-i" not in f"{secret!r} {secret} {[secret]} {Login}"
    with pytest.raises(TypeError):
        secret.__reduce__()
