"""Puts the credentials together: one source for this process, over the store that is configured."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

from codex_lsp.auth.settings import AuthSettings, read_settings
from codex_lsp.auth.source import CredentialSource, open_source
from codex_lsp.config.home import codex_home
from codex_lsp.net.client import post

if TYPE_CHECKING:
    from codex_lsp.config.codex_toml import CodexToml


def open_credentials(config: CodexToml) -> CredentialSource:
    """The source for CODEX_HOME; raises `BadHome` and `AuthError`."""
    return open_source(auth_settings(config), post)


def auth_settings(config: CodexToml) -> AuthSettings:
    """What the environment and config.toml say of signing in."""
    found = read_settings(os.environ, codex_home())
    return replace(
        found,
        forced_method=config.forced_login_method,
        forced_workspaces=frozenset(config.forced_chatgpt_workspace_id),
    )
