"""A newcomer's five minutes in VS Code: `python -m tests.e2e.newcomer_vscode VSIX [FOLDER]`.

In a fresh home, by the keys of `docs/five-minutes.md`. With the `codex-lsp` that is installed in a
folder, the person signs in with their browser, in a terminal. Without one, the extension (as `make
vscode` built it) installs the one in it by uv, from the registry that uv uses here, and the person
signs in from VS Code with a code. The model is the double.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from tests.doubles.minted import ALICE
from tests.doubles.model_rules import mends
from tests.e2e.newcomer import FAULTY, FIXED, RULE, with_installed
from tests.e2e.scene import Scene, scene
from tests.e2e.signing_in import at_openai, brought, sign_in
from tests.e2e.vscode import ITEM, VSCode, vscode


async def newcomer(place: Path, vsix: Path, installed: str = "") -> None:
    """From nothing to a fixed bug."""
    async with scene(place, mends([RULE])) as plain, at_openai(plain) as (there, authority):
        there.file.write_text(FAULTY)
        here = with_installed(there, installed) if installed else _without_server(place, there)
        if installed:
            await sign_in(here, "browser")
        async with vscode(here.folder, place / "state", here.env, vsix) as code:
            if not installed:
                await _installs_and_signs_in(code)
            await code.ready()
            await code.open(here.file)
            await code.page.press("ArrowDown")
            await code.choose_action("Codex: fix this")
            await code.wait_for(FIXED)
            await code.save()
        brought(here, authority)
    print(f"signed in by {'browser' if installed else 'code'}, fixed")


async def _installs_and_signs_in(code: VSCode) -> None:
    await code.reply("Install with uv")
    await code.no_longer_sees(f"{ITEM} .codicon-warning", "")
    await code.ready()
    await code.run("Codex: Sign In…")
    await code.click(".quick-input-widget .monaco-list-row", "Sign in with a code")
    await code.is_told(f"Signed in as {ALICE.email}")


def _without_server(place: Path, here: Scene) -> Scene:
    """The scene where uv is on PATH, and no server."""
    programs = place / "bin"
    (programs / "codex-lsp").unlink()
    for name, program in (("uv", shutil.which("uv")), ("python3", sys.executable)):
        assert program is not None, f"{name} is not installed"
        (programs / name).symlink_to(Path(program).resolve())
    path = os.pathsep.join([str(programs), "/usr/bin", "/bin"])
    kept = {key: value for key, value in here.env.items() if key != "PYTHONPATH"}
    return replace(here, env=kept | {"PATH": path})


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(newcomer(Path(folder), Path(sys.argv[1]).resolve(), *sys.argv[2:]))
