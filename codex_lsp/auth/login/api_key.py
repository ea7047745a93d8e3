"""Signing in with an API key that a person pipes or types in. It is stored unasked-about."""

from __future__ import annotations

import json

from codex_lsp.auth.login.failures import SignInFailed
from codex_lsp.auth.login.grant import check_method
from codex_lsp.auth.settings import AuthSettings
from codex_lsp.auth.tokens import Secret


def from_text(text: str, settings: AuthSettings) -> Secret:
    """The key in `text`, which may end in a newline; raises `SignInFailed`."""
    check_method(settings, "api")
    key = text.strip()
    if not key:
        raise SignInFailed(
            "No API key came in. Pipe it in: "
            "printenv OPENAI_API_KEY | codex-lsp login --with-api-key"
        )
    if not key.isascii() or not key.isprintable() or " " in key:
        raise SignInFailed("That is no API key: it must be one line of plain characters.")
    return Secret(key)


def document(key: Secret) -> bytes:
    """The whole content of a store for an API key."""
    fields = {"auth_mode": "apikey", "OPENAI_API_KEY": key.reveal()}
    return json.dumps(fields, indent=2).encode()
