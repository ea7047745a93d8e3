"""The models that the Codex CLI noted when it last asked: its cache is read, and never written."""

from __future__ import annotations

import json
from pathlib import Path

_FILE = "models_cache.json"
_LARGEST = 4 * 2**20


def noted_models(home: Path) -> list[str]:
    """The names that a person may choose, the CLI's order kept; none if there is no cache."""
    try:
        with (home / _FILE).open("rb") as file:
            document = json.loads(file.read(_LARGEST))
    except (OSError, ValueError, RecursionError):
        return []
    listed = document.get("models") if isinstance(document, dict) else None
    return [
        entry["slug"]
        for entry in (listed if isinstance(listed, list) else [])
        if isinstance(entry, dict)
        and isinstance(entry.get("slug"), str)
        and entry.get("visibility") == "list"
    ]
