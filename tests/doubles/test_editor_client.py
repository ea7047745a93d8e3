"""The fake editor on a real process: the conversation of a fix, as each editor leads it."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from tests.doubles.editor_client import editing
from tests.doubles.editor_profiles import NAMES

SERVER = [sys.executable, str(Path(__file__).parents[1] / "e2e" / "tiny_server.py")]
BROKEN = "def twice(n):\n    retrun n * 2\n"


@pytest.mark.parametrize("name", NAMES)
async def test_a_fix_reaches_the_buffer_of_every_editor(name: str, tmp_path: Path) -> None:
    file = tmp_path / "twice.py"
    file.write_text(BROKEN)

    async with editing(name, tmp_path, SERVER, os.environ) as client:
        document = client.editor.open(file)
        [action] = await client.code_actions(document, BROKEN.index("retrun"))
        assert await client.run(action) == {"taskId": "1"}
        await client.task_ended()

        assert document.text == BROKEN.replace("retrun", "return")
        assert file.read_text() == BROKEN
        client.editor.undo(document)
        assert document.text == BROKEN
