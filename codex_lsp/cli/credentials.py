"""Puts the credentials together: one source for this process, over the store that is configured.

A credentials file of our own (`--auth-file`) comes from the command line or the environment and
never from an editor's settings: those may stand in a workspace, which must not choose an account.
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from codex_lsp.auth.accounts import Accounts
from codex_lsp.auth.files import LocalFiles
from codex_lsp.auth.lock import KernelLock
from codex_lsp.auth.login.grant import Desk
from codex_lsp.auth.settings import AuthSettings, read_settings
from codex_lsp.auth.source import CredentialSource, SystemClock, open_source
from codex_lsp.auth.store import FileStore
from codex_lsp.auth.stores import choose_store
from codex_lsp.config.home import codex_home
from codex_lsp.net.client import post

if TYPE_CHECKING:
    from codex_lsp.auth.ports import TokenStore
    from codex_lsp.config.codex_toml import CodexToml

OWN_FILE = "CODEX_LSP_AUTH_FILE"
COURTESY = (0.5, 1.5)


def open_accounts(config: CodexToml, own_file: str | None = None) -> Accounts:
    """The sign-in for CODEX_HOME, or the one in `own_file`; raises `BadHome` and `AuthError`."""
    settings = auth_settings(config, own_file or os.environ.get(OWN_FILE) or None)
    source = open_source(settings, post, store=_store(config, settings))
    return Accounts(source, Desk(settings, post))


def open_credentials(config: CodexToml) -> CredentialSource:
    """The credentials alone, for CODEX_HOME; raises `BadHome` and `AuthError`."""
    return open_accounts(config).source


def auth_settings(config: CodexToml, own_file: str | None = None) -> AuthSettings:
    """What the environment, config.toml and the command line say of signing in."""
    file = None if own_file is None else Path(own_file).expanduser().absolute()
    found = read_settings(os.environ, codex_home(), config, file=file)
    return replace(found, courtesy=COURTESY) if found.shared else found


def _store(config: CodexToml, settings: AuthSettings) -> TokenStore:
    file = FileStore(settings.file, LocalFiles(), SystemClock(), KernelLock, polite=settings.shared)
    if not settings.shared:
        return file
    return choose_store(config.cli_auth_credentials_store, settings.home, file)
