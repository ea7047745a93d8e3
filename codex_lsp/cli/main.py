"""`codex-lsp`: picks the verb and runs it. `serve` is the default, as editors call it bare."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module

from codex_lsp import __version__

VERBS: dict[str, tuple[str, str]] = {
    "serve": ("codex_lsp.cli.serve", "run the language server (the default)"),
    "login": ("codex_lsp.cli.login", "sign in with ChatGPT or an API key"),
    "logout": ("codex_lsp.cli.logout", "sign out, here and at the sign-in service"),
    "status": ("codex_lsp.cli.status", "show who is signed in"),
    "doctor": ("codex_lsp.cli.doctor", "say what works on this machine and what does not"),
    "setup": ("codex_lsp.cli.setup", "print or write the configuration of an editor"),
    "demo": ("codex_lsp.cli.demo", "watch a fix happen, with the model that is there"),
    "local": ("codex_lsp.cli.local", "manage model files that answer on this machine"),
}
"""Verb to its module, which has `configure(parser)` and `run(args) -> int`, and its help."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program; returns its exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    parser = argparse.ArgumentParser(prog="codex-lsp", description="Codex for every LSP editor.")
    parser.add_argument("--version", action="version", version=f"codex-lsp {__version__}")
    choices = parser.add_subparsers(dest="verb", metavar="VERB")
    verb = _named_verb(words)
    for name, (_, summary) in VERBS.items():
        choice = choices.add_parser(name, help=summary)
        if name == verb:
            module = import_module(VERBS[name][0])
            module.configure(choice)
    args = parser.parse_args(words)
    return int(module.run(args))


def _named_verb(words: list[str]) -> str:
    """The verb in `words`. Puts `serve` in front of words that name none and ask nothing of us."""
    if words and not words[0].startswith("-"):
        return words[0]
    if not {"-h", "--help", "--version"} & set(words):
        words.insert(0, "serve")
    return "serve"
