"""Keys in the environment: one goes before the store, the other where nobody is signed in."""

from __future__ import annotations

from pathlib import Path

import pytest

from codex_lsp.auth.errors import SignedOut
from codex_lsp.auth.settings import read_settings
from codex_lsp.auth.source import CredentialSource, open_source
from codex_lsp.config.codex_toml import CodexToml
from codex_lsp.net.client import post


def source(home: Path, **environ: str) -> CredentialSource:
    return open_source(read_settings(environ, home, CodexToml()), post)


def sign_in_by_key(home: Path, key: str) -> None:
    (home / "auth.json").write_text(f'{{"auth_mode": "apikey", "OPENAI_API_KEY": "{key}"}}')


async def test_openai_api_key_is_used_where_nobody_is_signed_in(tmp_path: Path) -> None:
    found = source(tmp_path, OPENAI_API_KEY=" sk-spare \n")
    assert (await found.current()).token.reveal() == "sk-spare"
    assert (await found.status()).store == "environment"


async def test_a_sign_in_goes_before_openai_api_key(tmp_path: Path) -> None:
    sign_in_by_key(tmp_path, "sk-stored")
    found = source(tmp_path, OPENAI_API_KEY="sk-spare")
    assert (await found.current()).token.reveal() == "sk-stored"
    assert (await found.status()).store == "file"


async def test_codex_api_key_goes_before_a_sign_in(tmp_path: Path) -> None:
    sign_in_by_key(tmp_path, "sk-stored")
    found = source(tmp_path, CODEX_API_KEY="sk-first", OPENAI_API_KEY="sk-spare")
    assert (await found.current()).token.reveal() == "sk-first"


async def test_empty_keys_are_none(tmp_path: Path) -> None:
    with pytest.raises(SignedOut):
        await source(tmp_path, CODEX_API_KEY=" ", OPENAI_API_KEY="").current()
