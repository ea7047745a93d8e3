"""Takes pictures of a real VS Code: `python -m tests.e2e.record_vscode`.

Writes `docs/vscode-fix.png`, a fix while it is worked on, and `docs/vscode-review.png`, where its
change waits for a word. The model is the double, and the problem is reported by the tests' own
extension; all else is real.
"""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

from tests.e2e.record import FAULTY, OLD, answer
from tests.e2e.scene import Scene, scene
from tests.e2e.tools import REPO
from tests.e2e.vscode import VSCode, vscode

DOCS = REPO / "docs"
PROPOSE = "await vscode.workspace.getConfiguration('codex').update('edits.apply', 'propose', true)"


async def record(place: Path) -> dict[str, bytes]:
    """The pictures, as PNG by the names of their files."""
    async with scene(place, answer) as here:
        here.file.unlink()
        file = here.folder / "median.py"
        file.write_text(FAULTY)
        async with vscode(here.folder, place / "state", here.env) as code:
            await code.ready()
            await code.js(PROPOSE)
            await code.open(file)
            await code.report(OLD.strip(), "doctest: expected 2.0, got 2.5")
            await code.choose_action('Codex: fix "')
            working = await _working(code, here)
            await code.no_longer_sees(".statusbar-item", "Codex: fix")
            return {"vscode-fix.png": working, "vscode-review.png": await _waiting(code)}


async def _working(code: VSCode, here: Scene) -> bytes:
    """While the model thinks."""
    await here.model.reached("shown")
    await code.sees(".notification-toast", "thinking")
    await code.page.until(
        "const shown = getComputedStyle(document.querySelector('.notification-toast'));"
        "return shown.opacity === '1' && document.fonts.status === 'loaded'",
        what="the whole notification",
    )
    picture = await code.page.screenshot()
    await here.model.release("shown")
    return picture


async def _waiting(code: VSCode) -> bytes:
    """Once the change waits, with what the editor offers above it and in its menu."""
    await code.waiting(1)
    await code.sees(".codelens-decoration a", "Keep")
    await code.page.press("Control+.")
    await code.sees(".action-widget .monaco-list-row", "Codex: keep this change")
    return await code.page.screenshot()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        for name, picture in asyncio.run(record(Path(folder))).items():
            (DOCS / name).write_bytes(picture)
