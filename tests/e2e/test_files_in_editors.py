"""A patch that deletes a file, moves another and edits a third, in real editors, and its undo."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.doubles.model_script import Patch, Step, Turn
from tests.e2e.editors import person_at
from tests.e2e.helix import Helix
from tests.e2e.person import Person
from tests.e2e.scene import BROKEN, FIXED, LINE, NAME, RULE, scene
from tests.edits.scenarios import tree

DEADLINE = 60.0  # seconds
OTHERS = {"gone.py": "\ufeffgone = 1\r\n", "old.py": "old = 1\nkept = 1"}
UPDATE = RULE.patch().removesuffix("\n*** End Patch")
THREE = f"""{UPDATE}
*** Delete File: gone.py
*** Update File: old.py
*** Move to: sub/new.py
@@
-old = 1
+new = 1
 kept = 1
*** End Patch"""
MOVED = THREE.replace(
    f"*** Update File: {NAME}", f"*** Update File: {NAME}\n*** Move to: sub/{NAME}"
)


def answers(patch: str) -> Callable[[dict[str, Any]], Step]:
    return lambda _body: Turn((Patch(patch),))


async def until(folder: Path, expected: dict[str, str]) -> None:
    """Wait until these are the files of the workspace, byte for byte."""
    found: dict[str, str] = {}
    try:
        async with asyncio.timeout(DEADLINE):
            while (found := files(folder)) != expected:  # noqa: ASYNC110 - a disk has no events
                await asyncio.sleep(0.05)
    except TimeoutError:
        raise AssertionError(f"never came: {expected!r}; there is {found!r}") from None


def files(folder: Path) -> dict[str, str]:
    return {name: text for name, text in tree(folder).items() if not name.startswith(".")}


async def undo_turn(person: Person) -> None:
    """By the menu; Helix shows too little of a long one, so there by its command line."""
    if isinstance(person, Helix):
        await person.type(":lsp-workspace-command codex.turn.undo")
        await person.shown.press("Enter")
    else:
        await person.choose_action("Codex: undo the last turn")


def lay_out(folder: Path) -> None:
    for name, text in OTHERS.items():
        (folder / name).write_bytes(text.encode())


@pytest.mark.parametrize("name", ["nvim", "helix", "eglot"])
async def test_three_files_are_changed_at_once_and_come_back(name: str, tmp_path: Path) -> None:
    async with scene(tmp_path, answers(THREE)) as here:
        lay_out(here.folder)
        async with person_at(name, here.file, here.env) as person:
            await person.go_to(LINE)
            await person.choose_action("Codex: fix this")
            await person.wait_for(FIXED)
            await until(here.folder, {NAME: BROKEN, "sub/new.py": "new = 1\nkept = 1"})
            await undo_turn(person)
            await person.wait_for(BROKEN)
            await until(here.folder, {NAME: BROKEN, **OTHERS})


@pytest.mark.parametrize("name", ["nvim", "helix", "lsp-mode"])
async def test_a_file_that_is_shown_is_moved_by_the_editor_and_comes_back(
    name: str, tmp_path: Path
) -> None:
    async with scene(tmp_path, answers(MOVED)) as here:
        lay_out(here.folder)
        async with person_at(name, here.file, here.env) as person:
            await person.go_to(LINE)
            await person.choose_action("Codex: fix this")
            await person.wait_for(FIXED)
            moved = {f"sub/{NAME}": BROKEN, "sub/new.py": "new = 1\nkept = 1"}
            await until(here.folder, moved)
            await undo_turn(person)
            await person.wait_for(BROKEN)
            await until(here.folder, {NAME: BROKEN, **OTHERS})
