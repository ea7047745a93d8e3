"""Held to git itself where git is there."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from codex_lsp.workspace.containment import Outside
from codex_lsp.workspace.ignore import CODEX, KeptOut, ignored
from codex_lsp.workspace.snapshot import BufferText, Found, Snapshot

FILES = {
    ".gitignore": "build/\n*.log\n!keep.log\n/secret\nsub/*.tmp\n# note\n\\#odd\n",
    "sub/.gitignore": "!x.log\nlocal\n",
    "build/.gitignore": "!back.txt\n",
}
PATHS = [
    "a.py", "a.log", "keep.log", "sub/keep.log", "secret", "sub/secret", "secret/x", "build/x",
    "build/back.txt", "sub/build/y", "sub/x.log", "sub/y.log", "sub/local", "local", "sub/z.tmp",
    "z.tmp", "#odd", "sub/deep/x.log", "builder",
]  # fmt: skip


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path.resolve()


@pytest.mark.skipif(shutil.which("git") is None, reason="git is the judge here")
def test_the_rules_are_gits(root: Path) -> None:
    git = ["git", "-c", "init.defaultBranch=main", "-C", str(root)]
    subprocess.run([*git, "init", "--quiet"], check=True)
    asked = "\n".join(PATHS)
    judged = subprocess.run(
        [*git, "-c", "core.excludesFile=", "check-ignore", "--no-index", "--stdin"],
        input=asked, capture_output=True, text=True, check=False,
    )  # fmt: skip
    ours = [name for name in PATHS if ignored(root / name, root, is_open=False)]
    assert ours == judged.stdout.splitlines()


def test_codexignore_holds_for_open_files_too_and_gitignore_does_not(root: Path) -> None:
    (root / ".codexignore").write_text("private.py\n")
    snapshot = Snapshot(
        (root,),
        {path: BufferText(path, "x", 1) for path in (root / "a.log", root / "private.py")},
    )
    assert isinstance(snapshot.look("a.log"), Found)
    assert isinstance(snapshot.look("b.log"), Outside)
    place = snapshot.look("private.py")
    assert isinstance(place, Outside)
    assert ".codexignore" in place.reason


def test_without_ignore_files_nothing_is_kept_out(tmp_path: Path) -> None:
    assert ignored(tmp_path / "a" / "b", tmp_path, is_open=False) is None


def test_what_nested_files_name_is_found_again_as_it_changes(tmp_path: Path) -> None:
    deep = tmp_path / "a" / "b"
    deep.mkdir(parents=True)
    for place in (deep / "x.key", deep / "y.txt", tmp_path / "z.key"):
        place.write_text("x")
    for place in (tmp_path, tmp_path / "a", deep):
        os.utime(place, (0, 0))  # long ago, so that what is in them is remembered
    kept = KeptOut()
    assert kept.below(tmp_path) == []
    assert kept.below(tmp_path) == []
    (deep / CODEX).write_text("*.key\n")
    assert kept.below(tmp_path) == [deep / "x.key"]
    (deep / CODEX).write_text("y.*\n")
    assert kept.below(tmp_path) == [deep / "y.txt"]
    (tmp_path / CODEX).write_text("z.key\nb/\n")
    assert kept.below(tmp_path) == [tmp_path / "z.key", deep]
    (tmp_path / CODEX).unlink()
    (deep / CODEX).unlink()
    assert kept.below(tmp_path) == []
