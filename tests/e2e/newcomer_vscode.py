"""A newcomer's five minutes in VS Code: `python -m tests.e2e.newcomer_vscode VSIX`.

In a fresh home where no server is installed: the extension (what `make vscode` built) installs the
one in it by uv, from the registry that uv uses here, and then one fault is fixed by the keys of
`docs/five-minutes.md`. The model is the double.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
import tempfile
from pathlib import Path

from tests.doubles.model_rules import mends
from tests.e2e.newcomer import FAULTY, FIXED, RULE
from tests.e2e.scene import Scene, scene
from tests.e2e.vscode import ITEM, vscode


async def newcomer(place: Path, vsix: Path) -> None:
    """From nothing to a fixed bug."""
    async with scene(place, mends([RULE])) as here:
        env = _without_server(place, here)
        async with vscode(here.folder, place / "state", env, vsix) as code:
            await code.reply("Install with uv")
            await code.no_longer_sees(f"{ITEM} .codicon-warning", "")
            await code.ready()
            await code.open(here.file)
            await code.page.press("ArrowDown")
            await code.choose_action("Codex: fix this")
            await code.wait_for(FIXED)
            await code.save()
    print("fixed, by", place / "home/.local/bin/codex-lsp")


def _without_server(place: Path, here: Scene) -> dict[str, str]:
    """The scene's environment where uv is on PATH, and no server."""
    here.file.write_text(FAULTY)
    programs = place / "bin"
    (programs / "codex-lsp").unlink()
    for name, program in (("uv", shutil.which("uv")), ("python3", sys.executable)):
        assert program is not None, f"{name} is not installed"
        (programs / name).symlink_to(Path(program).resolve())
    path = os.pathsep.join([str(programs), "/usr/bin", "/bin"])
    return {key: value for key, value in here.env.items() if key != "PYTHONPATH"} | {"PATH": path}


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(newcomer(Path(folder), Path(sys.argv[1]).resolve()))
