"""What each editor's configuration has to hold for Codex, as files before and after.

Texts are only added to, at the end or in the one place that they belong; where that cannot be done
safely, `Cannot` says what to do by hand. Which languages a server is for is said only where the
editor wants to know.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SERVER = "codex-lsp"
VSCODES = ("code", "codium", "cursor", "code-server")  # VS Code and its forks
_FILES = Path(__file__).parents[1] / "editors"  # in the wheel
_SOURCES = Path(__file__).parents[2] / "editors"  # in a checkout
_BEGIN, _END = "codex-lsp: begin", "codex-lsp: end"


class Cannot(Exception):
    """It cannot be done; `str()` says what to do instead."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """For whom: the environment, the home folder, and the languages."""

    env: Mapping[str, str]
    home: Path
    languages: tuple[str, ...]

    @property
    def config(self) -> Path:
        """The folder of configurations."""
        return Path(self.env.get("XDG_CONFIG_HOME") or self.home / ".config")

    @property
    def data(self) -> Path:
        """The folder of data."""
        return Path(self.env.get("XDG_DATA_HOME") or self.home / ".local" / "share")


@dataclass(frozen=True, slots=True)
class File:
    """A file of the person's: its text, "" where it is not there, and the text that it should have.

    `ours` is the part of it that a person would type; "" for a file that is a copy of one of ours.
    """

    path: Path
    old: str
    new: str
    ours: str


@dataclass(frozen=True, slots=True)
class Setup:
    """The files to write, and what the person has to know or do."""

    files: tuple[File, ...]
    note: str


def neovim(wanted: Wanted) -> Setup:
    """The plugin as a native package, and one line in `init.lua` (or `init.vim`)."""
    source = bundled("neovim")
    package = wanted.data / "nvim" / "site" / "pack" / "codex" / "start" / "codex"
    files = [
        _whole(package / path.relative_to(source), path.read_text("utf-8"))
        for path in sorted(source.rglob("*"))
        if path.is_file() and path != source / "init.lua"
    ]
    folder = wanted.config / "nvim"
    vimscript = folder / "init.vim"
    line = "vim.lsp.enable('codex')"
    if vimscript.exists():
        files.append(_with_line(vimscript, f"lua {line}"))
    else:
        files.append(_with_line(folder / "init.lua", line))
    return Setup(tuple(files), "Open a file, then: gra on a problem, or :Codex. See :help codex.")


def helix(wanted: Wanted) -> Setup:
    """`languages.toml` with the server, beside those of Helix for the languages; and keys."""
    path = wanted.config / "helix" / "languages.toml"
    old = _read(path)
    there = _parsed(path, old)
    parts = []
    if SERVER not in there.get("language-server", {}):
        parts.append(f'[language-server.{SERVER}]\ncommand = "{SERVER}"\n')
    keys, note = _helix_keys(wanted)
    listed = {entry.get("name"): entry for entry in there.get("language", [])}
    for name in wanted.languages:
        servers = listed.get(name, {}).get("language-servers")
        if name in listed and SERVER not in (servers or []):
            raise Cannot(
                f'{path} has an entry for {name} already. Add "{SERVER}" to its language-servers, '
                "after the language's own."
            )
        if name not in listed:
            others = helix_servers(name, wanted.env)
            if not others:
                note += f" Servers of your own for {name} belong in its list, before {SERVER}."
            own = [*others, SERVER]
            parts.append(f'[[language]]\nname = "{name}"\nlanguage-servers = {json.dumps(own)}\n')
    ours = "\n".join(parts)
    return Setup((File(path, old, _added(old, ours), ours), *keys), note)


def _helix_keys(wanted: Wanted) -> tuple[list[File], str]:
    """Our keys in `config.toml`, where `Space x` is free and Helix takes them; and what to say."""
    source = bundled("helix") / "config.toml"
    menu = "Open a file, then: Space a."
    version = _helix_says(["--version"], wanted.env).removeprefix("helix ")
    if re.match(r"2[0-4]\.|25\.0[1-6]", version):
        return [], f"{menu} Keys of our own need Helix 25.07."
    path = wanted.config / "helix" / "config.toml"
    _parsed(path, _read(path))
    file = _with_block(path, source.read_text("utf-8"), "# ")
    try:
        _parsed(path, file.new)
    except Cannot:
        return [], f"{menu} {path} has a use for Space x; to choose other keys, copy {source}."
    return [file], f"{menu} Or Space x f to fix, Space x e to say what to change: {path}."


def helix_servers(language: str, env: Mapping[str, str]) -> list[str]:
    """The servers that Helix says it runs for a language; none where it is not here."""
    plain = re.sub(r"\x1b\[[0-9;]*m", "", _helix_says(["--health", language], env))
    found = re.search(r"language servers:\n((?:\s+\S.*\n)*)", plain)
    return re.findall(r"^\s+\S\s+([\w.-]+):", found[1], re.MULTILINE) if found else []


def _helix_says(words: list[str], env: Mapping[str, str]) -> str:
    """What Helix prints; nothing where it is not here."""
    path = env.get("PATH")
    program = shutil.which("hx", path=path) or shutil.which("helix", path=path)
    if program is None:
        return ""
    try:
        return subprocess.run(
            [program, *words], capture_output=True, text=True, timeout=20, check=False
        ).stdout
    except (OSError, subprocess.TimeoutExpired):
        return ""


def eglot(wanted: Wanted) -> Setup:
    """The Emacs package in `load-path`, and Codex alone in Eglot."""
    modes = " ".join(_modes(wanted))
    return _emacs(
        wanted,
        f"(with-eval-after-load 'eglot\n  (require 'codex-lsp-eglot)\n"
        f"  (codex-lsp-eglot-setup '({modes})))\n",
        "M-x eglot, then M-x eglot-code-actions. To run Codex beside another server, add that as "
        'in (codex-lsp-eglot-setup ... "pylsp"), and install rassumfrassum.',
    )


def lsp_mode(wanted: Wanted) -> Setup:
    """The Emacs package in `load-path`, and Codex beside the others in lsp-mode."""
    modes = " ".join(f"'{mode}" for mode in _modes(wanted))
    return _emacs(
        wanted,
        f"(with-eval-after-load 'lsp-mode\n  (require 'codex-lsp-lsp-mode)\n"
        f"  (codex-lsp-lsp-mode-setup {modes}))\n",
        "M-x lsp, then M-x lsp-execute-code-action.",
    )


def _modes(wanted: Wanted) -> list[str]:
    """The major modes of the languages: the older ones, and those by tree-sitter."""
    return [f"{name}{kind}" for name in wanted.languages for kind in ("-mode", "-ts-mode")]


def _emacs(wanted: Wanted, glue: str, note: str) -> Setup:
    source = bundled("emacs")
    folder = wanted.home / ".emacs.d"
    if not folder.exists() and (wanted.config / "emacs").exists():
        folder = wanted.config / "emacs"
    package = folder / "codex-lsp"
    files = [
        _whole(package / path.name, path.read_text("utf-8"))
        for path in sorted(source.glob("codex-lsp*.el"))
    ]
    init = next((f for f in (wanted.home / ".emacs", folder / "init.el") if f.exists()), None)
    text = (
        f'(add-to-list \'load-path (expand-file-name "{package.name}" "{folder}"))\n{glue}'
        "(require 'codex-lsp)\n(codex-lsp-mode)\n"
        '(keymap-global-set "C-c x" codex-lsp-command-map)\n'
    )
    files.append(_with_block(init or folder / "init.el", text, ";; "))
    return Setup(tuple(files), note)


def vscode(wanted: Wanted) -> Setup:
    """No file: VS Code takes language servers from extensions only, and installs those itself."""
    path = wanted.env.get("PATH")
    program = next((name for name in VSCODES if shutil.which(name, path=path)), VSCODES[0])
    try:
        package = bundled("vscode") / "dist" / "codex-lsp.vsix"
    except Cannot:
        package = None
    if package is not None and package.exists():
        return Setup(
            (), f"VS Code needs our extension:\n    {program} --install-extension {package}"
        )
    return Setup(
        (),
        "VS Code needs our extension, which this installation lacks. In a clone, with npm:\n"
        f"    make vscode\n    {program} --install-extension editors/vscode/codex-lsp-*.vsix",
    )


SETUPS: dict[str, Callable[[Wanted], Setup]] = {
    "neovim": neovim,
    "helix": helix,
    "eglot": eglot,
    "lsp-mode": lsp_mode,
    "vscode": vscode,
}


def bundled(editor: str) -> Path:
    """The folder of an editor's files: in the wheel, or in the checkout that this runs from."""
    for place in (_FILES / editor, _SOURCES / editor):
        if place.is_dir():
            return place
    raise Cannot(f"The files for {editor} are not part of this installation. Install it anew.")


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        raise Cannot(f"{path} cannot be read ({error}). Mend it first.") from error


def _parsed(path: Path, text: str) -> dict[str, Any]:
    import tomllib

    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise Cannot(f"{path} is not valid TOML ({error}). Mend it first.") from error


def _whole(path: Path, text: str) -> File:
    return File(path, _read(path), text, "")


def _with_line(path: Path, line: str) -> File:
    old = _read(path)
    new = old if line in old.splitlines() else _added(old, f"{line}\n")
    return File(path, old, new, line)


def _with_block(path: Path, text: str, comment: str) -> File:
    """Our block in a file, between two lines of comment: what an earlier one said is replaced."""
    old = _read(path)
    block = f"{comment}{_BEGIN}\n{text}{comment}{_END}\n"
    known = re.compile(
        f"^{re.escape(comment)}{_BEGIN}\n.*?^{re.escape(comment)}{_END}\n", re.MULTILINE | re.DOTALL
    )
    if known.search(old):
        return File(path, old, known.sub(lambda _: block, old, count=1), block)
    return File(path, old, _added(old, block), block)


def _added(old: str, text: str) -> str:
    if not text:
        return old
    if not old.strip():
        return text
    return f"{old}{'' if old.endswith(chr(10)) else chr(10)}\n{text}"
