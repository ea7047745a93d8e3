"""Where credentials and authority are: from the person's environment, never a workspace's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from codex_lsp.auth.errors import StoreUnusable
from codex_lsp.auth.tokens import Secret
from codex_lsp.config.codex_toml import CodexToml
from codex_lsp.config.endpoints import Endpoints, endpoints

_USUAL = Endpoints()
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


@dataclass(frozen=True, slots=True)
class AuthSettings:
    """`file` is the credentials file; `shared` says that Codex uses it too.

    `api_key` goes before what is stored; `spare_key` is used where nobody is signed in.

    `early` is the span, in seconds before expiry, in which a window picks its moment to refresh:
    earlier than Codex, whose moment is 300 s, so that it finds fresh tokens. `courtesy` is the
    span of seconds that it waits after an unexpected 401, when every program wants to refresh at
    the same moment, for one that takes no lock to go first.
    """

    home: Path
    file: Path
    shared: bool = True
    api_key: Secret | None = None
    spare_key: Secret | None = None
    forced_method: Literal["chatgpt", "api"] | None = None
    forced_workspaces: frozenset[str] = frozenset()
    client_id: str = _USUAL.client_id
    issuer: str = _USUAL.issuer
    token_url: str = _USUAL.token_url
    revoke_url: str = _USUAL.revoke_url
    early: tuple[float, float] = (600.0, 900.0)
    courtesy: tuple[float, float] = (0.0, 0.0)
    request_seconds: float = 30.0
    lock_seconds: float = 60.0

    def __post_init__(self) -> None:
        for url in (self.issuer, self.token_url, self.revoke_url):
            parts = urlsplit(url)
            if parts.scheme != "https" and parts.hostname not in _LOOPBACK:
                raise StoreUnusable(f"Tokens go over https only, and {url} is not. Correct it.")


def read_settings(
    environ: Mapping[str, str],
    home: Path,
    config: CodexToml,
    *,
    file: Path | None = None,
) -> AuthSettings:
    """Settings for CODEX_HOME `home`; `file` is a credentials file of our own in its stead."""
    at = endpoints(config, environ)
    key = environ.get("CODEX_API_KEY", "").strip()
    spare = environ.get("OPENAI_API_KEY", "").strip()
    return AuthSettings(
        home=home,
        file=file or home / "auth.json",
        shared=file is None,
        api_key=Secret(key) if key else None,
        spare_key=Secret(spare) if spare else None,
        forced_method=config.forced_login_method,
        forced_workspaces=frozenset(config.forced_chatgpt_workspace_id),
        client_id=at.client_id,
        issuer=at.issuer,
        token_url=at.token_url,
        revoke_url=at.revoke_url,
    )
