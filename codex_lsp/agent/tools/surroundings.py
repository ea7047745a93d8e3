"""The lines of a file around the places where edits did not fit what was typed meanwhile, for a
model whose picture of the file is out of date.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from codex_lsp.agent.context.lines import split_lines
from codex_lsp.edits.diff import diff
from codex_lsp.edits.rebase import Conflict, rebase
from codex_lsp.edits.text import TextEdit

_AROUND = 6  # lines on each side
_MOST_LINES = 60
_MOST_CHARACTERS = 6_000


def around(edits: Sequence[TextEdit], base: str, live: str) -> str:
    """The numbered lines of `live` around what keeps `edits` of `base` from being made there; with
    no edits, around all that is not as in `base`. Empty if nothing is in the way.
    """
    outcome = rebase(edits, base, live)
    theirs = [clash.theirs for clash in outcome.clashes] if isinstance(outcome, Conflict) else []
    rows = split_lines(live)
    shown: dict[int, str] = {}
    for start, end in _places(theirs if edits else None, base, live):
        first, last = live.count("\n", 0, start), live.count("\n", 0, end)
        wanted = range(max(first - _AROUND, 0), min(last + _AROUND + 1, len(rows)))
        shown.update((at, rows[at]) for at in wanted)
    lines = [f"{at + 1:6}| {shown[at].rstrip()}" for at in sorted(shown)][:_MOST_LINES]
    return "It is now:\n" + "\n".join(lines)[:_MOST_CHARACTERS] if lines else ""


def _places(wanted: Sequence[TextEdit] | None, base: str, live: str) -> Iterator[tuple[int, int]]:
    """Where the typing of `wanted` (None: all) is in `live`."""
    shift = 0
    for typed in diff(base, live):
        if wanted is None or typed in wanted:
            yield typed.start + shift, typed.start + shift + len(typed.new)
        shift += len(typed.new) - (typed.end - typed.start)
