"""What only a request needs is imported after the first menu: it costs memory and time."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

_SCRIPT = """
import asyncio, sys
from pathlib import Path
from codex_lsp.lsp.adapters import Adapters
from tests.doubles.window import no_model, window

LATE = [f"codex_lsp.{name}" for name in sys.argv[2:]]
LATER = ["codex_lsp.auth.source", "codex_lsp.auth.store", "codex_lsp.net", "filelock", "ctypes"]

async def main():
    folder = Path(sys.argv[1])
    async with window(folder, Adapters(no_model, folder)) as client:
        uri = client.open(folder / "a.py")
        assert await client.actions(uri, automatic=True) is not None
        assert [name for name in (*LATE, *LATER) if name in sys.modules] == []
        assert await client.actions(uri)
        await client.until(lambda: all(name in sys.modules for name in LATE))

asyncio.run(main())
"""
_LATE = ("agent.turn", "agent.toolbox", "agent.changes.takeover", "agent.context.briefing",
         "agent.consent.gate", "agent.consent.rules", "workspace.search", "lsp.work",
         "lsp.person.permits")  # fmt: skip


def test_what_jobs_need_is_loaded_once_the_person_opened_a_menu(tmp_path: Path) -> None:
    command = [sys.executable, "-c", _SCRIPT, str(tmp_path.resolve()), *_LATE]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")
