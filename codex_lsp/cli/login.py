"""`codex-lsp login`: sign in for every window, and for the Codex CLI that shares the file."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import webbrowser
from getpass import getpass

from codex_lsp.auth.accounts import Accounts
from codex_lsp.auth.errors import AuthError, StoreUnusable
from codex_lsp.auth.login.device import DeviceCode
from codex_lsp.auth.login.grant import Desk
from codex_lsp.cli.configuration import add_options, configured
from codex_lsp.cli.credentials import auth_settings, open_accounts
from codex_lsp.cli.status import described
from codex_lsp.config.home import BadHome
from codex_lsp.net.client import post

_INTERRUPTED = 130


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    how = parser.add_mutually_exclusive_group()
    how.add_argument(
        "--device-auth", action="store_true", help="show a code to type in on any device"
    )
    how.add_argument(
        "--with-api-key", action="store_true", help="read an API key from standard input"
    )
    parser.add_argument("--auth-file", metavar="FILE", help="a credentials file of our own")
    add_options(parser)
    # The authority lets a browser come back to two ports only; a test has an authority of its own.
    parser.add_argument("--port", type=int, help=argparse.SUPPRESS)


def run(args: argparse.Namespace) -> int:
    """Sign in; returns the exit code."""
    try:
        return asyncio.run(_login(args))
    except (AuthError, BadHome) as error:
        print(f"codex-lsp: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nThe sign-in was cancelled; nothing has changed.", file=sys.stderr)
        return _INTERRUPTED


async def _login(args: argparse.Namespace) -> int:
    config = configured(args)
    if config.cli_auth_credentials_store == "ephemeral":
        raise StoreUnusable(
            "config.toml (cli_auth_credentials_store) keeps credentials in memory only, so a "
            "sign-in here would end with this command. Sign in from the editor."
        )
    accounts = open_accounts(config, args.auth_file)
    settings = auth_settings(config, args.auth_file)
    if args.port is not None:
        accounts = Accounts(accounts.source, Desk(settings, post, ports=(args.port,)))
    if args.with_api_key:
        status = await accounts.sign_in_by_key(_read_key())
    elif args.device_auth:
        status = await accounts.sign_in_by_code(_show_code)
    else:
        status = await accounts.sign_in_by_browser(_open_url)
    print(described(status))
    if settings.api_key is not None:
        print("CODEX_API_KEY is set in this environment and is used instead, wherever it is set.")
    return 0


async def _open_url(url: str) -> None:
    print("Sign in with your browser. If none opens, go to:\n", flush=True)
    print(f"{url}\n", flush=True)
    if _has_browser():
        await asyncio.to_thread(webbrowser.open, url)


async def _show_code(shown: DeviceCode) -> None:
    print(f"1. Open this page and sign in:  {shown.url}")
    print(f"2. Type in this code, which is good for {shown.minutes} minutes:  {shown.code}\n")
    print(
        "Go on only if you started this sign-in yourself. Nobody else may give you a code.",
        flush=True,
    )


def _has_browser() -> bool:
    """Without a screen, a browser would be one in this terminal, which we are using."""
    if os.environ.get("BROWSER") or sys.platform in ("darwin", "win32"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def _read_key() -> str:
    if sys.stdin.isatty():
        return getpass("API key (not shown): ")
    return sys.stdin.read(4096)
