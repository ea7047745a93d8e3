"""`codex-lsp`: picks the verb and runs it. `serve` is the default, as editors call it bare."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from codex_lsp import __version__


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program; returns its exit code."""
    parser = argparse.ArgumentParser(prog="codex-lsp", description=__doc__)
    parser.add_argument("--version", action="version", version=f"codex-lsp {__version__}")
    parser.parse_args(argv)
    return 0
