"""Where Codex keeps its files: CODEX_HOME, by the same rules as the Codex CLI."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path


class BadHome(Exception):
    """CODEX_HOME names something that is no folder. `str()` is for the person."""


def codex_home(environ: Mapping[str, str] = os.environ) -> Path:
    """The folder of `auth.json` and `config.toml`.

    A CODEX_HOME that is set must exist and is made canonical; else it is `~/.codex`, as it is
    written and whether or not it exists. Raises `BadHome`.
    """
    named = environ.get("CODEX_HOME")
    if not named:
        return Path.home() / ".codex"
    try:
        home = Path(named).resolve(strict=True)
    except OSError as error:
        raise BadHome(
            f"CODEX_HOME names {named}, which cannot be used ({error.strerror}). "
            "Create that folder, or unset the variable."
        ) from error
    if not home.is_dir():
        raise BadHome(
            f"CODEX_HOME names {named}, which is no folder. Name a folder, or unset the variable."
        )
    return home
