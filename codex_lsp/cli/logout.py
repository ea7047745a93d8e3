"""`codex-lsp logout`: remove the sign-in that all windows share, and revoke it."""

from __future__ import annotations

import argparse
import asyncio
import sys

from codex_lsp.auth.errors import AuthError
from codex_lsp.auth.login.revoke import revoke
from codex_lsp.auth.record import ChatGpt
from codex_lsp.cli.credentials import auth_settings, open_credentials
from codex_lsp.config import codex_toml
from codex_lsp.config.home import BadHome, codex_home
from codex_lsp.net.client import post


def configure(parser: argparse.ArgumentParser) -> None:
    """There are no options."""


def run(_args: argparse.Namespace) -> int:
    """Sign out; returns the exit code."""
    try:
        return asyncio.run(_logout())
    except (AuthError, BadHome) as error:
        print(f"codex-lsp: {error}", file=sys.stderr)
        return 1


async def _logout() -> int:
    config = codex_toml.read(codex_home())
    settings = auth_settings(config)
    removed = await open_credentials(config).sign_out()
    if removed is None:
        print("Nobody was signed in.")
        return 0
    print("Signed out.")
    if isinstance(removed, ChatGpt) and not await revoke(removed.refresh, settings, post):
        print("The sign-in service could not be told; the tokens end by themselves.")
    if settings.api_key is not None:
        print("CODEX_API_KEY is set in this environment and stays in use, wherever it is set.")
    return 0
