"""Where the real programs are that end-to-end tests drive, and what to do without one.

`.ci/install-tools` puts them into `.tools/bin`; a program on PATH serves as well.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import NoReturn

import pytest

REPO = Path(__file__).parents[2]


def tool(name: str) -> Path | None:
    """The program `name`: from `$CODEX_LSP_TOOLS` or `.tools/bin`, this venv, then PATH."""
    ours = os.environ.get("CODEX_LSP_TOOLS") or str(REPO / ".tools" / "bin")
    venv = str(Path(sys.executable).parent)
    found = shutil.which(name, path=os.pathsep.join([ours, venv, os.environ.get("PATH", "")]))
    return Path(found) if found else None


def require(name: str) -> Path:
    """The program `name`; without it the test is skipped, but failed in CI, which installs it."""
    found = tool(name)
    if found is None:
        lacking(f"{name} is not installed: run .ci/install-tools")
    return found


def lacking(reason: str) -> NoReturn:
    """Skip the test for this reason, or fail it in CI."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)
