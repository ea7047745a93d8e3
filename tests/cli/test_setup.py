"""`codex-lsp setup`: adds to what is there, asks first, and does nothing twice."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from codex_lsp.cli import editor_setups
from codex_lsp.cli.editor_setups import SETUPS, Cannot, Setup, Wanted
from codex_lsp.cli.main import main
from tests.e2e.neovim import neovim
from tests.e2e.scene import FIXED, LINE, scene
from tests.e2e.tools import REPO, require


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def wanted(home: Path, *languages: str) -> Wanted:
    return Wanted({"PATH": ""}, home, languages or ("python",))


@pytest.mark.parametrize("editor", sorted(SETUPS))
def test_without_write_nothing_is_touched(
    editor: str, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["setup", editor]) == 0
    assert capsys.readouterr().out.strip()
    assert not [*home.iterdir()]


@pytest.mark.parametrize("editor", ["neovim", "helix", "eglot", "lsp-mode"])
def test_what_is_there_stays_and_a_second_run_changes_nothing(
    editor: str, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = {
        home / ".config/nvim/init.lua": "vim.o.number = true",
        home / ".config/helix/languages.toml": '[language-server.x]\ncommand = "x"\n',
        home / ".emacs": "(setq a 1)\n",
    }
    for path, text in before.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    assert main(["setup", editor, "--write", "--yes"]) == 0
    capsys.readouterr()
    for path, text in before.items():
        assert path.read_text().startswith(text)
    after = {path: path.read_bytes() for path in home.rglob("*") if path.is_file()}
    assert len(after) > len(before) or editor == "helix"
    assert main(["setup", editor, "--write", "--yes"]) == 0
    assert "All of it is there already" in capsys.readouterr().out
    assert after == {path: path.read_bytes() for path in home.rglob("*") if path.is_file()}


def test_without_a_yes_nothing_is_written(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["setup", "neovim", "--write"]) == 1
    assert "+vim.lsp.enable('codex')" in capsys.readouterr().out
    assert not [*home.iterdir()]


@pytest.mark.parametrize("words", [["setup"], ["setup", "emacs"]])
def test_who_names_no_editor_that_is_known_sees_which_are(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(words)
    said = capsys.readouterr().err.splitlines()[-1]
    assert [editor for editor in SETUPS if editor not in said] == []


def test_where_helix_is_not_found_its_own_servers_are_spoken_of(tmp_path: Path) -> None:
    assert "Servers of your own for python" in SETUPS["helix"](wanted(tmp_path)).note


def test_helix_keeps_the_servers_of_a_language(tmp_path: Path) -> None:
    program = tmp_path / "hx"
    said = "Configured language servers:\n  \x1b[31mX\x1b[m pylsp: not found\n  Y ruff: /bin/ruff\n"
    program.write_text(f"#!/bin/sh\nprintf '{said}Configured debug adapter: None\\n'\n")
    program.chmod(0o755)
    setup = SETUPS["helix"](Wanted({"PATH": str(tmp_path)}, tmp_path, ("python",)))
    [entry] = tomllib.loads(_text_of(setup, "languages.toml"))["language"]
    assert entry == {"name": "python", "language-servers": ["pylsp", "ruff", "codex-lsp"]}


KEYS = REPO / "editors/helix/config.toml"


def test_helix_gets_our_keys_beside_those_that_are_there(tmp_path: Path) -> None:
    path = tmp_path / ".config/helix/config.toml"
    path.parent.mkdir(parents=True)
    path.write_text('theme = "nord"\n[keys.normal.space]\nw = ":w"\n')
    keys = tomllib.loads(_text_of(SETUPS["helix"](wanted(tmp_path)), "config.toml"))["keys"]
    assert keys["normal"]["space"].pop("w") == ":w"
    assert keys == tomllib.loads(KEYS.read_text())["keys"]


def test_helix_keeps_a_space_x_of_the_persons_own(tmp_path: Path) -> None:
    path = tmp_path / ".config/helix/config.toml"
    path.parent.mkdir(parents=True)
    path.write_text('[keys.normal]\nspace = { x = ":quit" }\n')
    setup = SETUPS["helix"](wanted(tmp_path))
    assert [file.path.name for file in setup.files] == ["languages.toml"]
    assert f"copy {KEYS}" in setup.note


@pytest.mark.parametrize(
    ("version", "files"),
    [("25.01.1", ["languages.toml"]), ("25.07.1", ["languages.toml", "config.toml"])],
)
def test_a_helix_that_does_not_take_our_keys_gets_none(
    version: str, files: list[str], tmp_path: Path
) -> None:
    (tmp_path / "hx").write_text(f"#!/bin/sh\necho helix {version}\n")
    (tmp_path / "hx").chmod(0o755)
    setup = SETUPS["helix"](Wanted({"PATH": str(tmp_path)}, tmp_path, ("python",)))
    assert [file.path.name for file in setup.files] == files


def test_vscode_is_told_of_the_extension_that_came_along(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(editor_setups, "_FILES", tmp_path)
    monkeypatch.setattr(editor_setups, "_SOURCES", tmp_path)
    assert "make vscode" in SETUPS["vscode"](wanted(tmp_path)).note
    package = tmp_path / "vscode/dist/codex-lsp.vsix"
    package.parent.mkdir(parents=True)
    package.touch()
    assert main(["setup", "vscode", "--write"]) == 0
    assert capsys.readouterr().out.endswith(f"--install-extension {package}\n")


def test_an_entry_that_is_the_persons_own_is_left_to_them(tmp_path: Path) -> None:
    path = tmp_path / ".config/helix/languages.toml"
    path.parent.mkdir(parents=True)
    path.write_text('[[language]]\nname = "python"\nlanguage-servers = ["pylsp"]\n')
    with pytest.raises(Cannot, match='Add "codex-lsp" to its language-servers'):
        SETUPS["helix"](wanted(tmp_path))
    path.write_text("not toml")
    with pytest.raises(Cannot, match="not valid TOML"):
        SETUPS["helix"](wanted(tmp_path))


def test_a_block_of_an_older_version_is_replaced(tmp_path: Path) -> None:
    (tmp_path / ".emacs").write_text(
        "(a)\n;; codex-lsp: begin\n(old)\n;; codex-lsp: end\n(z)\n", encoding="utf-8"
    )
    text = _text_of(SETUPS["eglot"](wanted(tmp_path)), ".emacs")
    assert text.startswith("(a)\n;; codex-lsp: begin\n(add-to-list")
    assert text.endswith(";; codex-lsp: end\n(z)\n")
    assert "(old)" not in text


@pytest.mark.parametrize("name", ["nvim", "nvim-0.12"])
async def test_neovim_works_with_what_was_written(name: str, tmp_path: Path) -> None:
    async with scene(tmp_path) as here:
        places = {
            "XDG_CONFIG_HOME": str(here.folder / ".nvim" / "config"),
            "XDG_DATA_HOME": str(here.folder / ".nvim" / "data"),
        }
        setup = SETUPS["neovim"](Wanted(places, tmp_path, ()))
        for file in setup.files:
            file.path.parent.mkdir(parents=True, exist_ok=True)
            file.path.write_text(file.new)
        config = here.folder / ".nvim/config/nvim/init.lua"
        async with neovim(require(name), config, here.folder, here.env) as editor:
            await editor.edit(here.file, LINE)
            await editor.command("Codex fix")
            await editor.wait_for(FIXED)
            await editor.task_ended()


def _text_of(setup: Setup, name: str) -> str:
    [file] = [file for file in setup.files if file.path.name == name]
    return file.new
