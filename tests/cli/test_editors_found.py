"""The doctor's look at editors: their versions, and whether they know Codex."""

from __future__ import annotations

from pathlib import Path

import pytest

from codex_lsp.cli.editor_setups import SETUPS, Wanted
from codex_lsp.cli.editors_found import KINDS, found_editors

SAYS = {
    "nvim": "NVIM v0.11.4",
    "hx": "helix 25.07.1",
    "emacs": "GNU Emacs 30.2",
    "codium": "1.116.0",
    "kak": "Kakoune v2024.05.18",
    "vim": "VIM - Vi IMproved 9.1 (2024 Jan 02)",
}


def machine(place: Path, **says: str) -> Wanted:
    """A home, and a `PATH` with programs that say their version."""
    programs = place / "bin"
    programs.mkdir()
    for name, said in says.items():
        (programs / name).write_text(f"#!/bin/sh\necho '{said}'\n")
        (programs / name).chmod(0o755)
    return Wanted({"PATH": str(programs)}, place, ("python",))


async def told(wanted: Wanted) -> dict[str, tuple[bool, str]]:
    return {found.name: (found.ready, found.text) async for found in found_editors(wanted)}


async def test_each_editor_is_found_and_told_how_to_set_it_up(tmp_path: Path) -> None:
    report = await told(machine(tmp_path, **SAYS))
    assert list(report) == [kind.name for kind in KINDS]
    for kind in KINDS:
        advice = f"codex-lsp setup {kind.setup}" if kind.setup else "add it to your LSP plugin"
        ready, text = report[kind.name]
        assert not ready
        assert text.endswith(f"does not know Codex yet: {advice}")
    assert report["Neovim"][1].startswith("0.11.4 (")


@pytest.mark.parametrize("setup", ["neovim", "helix", "eglot", "lsp-mode"])
async def test_what_setup_wrote_is_what_the_doctor_finds(setup: str, tmp_path: Path) -> None:
    wanted = machine(tmp_path, **SAYS)
    for file in SETUPS[setup](wanted).files:
        file.path.parent.mkdir(parents=True, exist_ok=True)
        file.path.write_text(file.new)
    ready = {name for name, (ready, _) in (await told(wanted)).items() if ready}
    assert ready == {{"neovim": "Neovim", "helix": "Helix"}.get(setup, "Emacs")}


async def test_an_extension_of_a_fork_is_found(tmp_path: Path) -> None:
    wanted = machine(tmp_path, codium="1.116.0")
    (tmp_path / ".vscode-oss/extensions/codex-lsp.codex-lsp-0.1.0").mkdir(parents=True)
    ready, text = (await told(wanted))["VS Code"]
    assert ready
    assert "codex-lsp.codex-lsp-0.1.0" in text


async def test_who_is_too_old_or_says_no_version_is_said_to_be_so(tmp_path: Path) -> None:
    report = await told(machine(tmp_path, nvim="NVIM v0.9.5", hx="broken", emacs="GNU Emacs 28.2"))
    assert "0.9.5" in report["Neovim"][1]
    assert report["Neovim"][1].endswith("is too old: 0.11 or newer is needed")
    assert report["Emacs"][1].endswith("is too old: 29.1 or newer is needed")
    assert report["Helix"][1].startswith("of an unknown version (")


async def test_a_machine_without_editors_has_none(tmp_path: Path) -> None:
    assert await told(machine(tmp_path)) == {}
