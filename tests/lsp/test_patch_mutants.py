"""Each defence of whole files and of sets, taken away, is noticed: by TE3's cases or its own test.

A mutant is one rule broken in place; the same seeds pass with all rules whole.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from codex_lsp.agent.changes import changeset
from codex_lsp.agent.ports import Applied
from codex_lsp.lsp.editing import files
from codex_lsp.lsp.editing.editor import LspEditor
from codex_lsp.lsp.editing.proof import Proof, undo
from codex_lsp.workspace import places, relocate
from codex_lsp.workspace.ledger import Removal
from tests.lsp import test_patch_files as cases
from tests.lsp.patch_sets import case, explore

MOST = 400  # sets, by the first few of which a mutant is usually noticed

Mutate = Callable[[pytest.MonkeyPatch], None]


async def _nothing(*_: Any, **__: Any) -> None:
    return None


def keeps_what_was_made(patch: pytest.MonkeyPatch) -> None:
    """A set that fails half-way stays half made."""
    patch.setattr(changeset, "_take_back", _nothing)


def forgets_to_note(patch: pytest.MonkeyPatch) -> None:
    """What was made is not in the ledger."""
    patch.setattr("codex_lsp.agent.tools.apply_patch.ApplyPatch._note", lambda *_: None)


def moves_over(patch: pytest.MonkeyPatch) -> None:
    """A file that is in the way is replaced."""

    def linked(one: tuple[places.Folder, str], other: tuple[places.Folder, str]) -> bool:
        (here, name), (there, new) = one, other
        path, to = here.path / name, there.path / new
        to.unlink(missing_ok=True)
        os.link(path, to)
        return True

    patch.setattr(relocate, "_linked", linked)


def does_not_compare(patch: pytest.MonkeyPatch) -> None:
    """A file is deleted or moved whatever it holds by now."""
    patch.setattr(files, "_stale", lambda *_: None)


def believes_the_answer(patch: pytest.MonkeyPatch) -> None:
    """What the editor calls done is done."""

    async def moved(self: Any, path: Path, to: Path, buffer: Any, label: str) -> object:
        operation = {"kind": "rename", "oldUri": buffer.uri, "newUri": to.as_uri()}
        places.make_folders(to.parent)
        return await self._operate(path, operation, label)

    patch.setattr(files.Files, "_moved_there", moved)


def never_asks_the_editor(patch: pytest.MonkeyPatch) -> None:
    """Edits of open files are called applied when they were sent."""

    async def now(_: Any, path: Path, before: Any, edits: Any, *__: Any) -> object:
        return Applied(path, before.text, undo(path, before.text, edits))

    patch.setattr(Proof, "now", now)


def forgets_the_mode(patch: pytest.MonkeyPatch) -> None:
    """A file that comes back has the usual permissions."""
    patch.setattr(relocate, "mode_of", lambda _: None)


def forgets_what_was_saved(patch: pytest.MonkeyPatch) -> None:
    """A file that comes back is saved as the buffer was."""

    def removal(path: Path, text: str, mode: int | None, _: str | None = None) -> Removal:
        return Removal(path, text, mode)

    patch.setattr(files, "Removal", removal)


def sends_two_operations(patch: pytest.MonkeyPatch) -> None:
    """A rename comes with an edit, in one request."""
    operate = files.Files._operate

    async def both(self: Any, path: Path, operation: Any, label: str) -> object:
        ask = self._wire.ask

        async def asking(method: str, params: Any, *, timeout: float) -> object:  # noqa: ASYNC109 - the seam's shape
            name = {"uri": operation.get("uri") or operation["oldUri"], "version": None}
            text = {"textDocument": name, "edits": []}
            params["edit"]["documentChanges"].insert(0, text)
            return await ask(method, params, timeout=timeout)

        patch.setattr(self._wire, "ask", asking)
        try:
            return await operate(self, path, operation, label)
        finally:
            patch.setattr(self._wire, "ask", ask)

    patch.setattr(files.Files, "_operate", both)


def obeys_no_capability(patch: pytest.MonkeyPatch) -> None:
    """Files are moved by editors that do not know how."""
    made = LspEditor.__init__

    def init(self: Any, wire: Any, client: Any, *rest: Any, **more: Any) -> None:
        object.__setattr__(client, "resource_operations", frozenset({"rename", "delete"}))
        made(self, wire, client, *rest, **more)

    patch.setattr(LspEditor, "__init__", init)


SETS = [
    keeps_what_was_made, forgets_to_note, moves_over, does_not_compare, believes_the_answer,
    never_asks_the_editor, forgets_the_mode, forgets_what_was_saved, sends_two_operations,
    obeys_no_capability,
]  # fmt: skip


@pytest.mark.parametrize("mutate", SETS)
async def test_the_sets_notice_each_broken_rule(
    mutate: Mutate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mutate(monkeypatch)
    for seed in range(MOST):
        folder = tmp_path / str(seed)
        folder.mkdir()
        if await explore(case(str(seed)), folder):
            return
    pytest.fail(f"{mutate.__name__} was not noticed in {MOST} sets")


# Rules that have a test of their own.


def asks_nobody(patch: pytest.MonkeyPatch) -> None:
    """A protected file is changed without a question."""
    patch.setattr("codex_lsp.agent.tools.apply_patch.withheld", _nothing)


def forgets_keys_that_cross(patch: pytest.MonkeyPatch) -> None:
    """What is typed while the editor deletes is nobody's business."""
    patch.setattr("codex_lsp.lsp.editing.buffers.OpenBuffers.watch", lambda *_: lambda: None)


def takes_the_second_for_the_first(patch: pytest.MonkeyPatch) -> None:
    """An edit that was never answered is looked for though another was made since."""
    patch.setattr(LspEditor, "_forget", lambda *_: None)


def plans_on_what_was_never_shown(patch: pytest.MonkeyPatch) -> None:
    """A patch is for the text as it is now."""
    name = "codex_lsp.agent.tools.apply_patch.ApplyPatch._as_shown"
    patch.setattr(name, lambda _, live: live)


OWN: list[tuple[Mutate, Callable[[Path], Any]]] = [
    (
        asks_nobody,
        lambda folder: cases.test_a_protected_file_is_asked_about_each_time_before_anything_is_done(
            False, folder
        ),
    ),
    (
        forgets_keys_that_cross,
        lambda folder: cases.test_keys_that_cross_a_delete_are_not_lost("neovim-0.11.4", folder),
    ),
    (
        takes_the_second_for_the_first,
        cases.test_a_second_patch_is_not_taken_for_the_first_that_was_never_answered,
    ),
    (
        plans_on_what_was_never_shown,
        cases.test_a_patch_after_a_misfit_is_for_what_the_model_was_shown,
    ),
]


@pytest.mark.parametrize(("mutate", "test"), OWN)
async def test_its_own_test_notices_each_broken_rule(
    mutate: Mutate,
    test: Callable[[Path], Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    mutate(monkeypatch)
    with pytest.raises((AssertionError, AttributeError, ValueError)):
        await test(tmp_path)
