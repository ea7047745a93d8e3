"""The real Codex program as the tool that it is when started under the name `apply_patch`."""

from __future__ import annotations

from pathlib import Path


def linked_apply_patch(codex: Path, folder: Path) -> Path:
    """A link to `codex` in `folder`, to be run with a patch as its argument or its input."""
    link = folder / "apply_patch"
    link.symlink_to(_native(codex.resolve()))
    return link


def _native(codex: Path) -> Path:
    # npm installs a script, which would start the program under another name.
    if codex.suffix != ".js":
        return codex
    modules = codex.parents[3]
    return next(path for path in modules.glob("@openai/*/vendor/*/bin/codex*") if path.is_file())
