"""The wheel, as somebody who installs it gets it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

from codex_lsp import __version__
from codex_lsp.cli.editor_setups import SETUPS

REPO = Path(__file__).resolve().parent.parent


def run(*command: str | Path, cwd: Path, **env: str) -> str:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHONPATH", "XDG_"))}
    return subprocess.run(
        command, cwd=cwd, env=kept | env, check=True, capture_output=True, text=True, timeout=300
    ).stdout


def source(place: Path) -> Path:
    """What the wheel is built from, as `make dist` has it: with a package for VS Code."""
    for name in ("codex_lsp", "editors"):
        ignored = shutil.ignore_patterns("__pycache__", "node_modules", "server", "dist", "*.vsix")
        shutil.copytree(REPO / name, place / name, ignore=ignored)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(REPO / name, place)
    package = place / "editors/vscode/dist/codex-lsp.vsix"
    package.parent.mkdir()
    package.write_bytes(b"an extension")
    return place


def test_the_wheel_installs_beside_its_dependencies_and_sets_editors_up(tmp_path: Path) -> None:
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    built = source(tmp_path / "source")
    run(*pip, "wheel", "--no-deps", "--wheel-dir", tmp_path, built, cwd=tmp_path)
    [wheel] = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.partition("/")[0].partition("-")[0] for name in names} == {"codex_lsp"}
    assert any(name.endswith("py.typed") for name in names)
    run(sys.executable, "-m", "venv", "--without-pip", tmp_path / "venv", cwd=tmp_path)
    bin_ = tmp_path / "venv" / ("Scripts" if os.name == "nt" else "bin")
    run(*pip, "--python", bin_ / "python", "install", "--no-deps", wheel, cwd=tmp_path)
    assert run(bin_ / "codex-lsp", "--version", cwd=tmp_path) == f"codex-lsp {__version__}\n"
    where = run(bin_ / "python", "-c", "import codex_lsp; print(codex_lsp.__file__)", cwd=tmp_path)
    assert Path(where.strip()).is_relative_to(tmp_path / "venv")

    shutil.rmtree(built)
    home = tmp_path / "home"
    home.mkdir()
    said = "".join(
        run(bin_ / "codex-lsp", "setup", editor, "--write", "--yes", cwd=home, HOME=str(home))
        for editor in SETUPS
    )
    package = re.search(r"--install-extension (\S+)", said)
    assert package is not None
    assert Path(package[1]).read_bytes() == b"an extension"
    for file in (".config/helix/config.toml", ".emacs.d/codex-lsp/codex-lsp-eglot.el"):
        assert (home / file).exists()
    assert [*home.rglob("lua/codex/init.lua")]
