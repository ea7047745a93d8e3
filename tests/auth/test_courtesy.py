"""After an unexpected 401 a window lets a program without a lock go first."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from tests.auth.authority import Login
from tests.auth.scene import Scene
from tests.auth.world import AUTH


def polite(scene: Scene) -> None:
    refresher = scene.source._refresher
    refresher.settings = replace(refresher.settings, courtesy=(0.5, 1.5))


@pytest.mark.parametrize("delay", [0.0, 0.1, 0.3])
def test_what_another_program_stores_a_moment_later_is_adopted(delay: float) -> None:
    scene = Scene(left=3600.0)
    polite(scene)

    async def codex() -> Login:
        await asyncio.sleep(delay)
        newer = scene.machine.authority.refresh(
            scene.alice.refresh, "codex", now=scene.machine.now()
        )
        assert isinstance(newer, Login)
        scene.machine.disk.put(AUTH, newer.record(at=scene.machine.now()))
        return newer

    async def main() -> None:
        old = await scene.source.current()
        newer, bearer = await asyncio.gather(codex(), scene.source.replace(old))
        assert bearer.token.reveal() == newer.access

    scene.run(main())
    assert scene.refreshes() == 1


def test_a_window_alone_refreshes_after_that_moment() -> None:
    scene = Scene(left=3600.0)
    polite(scene)

    async def main() -> None:
        old = await scene.source.current()
        assert await scene.source.replace(old) != old
        assert 0.5 <= scene.machine.loop.now <= 3.0

    scene.run(main())
    assert scene.refreshes() == 1


def test_an_expiry_is_not_waited_for() -> None:
    scene = Scene()
    polite(scene)
    scene.run(scene.source.current())
    assert scene.machine.loop.now < 0.5
