"""Each benchmark still runs, with its smallest counts. What it measures is no test's business."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

REPO = Path(__file__).resolve().parents[1]


ALONE = ["responsiveness", "commands", "loop_gaps"]  # nothing of the CLI is beside them


@pytest.mark.parametrize("name", [*ALONE, "startup", "turn", "round_trips", "jobs", "edits"])
def test_a_benchmark_runs_and_prints_a_table(name: str, tmp_path: Path) -> None:
    run = subprocess.run(
        [sys.executable, "-m", f"benchmarks.{name}", "--small"],
        cwd=REPO,
        # Without the other programs: they are not what may break here, and take long to start.
        env=os.environ | {"CODEX_LSP_TOOLS": str(tmp_path), "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert "codex-lsp" in run.stdout
    assert name in ALONE or "not measured: codex" in run.stdout
