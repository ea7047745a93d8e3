"""What killed servers left is cleared by the next one, also where two clear up at once."""

from __future__ import annotations

import os
import shutil
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from codex_lsp.sandbox import scratch

pytestmark = pytest.mark.skipif(os.name == "nt", reason="nothing is swept there")

GONE = (1 << 22) + 1  # more than a process id can be
STEPS = [(Path, "lstat"), (shutil, "rmtree"), (Path, "is_dir"), (Path, "chmod"), (os, "walk")]


def left(folder: Path, pid: int, name: str) -> Path:
    made = folder / f"{scratch.PREFIX}{pid}-{name}"
    (made / "run1" / "unsaved0").mkdir(parents=True)
    (made / "run1" / "unsaved0" / "a.txt").write_text("unsaved\n")
    return made


def test_only_what_a_dead_server_left_is_cleared(tmp_path: Path) -> None:
    dead, living = left(tmp_path, GONE, "a"), left(tmp_path, os.getpid(), "b")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    link = tmp_path / f"{scratch.PREFIX}{GONE}-link"
    link.symlink_to(elsewhere)
    scratch.sweep(tmp_path)
    assert not dead.exists()
    assert living.is_dir()
    assert link.is_symlink()
    assert elsewhere.is_dir()


def meanwhile(folder: Path, patch: pytest.MonkeyPatch, owner: Any, name: str) -> list[str]:
    """Another window sweeps `folder` right before the step `name` is made for the first time."""
    whole, met = getattr(owner, name), list[str]()

    def step(*args: Any, **more: Any) -> Any:
        if not met:
            met.append(name)
            scratch.sweep(folder)
        return whole(*args, **more)

    patch.setattr(owner, name, step)
    return met


def swept_by_two(folder: Path, patch: pytest.MonkeyPatch, owner: Any, name: str) -> list[Path]:
    """What is left when one of two sweeps is overtaken by the other at a step."""
    for number in range(3):
        left(folder, GONE, str(number))
    remove = shutil.rmtree

    def at_first_not(place: Path, **_: Any) -> None:
        """A command made a folder unreadable, so that the modes have to be changed."""
        patch.setattr(shutil, "rmtree", remove)

    if name not in {"lstat", "rmtree"}:
        patch.setattr(shutil, "rmtree", at_first_not)
    met = meanwhile(folder, patch, owner, name)
    scratch.sweep(folder)
    assert met == [name]
    return [*folder.iterdir()]


@pytest.mark.parametrize(("owner", "name"), STEPS)
def test_two_windows_clear_up_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, owner: object, name: str
) -> None:
    assert swept_by_two(tmp_path, monkeypatch, owner, name) == []


@pytest.mark.parametrize(("owner", "name"), [(Path, "lstat"), (Path, "chmod")])
def test_a_sweep_that_minds_another_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, owner: object, name: str
) -> None:
    minding = SimpleNamespace(suppress=lambda *_: nullcontext())
    monkeypatch.setattr(scratch, "contextlib", minding)
    with pytest.raises(FileNotFoundError):
        swept_by_two(tmp_path, monkeypatch, owner, name)
