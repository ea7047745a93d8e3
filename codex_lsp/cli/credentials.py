"""Puts the credentials together: one source for this process, over the store that is configured."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

from codex_lsp.auth.files import LocalFiles
from codex_lsp.auth.lock import KernelLock
from codex_lsp.auth.settings import AuthSettings, read_settings
from codex_lsp.auth.source import CredentialSource, SystemClock, open_source
from codex_lsp.auth.store import FileStore
from codex_lsp.auth.stores import choose_store
from codex_lsp.config.endpoints import endpoints
from codex_lsp.config.home import codex_home
from codex_lsp.net.client import post

if TYPE_CHECKING:
    from codex_lsp.config.codex_toml import CodexToml


def open_credentials(config: CodexToml) -> CredentialSource:
    """The source for CODEX_HOME; raises `BadHome` and `AuthError`."""
    settings = auth_settings(config)
    file = FileStore(settings.file, LocalFiles(), SystemClock(), KernelLock, polite=settings.shared)
    store = choose_store(config.cli_auth_credentials_store, settings.home, file)
    return open_source(settings, post, store=store)


def auth_settings(config: CodexToml) -> AuthSettings:
    """What the environment and config.toml say of signing in."""
    found = read_settings(os.environ, codex_home())
    return replace(
        found,
        issuer=endpoints(config).issuer,
        forced_method=config.forced_login_method,
        forced_workspaces=frozenset(config.forced_chatgpt_workspace_id),
    )
