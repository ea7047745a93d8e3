"""Takes a picture of a fix in a real VS Code: `python -m tests.e2e.record_vscode`.

Writes `docs/vscode-fix.png`. The model is the double, and the problem is reported by the tests'
own extension; all else is real.
"""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

from tests.e2e.record import FAULTY, OLD, answer
from tests.e2e.scene import scene
from tests.e2e.tools import REPO
from tests.e2e.vscode import vscode

OUT = REPO / "docs" / "vscode-fix.png"


async def record(place: Path) -> bytes:
    """The window while the fix is worked on, as PNG."""
    async with scene(place, answer) as here:
        here.file.unlink()
        file = here.folder / "median.py"
        file.write_text(FAULTY)
        async with vscode(here.folder, place / "state", here.env) as code:
            await code.ready()
            await code.open(file)
            await code.report(OLD.strip(), "doctest: expected 2.0, got 2.5")
            await code.choose_action('Codex: fix "')
            await here.model.reached("shown")
            await code.sees(".notification-toast", "thinking")
            await code.page.until(
                "const shown = getComputedStyle(document.querySelector('.notification-toast'));"
                "return shown.opacity === '1' && document.fonts.status === 'loaded'",
                what="the whole notification",
            )
            picture = await code.page.screenshot()
            await here.model.release("shown")
            await code.no_longer_sees(".statusbar-item", "Codex:")
            return picture


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        OUT.write_bytes(asyncio.run(record(Path(folder))))
