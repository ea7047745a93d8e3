"""Sleep, wrong clocks and clocks that jump: at most one refresh, and no crash on waking."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from codex_lsp.auth.errors import AuthError
from codex_lsp.auth.ports import Step
from codex_lsp.auth.source import open_source
from codex_lsp.auth.tokens import Bearer
from tests.auth.cut_off import Nursery, settings_for
from tests.auth.light_http import post
from tests.auth.scene import Scene
from tests.auth.test_cut_off import Scene as Processes
from tests.doubles.authority import Authority, serving

ASLEEP = (Step.LOCK, Step.SEND, Step.RECEIVE, Step.EXCHANGE)
HOUR = 3600.0


@pytest.mark.parametrize("hours", [0.01, 1.0, 8.0])
@pytest.mark.parametrize("step", ASLEEP)
def test_a_window_that_sleeps_through_a_step_wakes_well(step: Step, hours: float) -> None:
    scene = Scene()
    others = [scene.window() for _ in range(3)]

    def sleep() -> None:
        scene.process.frozen_until = scene.loop.now + hours * HOUR

    async def main() -> list[Bearer | BaseException]:
        scene.process.at[step, "before"] = sleep
        first = asyncio.ensure_future(scene.source.current())
        await asyncio.sleep(0.01)
        return await asyncio.gather(
            first, *(other.current() for other in others), return_exceptions=True
        )

    ends = scene.run(main())
    assert all(isinstance(end, Bearer | AuthError) for end in ends)
    assert isinstance(ends[0], Bearer)
    assert scene.refreshes() == 1


@pytest.mark.parametrize("left", [-5.0, 300.0, 7200.0])
@pytest.mark.parametrize("ahead", [-86_400.0, -600.0, 600.0, 86_400.0])
def test_a_clock_that_jumps_costs_at_most_one_refresh(ahead: float, left: float) -> None:
    scene = Scene(left=left)

    async def main() -> None:
        bearer = await scene.source.current()
        await scene.source.drain()
        scene.machine.clock_ahead = ahead
        for _ in range(4):
            bearer = await scene.source.current()
            await scene.source.drain()
        assert bearer.token.reveal() in scene.machine.authority.good_access

    before = 1 if left < 600.0 else 0
    scene.run(main())
    assert scene.refreshes() <= before + 1


@pytest.mark.parametrize("life", [30.0, 120.0, 600.0])
def test_a_token_that_lives_shorter_than_our_margin_is_not_refreshed_all_the_time(
    life: float,
) -> None:
    scene = Scene()
    scene.network.life = life

    async def main() -> None:
        for _ in range(10):
            await scene.source.current()
            await scene.source.drain()

    scene.run(main())
    assert scene.refreshes() == 1


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc to see a process stopped")
@pytest.mark.parametrize("step", ASLEEP)
async def test_a_stopped_process_keeps_its_lock_and_goes_on(step: Step, tmp_path: Path) -> None:
    authority = Authority()
    nursery = await Nursery.open()
    try:
        async with serving(authority) as url:
            home = Processes(url, authority, nursery, tmp_path).home()
            window = await nursery.start(url, home, f"before {step}", "stop")
            await _stopped(window)
            other = asyncio.ensure_future(open_source(settings_for(url, home), post).current())
            done, _ = await asyncio.wait([other], timeout=1.0)
            assert bool(done) == (step is Step.LOCK)  # from then on it has the lock
            os.kill(window, signal.SIGCONT)
            assert authority.accepts((await other).token.reveal())
            assert await nursery.end() == 0
    finally:
        await nursery.close()
    assert len(authority.refreshes) == 1


async def _stopped(pid: int) -> None:
    def state() -> str:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]

    async with asyncio.timeout(30):
        while state() != "T":  # noqa: ASYNC110 - the kernel has no event for it
            await asyncio.sleep(0.01)
