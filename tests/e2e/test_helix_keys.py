"""The keys for Helix: requests typed into its command line, and commands at the cursor."""

from __future__ import annotations

from pathlib import Path

from tests.e2e.helix import helix
from tests.e2e.scene import BROKEN, FIXED, LINE, scene
from tests.e2e.tools import REPO

CONFIGS = REPO / "editors" / "helix"
KEYS = (CONFIGS / "config.toml").read_text()


async def test_a_key_asks_for_what_the_line_should_become(tmp_path: Path) -> None:
    async with (
        scene(tmp_path) as here,
        helix(CONFIGS / "languages.toml", here.file, here.folder, here.env, KEYS) as editor,
    ):
        await editor.attached()
        await editor.go_to(LINE)
        await editor.shown.press("Space", "x", "k")
        await editor.shown.until("Codex: No change waits here")
        await editor.shown.press("Space", "x", "y")
        await editor.shown.until("Nothing waits for approval")
        await editor.shown.press("Space", "x", "e")
        await editor.shown.until("codex.edit")
        await editor.shown.type("mend it, please")
        await editor.shown.press("Enter")
        await editor.wait_for(FIXED)
        assert "mend it, please" in str(here.model.requests[0].body)

        await editor.shown.until("Changed twice.py")
        await editor.shown.press("Space", "x", "u")
        await editor.wait_for(BROKEN)
        await editor.shown.press("Space", "x", "f")
        await editor.wait_for(FIXED)
