"""`codex-lsp`: picks the verb and runs it. `serve` is the default, as editors call it bare."""

from __future__ import annotations

import argparse
import os
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

_INTERRUPTED = 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program; returns its exit code."""
    verb, args = parsed(sys.argv[1:] if argv is None else argv)
    try:
        code = int(import_module(VERBS[verb][0]).run(args))
        if sys.stdout is not None:
            sys.stdout.flush()
    except KeyboardInterrupt:
        return _INTERRUPTED
    except BrokenPipeError:
        # Whoever read this, such as `head`, has seen enough; Python would flush once more at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 1
    return code


def parsed(argv: Sequence[str]) -> tuple[str, argparse.Namespace]:
    """The verb that `argv` names, and its options; leaves with a word about it if it is none."""
    words = list(argv)
    parser = argparse.ArgumentParser(prog="codex-lsp", description="Codex for every LSP editor.")
    parser.add_argument("--version", action="version", version=f"codex-lsp {__version__}")
    choices = parser.add_subparsers(dest="verb", metavar="VERB")
    verb = _named_verb(words)
    for name, (_, summary) in VERBS.items():
        choice = choices.add_parser(name, help=summary)
        if name == verb:
            import_module(VERBS[name][0]).configure(choice)
    return verb, parser.parse_args(words)


def _named_verb(words: list[str]) -> str:
    """The verb in `words`. Puts `serve` in front of words that name none and ask nothing of us."""
    if words and not words[0].startswith("-"):
        return words[0]
    if not {"-h", "--help", "--version"} & set(words):
        words.insert(0, "serve")
    return "serve"
