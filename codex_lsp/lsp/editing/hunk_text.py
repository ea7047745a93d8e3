"""Hunks as a person reads them: a few lines for a diagnostic, a unified diff for a page."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import assert_never

from codex_lsp.edits.diff import unified
from codex_lsp.edits.text import TextEdit, apply_edits
from codex_lsp.lsp.editing.places import Places
from codex_lsp.workspace.ledger import Creation, Hunk, Relocation, Removal, Reversal, State, Swap
from codex_lsp.workspace.raw import Bits, Bytes, Directory, Link, Thing

_SHOWN_LINES = 12


def describe(hunk: Hunk) -> str:
    """What goes and what comes, where it waits; where it could not be made, also why.

    It names nobody: some editors show the source of a diagnostic before its message, some do not.
    """
    match hunk.step:
        case Removal(text=text):
            shown = f"this new file:\n{_marked('+', text)}"
        case Creation():
            shown = "to delete this file"
        case Relocation(to=to):
            shown = f"to move this file to {to}"
        case Swap(there=there, to=to):
            shown = f"to put {_named(to)} in place of {_named(there)}"
        case Reversal(base=base, edits=edits):
            old, new = _lines(base, edits)
            shown = f"{_marked('-', old)}\n{_marked('+', new)}"
        case _:
            assert_never(hunk.step)
    gap = "\n" if isinstance(hunk.step, Reversal) else " "
    suggested = f"Suggested:{gap}{shown}"
    if hunk.state is State.REFUSED:
        return f"Not changed: {hunk.reason}\n{suggested}"
    return suggested


@dataclass(frozen=True, slots=True)
class Pair:
    """A file, or a part of its story, without some hunks and with them."""

    path: Path
    old: str
    new: str


def pairs(hunks: Sequence[Hunk], places: Places, live: Mapping[Path, str]) -> Iterator[Pair]:
    """The hunks, file by file: from the text without them to that with them.

    What was typed over has no place in the live text: it is shown on the text it was made for.
    `live` has the text of each file.
    """
    for path in sorted({hunk.path for hunk in hunks}):
        own = [hunk for hunk in hunks if hunk.path == path]
        yield from _of_file(path, own, places, live.get(path, ""))


def _of_file(path: Path, hunks: Sequence[Hunk], places: Places, live: str) -> Iterator[Pair]:
    back: list[TextEdit] = []
    forth: list[TextEdit] = []
    for hunk in hunks:
        made, step = hunk.state is State.LANDED, hunk.step
        if isinstance(step, Relocation):
            continue  # no text of it changes
        if isinstance(step, Swap):
            before, after = f"{_named(step.there)}\n", f"{_named(step.to)}\n"
            yield Pair(path, after, before) if made else Pair(path, before, after)
        elif not isinstance(step, Reversal):
            before, after = ("", step.text) if isinstance(step, Removal) else (step.text, "")
            yield Pair(path, after, before) if made else Pair(path, before, after)
        elif (edits := places.of(hunk, live).edits) is None or _meet(edits, [*back, *forth]):
            before, after = step.base, apply_edits(step.base, step.edits)
            yield Pair(path, after, before) if made else Pair(path, before, after)
        else:
            (back if made else forth).extend(edits)
    if back or forth:
        yield Pair(path, apply_edits(live, sorted(back)), apply_edits(live, sorted(forth)))


def as_diff(found: Iterable[Pair], name: Callable[[Path], str]) -> str:
    """A unified diff. Takes its time with large files."""
    parts = [unified(pair.old, pair.new, name(pair.path)) for pair in found]
    return "".join(part if part.endswith("\n") else f"{part}\n" for part in parts if part)


def _named(thing: Thing | None) -> str:
    match thing:
        case Bytes(size=size):
            return f"a file of {size} bytes that are no text"
        case Link(target):
            return f"a link to {target}"
        case Directory():
            return "a folder"
        case Bits(mode):
            return f"the mode {mode:o}"
        case None:
            return "nothing"
        case _:
            assert_never(thing)


def _meet(edits: Sequence[TextEdit], others: Sequence[TextEdit]) -> bool:
    return any(one.start < two.end and two.start < one.end for one in edits for two in others)


def _lines(text: str, edits: Sequence[TextEdit]) -> tuple[str, str]:
    """The whole lines that `edits` touch, before and after."""
    start = text.rfind("\n", 0, edits[0].start) + 1
    end = text.find("\n", edits[-1].end)
    end = len(text) if end < 0 else end
    moved = [TextEdit(edit.start - start, edit.end - start, edit.new) for edit in edits]
    return text[start:end], apply_edits(text[start:end], moved)


def _marked(mark: str, text: str) -> str:
    lines = text.splitlines()
    shown = [f"{mark} {line}" for line in lines[:_SHOWN_LINES]]
    if len(lines) > _SHOWN_LINES:
        shown.append(f"{mark} … ({len(lines) - _SHOWN_LINES} more lines)")
    return "\n".join(shown)
