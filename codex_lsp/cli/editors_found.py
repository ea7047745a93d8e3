"""Which editors are on this machine, whether they are new enough, and whether they know Codex.

What counts as knowing is that a configuration, or the name of an extension, has "codex" in it. No
editor is started but to say its version, and nothing is changed.
"""

from __future__ import annotations

import asyncio
import re
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from codex_lsp.cli.editor_setups import VSCODES, Wanted

_PATIENCE = 10.0  # seconds for an editor to say its version
_WINDOWS = (".vscode", ".vscode-oss", ".vscode-server", ".cursor", ".local/share/code-server")


@dataclass(frozen=True, slots=True)
class Kind:
    """An editor: its programs, the oldest version that will do, and the word of `setup` for it.

    `configs` are patterns of files, below the folder of configurations or, with `~/`, the home.
    """

    name: str
    programs: tuple[str, ...]
    least: tuple[int, ...]
    setup: str
    configs: tuple[str, ...]


KINDS = (
    Kind("Neovim", ("nvim",), (0, 11), "neovim", ("nvim/**/*.lua", "nvim/init.vim")),
    Kind("Helix", ("hx", "helix"), (25, 1), "helix", ("helix/languages.toml",)),
    Kind(
        "Emacs",
        ("emacs",),
        (29, 1),
        "eglot",
        ("~/.emacs", "~/.emacs.d/*.el", "emacs/*.el", "doom/*.el"),
    ),
    Kind("VS Code", VSCODES, (1, 100), "vscode", ()),
    Kind("Vim", ("vim",), (9,), "", ("~/.vimrc", "~/.vim/vimrc", "~/.vim/coc-settings.json")),
    Kind("Kakoune", ("kak",), (2020,), "", ("kak/kakrc", "kak/autoload/**/*.kak")),
)


@dataclass(frozen=True, slots=True)
class Found:
    """An editor on this machine; `text` says of it what a person should know, or do."""

    name: str
    ready: bool
    text: str


async def found_editors(wanted: Wanted) -> AsyncIterator[Found]:
    """The editors on `PATH`, one after the other."""
    for kind in KINDS:
        for program in kind.programs:
            if place := shutil.which(program, path=wanted.env.get("PATH")):
                version = await _version(place)
                yield await asyncio.to_thread(_judged, kind, place, version, wanted)
                break


async def _version(place: str) -> str:
    """What the program says that it is; "" where it does not."""
    try:
        process = await asyncio.create_subprocess_exec(
            place,
            "--version",
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
    except OSError:
        return ""
    try:
        async with asyncio.timeout(_PATIENCE):
            said, _ = await process.communicate()
    except TimeoutError:
        process.kill()
        await process.wait()
        return ""
    number = re.search(rb"\d+(\.\d+)+", said)
    return number[0].decode() if number else ""


def _judged(kind: Kind, place: str, version: str, wanted: Wanted) -> Found:
    what = f"{version or 'of an unknown version'} ({place})"
    if version and tuple(map(int, version.split("."))) < kind.least:
        least = ".".join(map(str, kind.least))
        return Found(kind.name, ready=False, text=f"{what} is too old: {least} or newer is needed")
    if knows := _that_knows(kind, wanted):
        return Found(kind.name, ready=True, text=f"{what}, with Codex in {knows}")
    advice = f"codex-lsp setup {kind.setup}" if kind.setup else "add it to your LSP plugin"
    return Found(kind.name, ready=False, text=f"{what} does not know Codex yet: {advice}")


def _that_knows(kind: Kind, wanted: Wanted) -> Path | None:
    """A file or a folder with Codex in it."""
    if kind.setup == "vscode":
        folders = (wanted.home / window / "extensions" for window in _WINDOWS)
        return next((f for folder in folders for f in folder.glob("codex-lsp.codex-lsp-*")), None)
    for pattern in kind.configs:
        home = pattern.startswith("~/")
        root = wanted.home if home else wanted.config
        for file in sorted(root.glob(pattern.removeprefix("~/"))):
            if "codex" in _text(file).casefold():
                return file
    return None


def _text(file: Path) -> str:
    try:
        return file.read_text("utf-8", errors="replace")
    except OSError:
        return ""
