"""The real Codex apply_patch on every scenario: where it does otherwise, the table says why.

`codex-differences.toml` has a reason for each difference. One that is not listed fails, and so
does a listed one that is none.
"""

from __future__ import annotations

import subprocess
import tomllib
from pathlib import Path

import pytest

from tests.e2e.tools import require
from tests.edits.codex_program import linked_apply_patch
from tests.edits.scenarios import FOLDER, Files, load, names, tree, write

pytestmark = pytest.mark.codex
DIFFERENCES = tomllib.loads((FOLDER / "codex-differences.toml").read_text())


@pytest.fixture(scope="module")
def apply_patch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Codex program under the name by which it is its apply_patch tool."""
    return linked_apply_patch(require("codex"), tmp_path_factory.mktemp("codex"))


def codex_result(apply_patch: Path, patch: str, files: Files, root: Path) -> Files | None:
    """The files as Codex leaves them; None if it refuses and has changed nothing."""
    write(root, files)
    argv = [str(apply_patch), patch]
    done = subprocess.run(argv, cwd=root, capture_output=True, timeout=60, check=False)
    after = tree(root)
    return None if done.returncode and after == files else after


@pytest.mark.parametrize("name", names())
def test_codex_does_the_same_or_the_table_says_why_not(
    name: str, apply_patch: Path, tmp_path: Path
) -> None:
    scenario = load(name)
    theirs = codex_result(apply_patch, scenario.patch, scenario.files, tmp_path)
    if theirs == scenario.expected:
        assert name not in DIFFERENCES, "listed, but there is no difference (any more)"
    else:
        assert name in DIFFERENCES, f"Codex makes {theirs!r}"
        outcome = "refuses" if theirs is None else "accepts"
        assert DIFFERENCES[name]["codex"] == outcome
        assert DIFFERENCES[name]["reason"]


def test_the_table_names_scenarios_only() -> None:
    assert set(DIFFERENCES) <= set(names())
