"""Each backend that this machine has, one at a time, for a `Runner`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from codex_lsp.sandbox import bubblewrap
from codex_lsp.sandbox.backends import Backend, Bubblewrap, Find, Landlock

NAMES = ("overlay", "copy", "landlock")


def only(name: str) -> Find:
    """Finds that backend without trying it; whatever fails then, fails the test."""

    async def find(roots: Sequence[Path], _scratch: Path, env: Mapping[str, str]) -> Backend | None:
        if name == "landlock":
            return Landlock()
        program = bubblewrap.candidates(None, roots)[-1]
        return Bubblewrap(program, layered=name == "overlay")

    return find
