"""`codex-lsp login`: sign in for every window, and for the Codex CLI that shares the file."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import time
import webbrowser
from collections.abc import Awaitable, Callable
from getpass import getpass

from codex_lsp.auth.errors import AuthError, StoreUnusable
from codex_lsp.auth.login import api_key, browser, device
from codex_lsp.auth.login.device import DeviceCode
from codex_lsp.auth.login.grant import Desk, SignedIn
from codex_lsp.auth.source import CredentialSource
from codex_lsp.cli.credentials import auth_settings, open_credentials
from codex_lsp.cli.status import described
from codex_lsp.config import codex_toml
from codex_lsp.config.home import BadHome, codex_home
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
    config = codex_toml.read(codex_home())
    if config.cli_auth_credentials_store == "ephemeral":
        raise StoreUnusable(
            "config.toml (cli_auth_credentials_store) keeps credentials in memory only, so a "
            "sign-in here would end with this command. Sign in from the editor."
        )
    settings, source = auth_settings(config), open_credentials(config)
    desk = Desk(settings, post)
    if args.port is not None:
        desk = Desk(settings, post, ports=(args.port,))
    if args.with_api_key:
        key = api_key.from_text(_read_key(), settings)
        await source.sign_in(api_key.document(key))
    elif args.device_auth:
        await device.sign_in(desk, show_code=_show_code, keep=_keeper(source))
    else:
        await browser.sign_in(desk, open_url=_open_url, keep=_keeper(source))
    print(described(await source.status()))
    if settings.api_key is not None:
        print("CODEX_API_KEY is set in this environment and is used instead, wherever it is set.")
    return 0


def _keeper(source: CredentialSource) -> Callable[[SignedIn], Awaitable[None]]:
    async def keep(signed_in: SignedIn) -> None:
        await source.sign_in(signed_in.document(time.time()))

    return keep


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
