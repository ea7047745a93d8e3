"""A question of the agent, answered by code action, in real editors."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.doubles.model_script import Patch, Turn
from tests.e2e.editors import person_at
from tests.e2e.helix import Helix
from tests.e2e.neovim import Neovim
from tests.e2e.scene import BROKEN, FIXED, LINE, scene

PATCH = f"""*** Begin Patch
*** Update File: twice.py
@@
-{BROKEN.splitlines()[LINE - 1]}
+{FIXED.splitlines()[LINE - 1]}
*** Add File: .envrc
+export TWICE=1
*** End Patch"""


def exists(path: Path) -> bool:
    return path.exists()


@pytest.mark.parametrize("name", ["helix", "nvim", "nvim-0.12"])
@pytest.mark.parametrize("allowed", [True, False], ids=["allowed", "denied"])
async def test_a_protected_file_is_allowed_or_denied_by_code_action(
    name: str, allowed: bool, tmp_path: Path
) -> None:
    script = [Turn((Patch(PATCH),))]
    if not allowed:
        script.append(Turn((Patch(f"{PATCH.partition('*** Add')[0]}*** End Patch"),)))
    async with scene(tmp_path, script) as here, person_at(name, here.file, here.env) as person:
        await person.go_to(LINE)
        await person.choose_action("Codex: fix this")
        match person:
            case Helix():
                await person.shown.until("waits for you")
            case Neovim():
                await person.until("#vim.diagnostic.get(0) > 0", "the question")
        assert not exists(here.folder / ".envrc")
        await person.choose_action("Codex: allow once" if allowed else "Codex: deny: ")
        await person.wait_for(FIXED)
        async with asyncio.timeout(30):
            while exists(here.folder / ".envrc") != allowed:  # noqa: ASYNC110 - the editor tells nobody
                await asyncio.sleep(0.05)
