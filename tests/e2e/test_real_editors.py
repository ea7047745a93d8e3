"""The same fix in every real editor, by that editor's own keys and a person's own config."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.editors import NAMES, person_at
from tests.e2e.scene import BROKEN, FIXED, LINE, scene, waits_at


@pytest.mark.parametrize("name", NAMES)
async def test_fix_lands_in_the_unsaved_buffer_as_one_undo_step(name: str, tmp_path: Path) -> None:
    async with (
        scene(tmp_path, waits_at("gate")) as here,
        person_at(name, here.file, here.env) as person,
    ):
        await person.go_to(1)
        await person.insert()
        await person.type("# mine ")
        await person.leave()
        await person.go_to(LINE)
        await person.choose_action("Codex: fix this")
        await here.model.reached("gate")
        await person.see_progress()
        await here.model.release("gate")
        await person.wait_for("# mine " + FIXED)
        assert here.file.read_text() == BROKEN

        await person.undo()
        await person.wait_for("# mine " + BROKEN)
        await person.save()
        assert here.file.read_text() == "# mine " + BROKEN
