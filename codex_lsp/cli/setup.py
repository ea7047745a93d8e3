"""`codex-lsp setup EDITOR`: prints the configuration of an editor, or writes it after a yes.

Nothing is written unasked, and what is there stays: a line or a block of ours is added, or the file
is left alone and the person told what to add. Editors' own package managers are not touched.
"""

from __future__ import annotations

import argparse
import difflib
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from codex_lsp.cli.editor_setups import SETUPS, Cannot, File, Setup, Wanted


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    editors = sorted(SETUPS)
    # Named, for argparse's own complaint about a missing word shows this and no choices.
    parser.add_argument("editor", choices=editors, metavar=f"{{{','.join(editors)}}}")
    parser.add_argument(
        "--language",
        action="append",
        metavar="NAME",
        help="a language that Codex is for, by the editor's name for it; repeatable",
    )
    parser.add_argument(
        "--write", action="store_true", help="show what would change in your files, and ask"
    )
    parser.add_argument("--yes", action="store_true", help="with --write: do not ask")


def run(args: argparse.Namespace) -> int:
    """Print or write; returns the exit code."""
    wanted = Wanted(dict(os.environ), Path.home(), tuple(args.language or ("python",)))
    try:
        setup = SETUPS[args.editor](wanted)
    except Cannot as error:
        print(f"codex-lsp: {error}", file=sys.stderr)
        return 1
    if not args.write:
        print(_described(setup))
        return 0
    return _write(setup, agreed=args.yes)


def _described(setup: Setup) -> str:
    copies = "\n".join(f"    {file.path}" for file in setup.files if not file.ours)
    parts = [f"Files that --write puts there:\n\n{copies}"] if copies else []
    parts += [f"{file.path}:\n\n{_indented(file.ours)}" for file in setup.files if file.ours]
    return "\n\n".join([*parts, setup.note])


def _indented(text: str) -> str:
    return "\n".join(f"    {line}".rstrip() for line in text.rstrip("\n").split("\n"))


def _write(setup: Setup, *, agreed: bool) -> int:
    if not setup.files:
        print(setup.note)
        return 0
    changed = [file for file in setup.files if file.old != file.new]
    if not changed:
        print(f"All of it is there already.\n\n{setup.note}")
        return 0
    for file in changed:
        sys.stdout.writelines(_diff(file) if file.ours or file.old else [f"new: {file.path}\n"])
    if not agreed and not _agrees():
        print("Nothing was written.")
        return 1
    for file in changed:
        try:
            _replace(file)
        except OSError as error:
            print(f"codex-lsp: {file.path}: {error.strerror}. Write it by hand.", file=sys.stderr)
            return 1
    print(f"\nWritten. {setup.note}")
    return 0


def _diff(file: File) -> Iterator[str]:
    old, new = (text.splitlines(keepends=True) for text in (file.old, file.new))
    for line in difflib.unified_diff(old, new, str(file.path), str(file.path)):
        yield line if line.endswith("\n") else f"{line}\n"


def _agrees() -> bool:
    if not sys.stdin.isatty():
        print("\nThis is no terminal to ask in: add --yes to write it.")
        return False
    return input("\nWrite this? [y/N] ").strip().casefold() in {"y", "yes"}


def _replace(file: File) -> None:
    """Swap the new text in, through links, keeping the mode."""
    path = file.path.resolve()
    path.parent.mkdir(parents=True, exist_ok=True)
    mode = path.stat().st_mode & 0o7777 if path.exists() else 0o644
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    with os.fdopen(handle, "w", encoding="utf-8", newline="") as made:
        made.write(file.new)
    temporary = Path(name)
    temporary.chmod(mode)
    temporary.replace(path)
