"""The files that the agent may see, without reading any: what is ignored, protected, secret or
reached through a link is passed over, and open documents that are not on disk yet are there.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from codex_lsp.workspace import containment
from codex_lsp.workspace.ignore import Rules, ignored
from codex_lsp.workspace.snapshot import Snapshot


def files(snapshot: Snapshot, below: Path) -> Iterator[Path]:
    """The files below the folder `below` (resolved, in a root), each folder's in order of name.

    Lazy: whoever has enough stops.
    """
    root = next((root for root in snapshot.roots if below.is_relative_to(root)), None)
    if root is None or containment.belongs_to_a_tool(root):
        return
    if containment.is_protected(below.relative_to(root)):
        return
    unsaved = sorted(
        path
        for path in snapshot.buffers
        if path.is_relative_to(below) and not path.exists() and may_be_seen(path, root)
    )
    yield from unsaved
    yield from _walk(below, root, Rules.above(below, root))


def may_be_seen(path: Path, root: Path, *, is_open: bool = True) -> bool:
    """Whether a file of `root` that somebody found may be shown to the model."""
    return not containment.guarded(path, root) and ignored(path, root, is_open=is_open) is None


def _walk(folder: Path, root: Path, rules: Rules) -> Iterator[Path]:
    rules = rules.inside(folder)
    try:
        with os.scandir(folder) as listing:
            entries = sorted(listing, key=lambda entry: entry.name)
    except OSError:
        return
    above = () if folder == root else (folder.name,)  # what is further up was looked at already
    for entry in entries:
        if entry.is_symlink() or containment.is_protected(PurePosixPath(*above, entry.name)):
            continue
        path = folder / entry.name
        if entry.is_dir(follow_symlinks=False):
            if not rules.leave_out(path, is_folder=True):
                yield from _walk(path, root, rules)
        elif (
            entry.is_file(follow_symlinks=False)
            and not containment.may_hold_secrets(path)
            and not rules.leave_out(path, is_folder=False)
        ):
            yield path
