"""The ten mutants of TE7, by name, and what notices each. Those of typing and paths are here.

"There" is `tests/edits/test_edit_mutants`.

| mutant | where it is broken | what notices |
| --- | --- | --- |
| unversioned | `unversioned` below | typing races (`typing_races`) |
| off-by-one utf-16 | there, `counts_utf16_units` | bytes |
| apply on newest | `applies_on_newest`; there `applies_on_the_newest_text` | races; schedules |
| skip verify | `skips_the_proof` below; there, `believes_the_client` | typing races; proof |
| fuzzy context | there, `shows_context_as_the_patch_has_it` | scenarios |
| EOL normalise | there, `makes_terminators_uniform` | bytes |
| no checkpoint | `test_patch_mutants`, `forgets_to_note` | sets of changes (TE3) |
| replay twice | there, the replayed step | rebase |
| lexical path check | `checks_paths_as_written` below | links that lead out (TE5) |
| no case fold | `compares_letter_by_letter` below | spellings of protected files (TE5) |

And three of our own: `forgets_the_steps` (misplaced edits are not seen), `follows_links` (a swap
is), `looks_only_before` (a folder that leaves meanwhile is not missed).
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from codex_lsp.agent.ports import Applied
from codex_lsp.lsp.editing import editor
from codex_lsp.lsp.editing.buffers import OpenBuffers
from codex_lsp.lsp.editing.editor import LspEditor
from codex_lsp.lsp.editing.proof import Proof, undo
from codex_lsp.workspace import containment, disk, places, relocate
from codex_lsp.workspace.containment import Inside, resolve
from codex_lsp.workspace.disk import DiskText
from tests.lsp.typing_races import explore
from tests.workspace.test_escapes import leaves_when_a_file_is_opened

Mutate = Callable[[pytest.MonkeyPatch], None]
MOST = 400


def unversioned(patch: pytest.MonkeyPatch) -> None:
    whole = LspEditor._workspace_edit

    def edit(self: Any, *rest: Any) -> object:
        made: Any = whole(self, *rest)
        made["documentChanges"][0]["textDocument"]["version"] = None
        return made

    patch.setattr(LspEditor, "_workspace_edit", edit)


def applies_on_newest(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(editor, "rebase", lambda edits, base, live: tuple(edits))
    patch.setattr(OpenBuffers, "since", lambda self, document: None)


def skips_the_proof(patch: pytest.MonkeyPatch) -> None:
    async def now(_: Any, path: Path, before: Any, edits: Any, *__: Any) -> object:
        return Applied(path, before.text, undo(path, before.text, edits))

    patch.setattr(Proof, "now", now)


def forgets_the_steps(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(OpenBuffers, "since", lambda self, document: None)


@pytest.mark.parametrize("policy", ["versionless", "hole"])
def test_the_races_pass_with_all_rules_whole(policy: str) -> None:
    assert explore(policy, (f"mutant/{n}" for n in range(MOST))).wrong == []


@pytest.mark.parametrize(
    "mutate", [unversioned, applies_on_newest, skips_the_proof, forgets_the_steps]
)
def test_the_races_notice(mutate: Mutate, monkeypatch: pytest.MonkeyPatch) -> None:
    mutate(monkeypatch)
    assert any(explore("versionless", iter([f"mutant/{n}"])).wrong for n in range(MOST))


def checks_paths_as_written(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Path, "resolve", lambda self, strict=False: Path(os.path.normpath(self)))


def compares_letter_by_letter(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(containment, "fold", str)


def follows_links(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(places, "_FOLDER", places._FOLDER & ~os.O_NOFOLLOW)


def looks_only_before(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(places.Folder, "check", lambda self: None)


def contained(root: Path, outside: Path, patch: pytest.MonkeyPatch) -> bool:
    """The rules of paths in small: links, spellings, a link that comes late, a folder that goes."""
    link = resolve("link/x", (root,))
    spelled = resolve(".GIT/config", (root,))
    late = relocate.put(root / "late" / "x", "ours")
    written = (outside / "x").exists()
    (root / "goes").mkdir()
    (root / "goes" / "x").write_text("x")
    seen = disk.read(root / "goes" / "x")
    assert isinstance(seen, DiskText)
    leaves_when_a_file_is_opened(root / "goes", outside / "gone", patch)
    gone = disk.replace(root / "goes" / "x", "ours", seen=seen)
    kept = late is not None and not written and gone is not None
    return not isinstance(link, Inside) and kept and getattr(spelled, "protected", True)


@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
@pytest.mark.parametrize(
    "mutate",
    [None, checks_paths_as_written, compares_letter_by_letter, follows_links, looks_only_before],
)
def test_the_rules_of_paths_notice(
    mutate: Mutate | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, outside = tmp_path.resolve() / "root", tmp_path.resolve() / "outside"
    root.mkdir()
    outside.mkdir()
    (root / "link").symlink_to(outside)
    (root / "late").symlink_to(outside)
    if mutate is not None:
        mutate(monkeypatch)
    assert contained(root, outside, monkeypatch) is (mutate is None)
