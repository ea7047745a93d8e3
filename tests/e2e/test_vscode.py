"""VS Code as a person uses it, with our extension as people get it: one window for all tests here.

They run on one worker, one after the other; each has files of its own.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.doubles.model_script import Refusal, Step
from tests.e2e.scene import BROKEN, FIXED, NAME, PROBLEM, Scene, scene, waits_at
from tests.e2e.vscode import VSCode, vscode

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.xdist_group("vscode"),
    pytest.mark.timeout(300),
]


class Window:
    """A window on one workspace, and the model behind it, whose answers each test sets."""

    def __init__(self, code: VSCode, here: Scene, script: Script) -> None:
        self.code = code
        self.here = here
        self.model = here.model
        self._script = script

    async def show(self, text: str, answer: Any, name: str = NAME) -> Path:
        """Show a new file that holds `text`; the model answers by `answer`."""
        self._script.answer = answer
        file = self.here.folder / name
        file.write_bytes(text.encode())
        await self.code.open(file)
        return file


class Script:
    """What the model answers now."""

    def __init__(self) -> None:
        self.answer: Any = None

    def __call__(self, body: dict[str, Any]) -> Step:
        if self.answer is None:
            return Refusal(400, {"error": {"message": "nothing was to be asked here"}})
        step: Step = self.answer(body)
        return step


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def opened(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Window]:
    place, script = tmp_path_factory.mktemp("vscode"), Script()
    async with AsyncExitStack() as stack:
        here = await stack.enter_async_context(scene(place, script))
        code = await stack.enter_async_context(vscode(here.folder, place / "state", here.env))
        await code.ready()
        yield Window(code, here, script)


@pytest_asyncio.fixture(loop_scope="module")
async def window(opened: Window) -> AsyncIterator[Window]:
    """The window with nothing open, and nothing left of the test before."""
    yield opened
    opened._script.answer = None
    await opened.code.tidy()


async def test_a_problem_of_another_server_is_fixed_in_the_unsaved_buffer(window: Window) -> None:
    code = window.code
    file = await window.show(BROKEN, waits_at("fix"))
    await code.go_to(1)
    await code.type("# mine ")
    await code.report("retrun", PROBLEM)
    await code.choose_action(f'Codex: fix "{PROBLEM}"')
    await window.model.reached("fix")
    await code.see_progress()
    await window.model.release("fix")
    await code.wait_for("# mine " + FIXED)
    assert PROBLEM in str(window.model.requests[-1].body["input"])
    assert file.read_text() == BROKEN

    await code.undo()
    await code.wait_for("# mine " + BROKEN)
    await code.save()
    assert file.read_text() == "# mine " + BROKEN
