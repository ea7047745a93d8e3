"""Somebody types 20 keys a second in a real Neovim while a turn streams into the same buffer."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.doubles.model_script import Reasoning, Text
from tests.e2e.neovim import Neovim, neovim
from tests.e2e.scene import BROKEN, FIXED, LINE, scene, waits_at
from tests.e2e.tools import REPO, require

CONFIG = REPO / "editors" / "neovim" / "init.lua"
PER_SECOND = 20
WORDS = "the quick brown fox jumps over the lazy dog 0123456789 "
EMPTY_LINE = 2  # of the file, counted from 1


TALK = Reasoning("I look at the word. " * 8), Text("The word is misspelt. " * 8)


async def type_on(editor: Neovim, keys: Iterator[str]) -> str:
    """Type `keys` one by one at the speed of a good typist; returns them."""
    typed = ""
    for key in keys:
        await editor.keys(key.replace("<", "<lt>"))
        typed += key
        await asyncio.sleep(1 / PER_SECOND)
    return typed


@pytest.mark.parametrize("name", ["nvim", "nvim-0.12"])
async def test_no_keystroke_is_lost_and_code_actions_are_answered_while_a_turn_streams(
    name: str, tmp_path: Path
) -> None:
    program = require(name)
    async with (
        scene(tmp_path, waits_at("typed", *TALK)) as here,
        neovim(program, CONFIG, here.folder, here.env) as editor,
    ):
        await editor.edit(here.file, LINE)
        await editor.choose_action("Codex: fix this")
        await editor.until("#seen.progress > 1", "the model's first words")
        await editor.go_to(EMPTY_LINE)
        await editor.keys("i")

        typed = ""
        for round_ in range(1, 5):
            typed += await type_on(editor, iter(WORDS[:12]))
            await editor.lua("ask_for_actions()")
            await editor.until(f"#seen.answers == {round_}", "an answer while the turn streams")
        await here.model.reached("typed")
        await here.model.release("typed")
        typed += await type_on(editor, iter(WORDS))
        await editor.task_ended()
        await editor.keys("<Esc>")

        before, after = FIXED.split("\n\n", 1)
        await editor.wait_for(f"{before}\n{typed}\n{after}")
        assert await editor.lua("return seen.answers") == [0, 0, 0, 0]
        assert here.file.read_text() == BROKEN
