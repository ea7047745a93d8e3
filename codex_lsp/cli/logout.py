"""`codex-lsp logout`: remove the sign-in that all windows share, and revoke it."""

from __future__ import annotations

import argparse
import asyncio
import sys

from codex_lsp.auth.errors import AuthError
from codex_lsp.cli.configuration import add_options, configured
from codex_lsp.cli.credentials import open_accounts
from codex_lsp.config.home import BadHome


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument("--auth-file", metavar="FILE", help="a credentials file of our own")
    add_options(parser)


def run(args: argparse.Namespace) -> int:
    """Sign out; returns the exit code."""
    try:
        return asyncio.run(_logout(args))
    except (AuthError, BadHome) as error:
        print(f"codex-lsp: {error}", file=sys.stderr)
        return 1


async def _logout(args: argparse.Namespace) -> int:
    accounts = open_accounts(configured(args), args.auth_file)
    before = await accounts.source.status()
    told = await accounts.sign_out()
    print("Nobody was signed in." if before.kind == "none" else "Signed out.")
    if not told:
        print("The sign-in service could not be told; the tokens end by themselves.")
    if before.store == "environment":
        print("CODEX_API_KEY is set in this environment and stays in use, wherever it is set.")
    return 0
