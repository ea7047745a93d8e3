"""The models that the Codex CLI noted when it last asked: its cache is read, and never written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

_FILE = "models_cache.json"
_TIERS = {"fast": "priority", "flex": "flex"}
_LARGEST = 4 * 2**20


def noted_models(home: Path) -> list[str]:
    """The names that a person may choose, the CLI's order kept; none if there is no cache."""
    return [
        entry["slug"]
        for entry in _entries(home)
        if isinstance(entry.get("slug"), str) and entry.get("visibility") == "list"
    ]


def service_tier(home: Path, model: str, wanted: str | None) -> str | None:
    """The service's name for the tier that is wanted, if it is noted that `model` has it."""
    tier = _TIERS.get(wanted or "")
    if tier is None:
        return None
    for entry in _entries(home):
        listed = entry.get("service_tiers")
        if entry.get("slug") == model and isinstance(listed, list):
            offered = [one.get("id") if isinstance(one, dict) else one for one in listed]
            return tier if tier in offered else None
    return None


def _entries(home: Path) -> list[dict[str, Any]]:
    try:
        with (home / _FILE).open("rb") as file:
            document = json.loads(file.read(_LARGEST))
    except (OSError, ValueError, RecursionError):
        return []
    listed = document.get("models") if isinstance(document, dict) else None
    return (
        [entry for entry in listed if isinstance(entry, dict)] if isinstance(listed, list) else []
    )
