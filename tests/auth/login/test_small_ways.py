"""Signing in with an API key, and telling the authority that a login is over."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from codex_lsp.auth.login import api_key
from codex_lsp.auth.login.failures import NotAllowed, SignInFailed
from codex_lsp.auth.login.revoke import revoke
from codex_lsp.auth.record import ApiKey, read_record
from codex_lsp.auth.settings import AuthSettings
from codex_lsp.auth.tokens import Secret
from tests.auth.login.person import desk_at
from tests.doubles.authority import Authority

ANYTHING = AuthSettings(home=Path("home"), file=Path("home/auth.json"))


@pytest.mark.parametrize("piped", ["sk-proj-1", "sk-proj-1\n", "  sk-proj-1\r\n"])
def test_a_piped_key_is_one_line(piped: str) -> None:
    key = api_key.from_text(piped, ANYTHING)
    assert key == Secret("sk-proj-1")
    assert read_record(api_key.document(key)).record == ApiKey(key)


@pytest.mark.parametrize("piped", ["", "\n", "sk-1\nsk-2", "two words", "sk-\x1b[31m", "sk-ü"])
def test_what_is_no_key_is_refused_without_repeating_it(piped: str) -> None:
    with pytest.raises(SignInFailed) as refusal:
        api_key.from_text(piped, ANYTHING)
    assert "sk-" not in str(refusal.value)


def test_a_forced_chatgpt_login_refuses_a_key() -> None:
    with pytest.raises(NotAllowed, match="forced_login_method"):
        api_key.from_text("sk-proj-1", replace(ANYTHING, forced_method="chatgpt"))


async def test_revoking_ends_the_family(tmp_path: Path) -> None:
    authority = Authority()
    token = authority.sign_in().refresh_token
    async with desk_at(authority, tmp_path) as desk:
        assert await revoke(Secret(token), desk.settings, desk.post)
    assert authority.revoked == [token]
    assert not authority.is_live(token)


async def test_a_failed_revocation_is_a_no_and_not_an_error(tmp_path: Path) -> None:
    authority = Authority()
    authority.revoke_status = 500
    async with desk_at(authority, tmp_path) as desk:
        assert not await revoke(Secret("rt"), desk.settings, desk.post)
    assert not await revoke(Secret("rt"), desk.settings, desk.post)  # its server is gone now
