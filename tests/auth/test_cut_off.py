"""A window dies, or is cancelled, or is shut down, before and after each step of the protocol.

Real processes, real files, real sockets; then a new window comes and must find a good token, or
say in one message that the outcome is unknown. The authority must never see a token twice.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from codex_lsp.auth.errors import UnknownOutcome
from codex_lsp.auth.ports import Step
from codex_lsp.auth.source import SystemClock, open_source
from tests.auth.cut_off import How, Nursery, settings_for
from tests.auth.light_http import post
from tests.doubles.authority import Authority, Outcome, serving

pytestmark = pytest.mark.timeout(600)  # busy machines are slow

POINTS = [f"{when} {step}" for step in Step for when in ("before", "after")]
UNCERTAIN = {
    "after P5",
    *(f"{when} {step}" for step in ("P6", "P7", "P8", "P9") for when in ("before", "after")),
    "before P10",
}
"""Between the note and the stage, only the authority knows what became of the token."""


class LaterClock(SystemClock):
    """A window that comes a minute later, when no winner of a race is to be expected."""

    def now(self) -> float:
        return super().now() + 60.0


class Scene:
    def __init__(self, url: str, authority: Authority, nursery: Nursery, folder: Path) -> None:
        self.url = url
        self.authority = authority
        self.nursery = nursery
        self.folder = folder
        self.homes = 0

    def home(self) -> Path:
        """A CODEX_HOME whose access token has expired."""
        self.homes += 1
        home = self.folder / str(self.homes)
        home.mkdir()
        issued = self.authority.sign_in()
        document = issued.auth_json()
        document["tokens"]["access_token"] = _expired(issued.access_token)
        (home / "auth.json").write_text(json.dumps(document))
        return home

    def reuses(self) -> int:
        return int(self.authority.stats()["reuses"])

    async def next_window(self, home: Path, *, may_be_unknown: bool) -> None:
        source = open_source(settings_for(self.url, home), post, clock=LaterClock())
        try:
            bearer = await source.current()
        except UnknownOutcome:
            assert may_be_unknown
        else:
            assert self.authority.accepts(bearer.token.reveal())
            tokens = json.loads((home / "auth.json").read_text())["tokens"]
            assert self.authority.is_live(tokens["refresh_token"])
            await source._tidy()  # as watching does first
            left = {Path(name).suffix for name in os.listdir(home) if "codex-lsp" in name}  # noqa: PTH208
            assert left == {".journal", ".lock"}
        assert self.reuses() == 0


def _expired(token: str) -> str:
    """The same claims, with an end in the past."""
    import base64

    head, body, tail = token.split(".")
    claims = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    claims |= {"exp": claims["iat"] - 10, "iat": claims["iat"] - 864_000}
    changed = base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()
    return f"{head}.{changed}.{tail}"


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    authority = Authority()
    nursery = await Nursery.open()
    try:
        async with serving(authority) as url:
            yield Scene(url, authority, nursery, tmp_path)
    finally:
        await nursery.close()


@pytest.mark.parametrize("turn", range(3))
async def test_killed_at_each_point(scene: Scene, turn: int) -> None:
    for point in POINTS:
        home = scene.home()
        await scene.nursery.start(scene.url, home, point, "kill")
        assert await scene.nursery.end() == -signal.SIGKILL, point
        await scene.next_window(home, may_be_unknown=point in UNCERTAIN)


@pytest.mark.parametrize("how", ["cancel", "shutdown"])
async def test_an_armed_refresh_finishes_whoever_gives_up_on_it(scene: Scene, how: How) -> None:
    for point in POINTS:
        home = scene.home()
        await scene.nursery.start(scene.url, home, point, how)
        assert await scene.nursery.end() == 0, point
        await scene.next_window(home, may_be_unknown=False)
    assert scene.authority.stats()["rotations"] == len(POINTS)


@pytest.mark.parametrize("how", ["loop closed", "exit"])
async def test_a_process_that_just_ends_leaves_what_can_be_repaired(scene: Scene, how: How) -> None:
    for point in POINTS:
        home = scene.home()
        await scene.nursery.start(scene.url, home, point, how)
        await scene.nursery.end()
        await scene.next_window(home, may_be_unknown=point in UNCERTAIN)


@pytest.mark.parametrize("commits", [False, True])
async def test_killed_while_the_authority_is_at_it(scene: Scene, *, commits: bool) -> None:
    """The request is out, the answer is not: whether it was heard or not, it is not repeated."""
    home = scene.home()
    scene.authority.script(Outcome("stall", commits=commits))
    window = await scene.nursery.start(scene.url, home, "never", "kill")
    async with asyncio.timeout(30):
        while not scene.authority.refreshes:  # noqa: ASYNC110 - the authority has no event for it
            await asyncio.sleep(0.01)
    os.kill(window, signal.SIGKILL)
    assert await scene.nursery.end() == -signal.SIGKILL
    await scene.next_window(home, may_be_unknown=True)
    assert len(scene.authority.refreshes) == 1
