"""`codex-lsp status`: who is signed in, as stored. It asks nobody and refreshes nothing."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from datetime import UTC, datetime

from codex_lsp.auth.errors import AuthError
from codex_lsp.auth.source import Status
from codex_lsp.cli.configuration import add_options, configured
from codex_lsp.cli.credentials import open_accounts
from codex_lsp.config.home import BadHome


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument("--auth-file", metavar="FILE", help="a credentials file of our own")
    add_options(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(args: argparse.Namespace) -> int:
    """Show it; returns 0 when somebody is signed in."""
    try:
        status = asyncio.run(_status(args))
    except (AuthError, BadHome) as error:
        print(f"codex-lsp: {error}", file=sys.stderr)
        return 1
    print(json.dumps(as_json(status)) if args.json else described(status))
    return 0 if status.kind != "none" else 1


def described(status: Status) -> str:
    """The status in a person's words."""
    match status.kind:
        case "chatgpt":
            plan = f" ({status.plan})" if status.plan else ""
            text = f"Signed in with ChatGPT as {status.email or 'someone'}{plan}."
        case "apiKey":
            text = "Signed in with an API key."
        case "other":
            text = "Signed in, in a way that only the Codex CLI understands."
        case "none":
            text = "Nobody is signed in. Sign in with: codex-lsp login"
    if status.kind != "none":
        text += f" Kept in: {status.store}."
    return text if status.last_error is None else f"{text}\n{status.last_error}"


def as_json(status: Status) -> dict[str, object]:
    """The status for programs; `expiresAt` is when the access token ends, RFC 3339."""
    expires = status.expires_at
    return {
        "kind": status.kind,
        "store": status.store,
        "email": status.email,
        "plan": status.plan,
        "accountId": status.account_id,
        "expiresAt": None if expires is None else datetime.fromtimestamp(expires, UTC).isoformat(),
        "lastError": status.last_error,
    }


async def _status(args: argparse.Namespace) -> Status:
    return await open_accounts(configured(args), args.auth_file).source.status()
