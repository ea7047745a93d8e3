"""A window's folder for what commands write. What a server leaves that is killed is cleared by the
next one, of the same person, that runs a command: unsaved texts are in it.
"""

from __future__ import annotations

import contextlib
import os
import stat
import sys
import tempfile
from pathlib import Path

from codex_lsp.sandbox import overlay

PREFIX = "codex-lsp-run-"


def make() -> Path:
    """A new folder, with `tmp` in it. Raises OSError."""
    made = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-")).resolve()
    (made / "tmp").mkdir()
    return made


def sweep(folder: Path | None = None) -> None:
    """Remove what servers left, below `folder` or where folders are made, that live no more."""
    if sys.platform == "win32":
        return
    for left in (folder or Path(tempfile.gettempdir())).glob(f"{PREFIX}*"):
        pid = left.name.removeprefix(PREFIX).partition("-")[0]
        if not pid.isdigit() or _lives(int(pid)):
            continue
        with contextlib.suppress(FileNotFoundError):  # another window sweeps, too
            if stat.S_ISDIR(left.lstat().st_mode) and left.lstat().st_uid == os.getuid():
                overlay.clear(left)


def stamp(folder: Path) -> int:
    """Make `folder`, for one command; the time by the clock of the file system, in nanoseconds:
    what is changed later has a later one.
    """
    folder.mkdir()
    place = folder / "started"
    place.touch()
    return place.stat().st_ctime_ns


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
