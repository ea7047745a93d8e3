"""A release: one version everywhere, the same dependencies, notes from the changelog."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from codex_lsp import __version__
from release.notes import CHANGELOG, notes

REPO = Path(__file__).resolve().parent.parent


@pytest.mark.parametrize(
    ("file", "pattern"),
    [
        ("release/mason/package.yaml", r"id: pkg:pypi/codex-lsp@(\S+)"),
        ("flake.nix", r'version = "(.+)";'),
        ("editors/vscode/package.json", r'(?m)^  "version": "(.+)"'),
        ("editors/vscode/package-lock.json", r'(?m)^  "version": "(.+)"'),
        ("editors/emacs/codex-lsp.el", r"(?m)^;; Version: (\S+)"),
    ],
)
def test_one_version_everywhere(file: str, pattern: str) -> None:
    assert re.findall(pattern, (REPO / file).read_text("utf-8")) == [__version__]


def test_one_address_everywhere() -> None:
    """It is a guess until the project has a home; then it is changed in all of them."""
    files = (
        "release/mason/package.yaml",
        "editors/emacs/codex-lsp.el",
        "editors/neovim/lsp/codex.lua",
    )
    found = [
        re.findall(r"https://github\.com/codex\S+", (REPO / file).read_text()) for file in files
    ]
    assert found == [found[0][:1]] * len(files)


def test_nix_knows_every_dependency() -> None:
    project = tomllib.loads((REPO / "pyproject.toml").read_text("utf-8"))["project"]
    needed = {re.split(r"[<>=\[ ]", line)[0] for line in project["dependencies"]}
    flake = (REPO / "flake.nix").read_text("utf-8")
    listed = re.search(r"dependencies = with pkgs\.python3Packages; \[(.*?)\];", flake, re.DOTALL)
    assert listed is not None
    assert set(listed[1].split()) == needed


def test_notes_are_the_section_of_a_version() -> None:
    text = "# Changelog\n\n## [Unreleased]\n\n- new\n\n## [0.1.0] - 2026-11-22\n\n- first\n"
    assert notes(text, "Unreleased") == "- new\n"
    assert notes(text, "0.1.0") == "- first\n"
    with pytest.raises(KeyError):
        notes(text, "9.9")
    assert "### Added" in notes(CHANGELOG.read_text("utf-8"), "Unreleased")
