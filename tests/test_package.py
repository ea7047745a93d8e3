"""The wheel, as somebody who installs it gets it."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

from codex_lsp import __version__

REPO = Path(__file__).resolve().parent.parent


def run(*command: str | Path, cwd: Path) -> str:
    env = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    return subprocess.run(
        command, cwd=cwd, env=env, check=True, capture_output=True, text=True, timeout=300
    ).stdout


def test_the_wheel_installs_beside_its_dependencies_and_runs(tmp_path: Path) -> None:
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    run(*pip, "wheel", "--no-deps", "--wheel-dir", tmp_path, REPO, cwd=tmp_path)
    [wheel] = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert not [name for name in names if name.startswith(("tests/", "benchmarks/"))]
    assert any(name.endswith("py.typed") for name in names)
    run(sys.executable, "-m", "venv", "--without-pip", tmp_path / "venv", cwd=tmp_path)
    bin_ = tmp_path / "venv" / ("Scripts" if os.name == "nt" else "bin")
    run(*pip, "--python", bin_ / "python", "install", "--no-deps", wheel, cwd=tmp_path)
    assert run(bin_ / "codex-lsp", "--version", cwd=tmp_path) == f"codex-lsp {__version__}\n"
    where = run(bin_ / "python", "-c", "import codex_lsp; print(codex_lsp.__file__)", cwd=tmp_path)
    assert Path(where.strip()).is_relative_to(tmp_path)
