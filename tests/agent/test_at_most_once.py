"""A change is made once, and never after its turn was cancelled."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from codex_lsp.agent import requests
from codex_lsp.agent.events import ItemDone, StreamBroken
from codex_lsp.agent.ports import Applied, Change, NotApplied
from codex_lsp.agent.requests import Fix
from codex_lsp.agent.steps import Landed
from codex_lsp.agent.tools.apply_patch import ApplyPatch
from tests.agent.test_turn import BROKEN, FIXED, PATCH
from tests.agent.test_turn import Turn as Once
from tests.doubles.folder_editor import FolderEditor
from tests.doubles.scripted_model import call, done

TWICE = "*** Begin Patch\n*** Update File: calc.py\n@@\n import math\n+import sys\n*** End Patch"
BOTH = """*** Begin Patch
*** Update File: a.py
@@
-a = 1
+a = 2
*** Update File: b.py
@@
-b = 1
+b = 2
*** End Patch"""


@pytest.mark.parametrize("end", [done(), StreamBroken("cut")])
async def test_a_call_that_a_service_hands_out_twice_is_made_once(
    tmp_path: Path, end: object
) -> None:
    patch = call("apply_patch", TWICE, freeform=True)
    assert isinstance(patch, ItemDone)
    turn = Once(tmp_path, [patch, patch, end])
    await turn.fix()
    assert turn.text == BROKEN.replace("import math\n", "import math\nimport sys\n")
    assert len(turn.told(Landed)) == 1


class Waits(FolderEditor):
    """Makes the first change, then waits before the second."""

    async def apply(self, change: Change, *, label: str) -> Applied | NotApplied:
        if change.path.name == "b.py":
            self.waits.set()
            await asyncio.Event().wait()
        return await super().apply(change, label=label)


async def test_after_a_cancel_nothing_is_made_nor_taken_back_and_what_was_made_is_known(
    tmp_path: Path,
) -> None:
    editor = Waits(tmp_path, a__py="a = 1\n", b__py="b = 1\n")
    landed: list[object] = []

    def tell(step: object) -> None:
        landed.extend([step] if isinstance(step, Landed) else [])

    tool = ApplyPatch(editor, editor.snapshot, tell, label="fix")
    task = asyncio.ensure_future(tool.run(BOTH))
    await editor.waits.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert {path.name: text for path, text in editor.texts.items()} == {
        "a.py": "a = 2\n",
        "b.py": "b = 1\n",
    }
    assert len(landed) == 1


async def test_a_turn_that_is_cancelled_while_the_model_writes_changes_nothing(
    tmp_path: Path,
) -> None:
    turn = Once(tmp_path)
    writing = asyncio.Event()

    class Slow:
        async def stream(self, request):  # type: ignore[no-untyped-def]
            writing.set()
            await asyncio.Event().wait()
            yield call("apply_patch", PATCH, freeform=True)

    turn.model = Slow()  # type: ignore[assignment]
    task = asyncio.ensure_future(
        requests.change(turn.place, Fix(()), turn.at, tell=turn.steps.append, label="fix")
    )
    await writing.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert turn.text == BROKEN != FIXED
