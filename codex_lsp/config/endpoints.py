"""Which addresses we talk to and as whom: Codex's own names redirect us, for tests and proxies.

They come from the environment of this process and from config.toml in CODEX_HOME. Nothing here
is ever read from a workspace: a repository must not choose where credentials are sent.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit, urlunsplit

from codex_lsp import __version__
from codex_lsp.config.codex_toml import CodexToml

OPENAI = "https://api.openai.com/v1"
CHATGPT = "https://chatgpt.com/backend-api/"
ISSUER = "https://auth.openai.com"
CLIENT_ID = "app_EMoamEEZ73f0CkXaXp7hrann"  # the public id that Codex sign-ins are made for
ORIGINATOR = "codex_lsp"


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Base addresses end without a slash. `model_base` differs by how one is signed in."""

    api_base: str = OPENAI
    chatgpt_model_base: str = f"{CHATGPT}codex"
    issuer: str = ISSUER
    token_url: str = f"{ISSUER}/oauth/token"
    revoke_url: str = f"{ISSUER}/oauth/revoke"
    client_id: str = CLIENT_ID
    originator: str = ORIGINATOR


def endpoints(config: CodexToml, environ: Mapping[str, str] = os.environ) -> Endpoints:
    """The addresses that hold for this process.

    `openai_base_url` replaces the base of model requests for both kinds of sign-in, and
    `chatgpt_base_url` the one for ChatGPT, to which `codex` is added.
    """
    chatgpt = (config.chatgpt_base_url or CHATGPT).rstrip("/")
    token_url = environ.get("CODEX_REFRESH_TOKEN_URL_OVERRIDE")
    return Endpoints(
        api_base=(config.openai_base_url or OPENAI).rstrip("/"),
        chatgpt_model_base=(config.openai_base_url or f"{chatgpt}/codex").rstrip("/"),
        issuer=(_trimmed(environ, "CODEX_APP_SERVER_LOGIN_ISSUER") or ISSUER).rstrip("/"),
        token_url=token_url or f"{ISSUER}/oauth/token",
        revoke_url=environ.get("CODEX_REVOKE_TOKEN_URL_OVERRIDE") or _revoke_beside(token_url),
        client_id=_trimmed(environ, "CODEX_APP_SERVER_LOGIN_CLIENT_ID") or CLIENT_ID,
        originator=_trimmed(environ, "CODEX_INTERNAL_ORIGINATOR_OVERRIDE") or ORIGINATOR,
    )


def user_agent(originator: str, editor: str = "") -> str:
    """`originator/version (system release; machine) editor`, printable ASCII only."""
    system = f"{platform.system()} {platform.release()}; {platform.machine()}"
    named = f"{originator}/{__version__} ({system}) {editor}".strip()
    return "".join(c if " " <= c <= "~" else "_" for c in named)


def _revoke_beside(token_url: str | None) -> str:
    if not token_url:
        return f"{ISSUER}/oauth/revoke"
    return urlunsplit(urlsplit(token_url)._replace(path="/oauth/revoke", query="", fragment=""))


def _trimmed(environ: Mapping[str, str], name: str) -> str:
    return environ.get(name, "").strip()
