"""A progress bar on stderr: redrawn in a terminal, one line a step elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_WIDTH = 30
_WORDS = {"download": "downloading", "check": "checking"}


@contextmanager
def progress_bar() -> Iterator[Callable[[str, int, int], None]]:
    """Draws `(what, bytes done, bytes in all)` each time that looks different from before."""
    drawn = ""

    def show(what: str, done: int, total: int) -> None:
        nonlocal drawn
        line = _line(_WORDS.get(what, what), done, total)
        if line != drawn:
            sys.stderr.write(line)
            sys.stderr.flush()
            drawn = line

    yield show
    if drawn.startswith("\r"):
        sys.stderr.write("\n")


def _line(word: str, done: int, total: int) -> str:
    if not sys.stderr.isatty():
        return f"{word} {total / 1e6:.0f} MB …\n"
    filled = "█" * (done * _WIDTH // max(total, 1))
    return f"\r{word:12} {filled:░<{_WIDTH}} {done / 1e6:6.1f} of {total / 1e6:.1f} MB"
