"""How a command sees the workspace: layers over it, a copy, or the folders as they are; and what it
changed in them.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import assert_never

from codex_lsp.agent.ports import FileChange
from codex_lsp.sandbox import mirror, overlay
from codex_lsp.sandbox.backends import Backend, Bubblewrap, Landlock
from codex_lsp.sandbox.bubblewrap import Layers, View
from codex_lsp.sandbox.mirror import Mirror, Place
from codex_lsp.sandbox.overlay import Unsaved
from codex_lsp.sandbox.policy import Policy, outermost
from codex_lsp.workspace.snapshot import Snapshot


def in_place(snapshot: Snapshot, policy: Policy) -> list[View]:
    """The folders as they are, on the disk."""
    return [Place(root) for root in outermost([*snapshot.roots, *policy.writable_roots])]


def apart(
    backend: Backend,
    snapshot: Snapshot,
    policy: Policy,
    folder: Path,
    unseen: Sequence[Path],
    unsaved: Unsaved,
) -> list[View]:
    """The folders with the `unsaved` texts over them; what is written goes into `folder`. Nothing
    of `unseen` is shown. Raises `mirror.TooLarge` and OSError.
    """
    roots = outermost([*snapshot.roots, *policy.writable_roots])
    layered = isinstance(backend, Bubblewrap) and backend.layered
    writable = policy.mode == "workspace-write"
    layers = overlay.prepare(roots, folder, writable=writable and layered)
    shown = {
        path: buffer
        for path, buffer in snapshot.buffers.items()
        if not any(path.is_relative_to(place) for place in unseen)
    }
    for layer in layers:
        unsaved.write(layer.root, shown, layer.unsaved)
    if layered:
        return [*layers]
    links = isinstance(backend, Landlock)
    return [
        mirror.make(
            layer.root,
            folder / f"copy{number}",
            layer.unsaved,
            leave_out=frozenset(unseen),
            links=links,
        )
        for number, layer in enumerate(layers)
    ]


def changes(views: Sequence[View]) -> list[FileChange]:
    """What the command changed in `views`, which is still to be done."""
    found: list[FileChange] = []
    for view in views:
        match view:
            case Layers():
                found += overlay.changes(view)
            case Mirror():
                found += mirror.changes(view)
            case Place():
                pass  # it is done
            case _:
                assert_never(view)
    return found
