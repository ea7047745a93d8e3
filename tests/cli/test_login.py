"""`login`, `logout` and `status` as commands: real processes, a real authority, one CODEX_HOME."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.doubles.authority import RemoteAuthority, authority_process
from tests.doubles.minted import ALICE, BOB

ROOT = Path(__file__).resolve().parents[2]
# A browser whose person says yes to everything; it is given the address as its argument.
BROWSER = """
import sys, urllib.request
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
print(opener.open(sys.argv[1], timeout=30).read().decode(), file=open(sys.argv[2], "w"))
"""


@dataclass(frozen=True, slots=True)
class Shell:
    """A person's shell, with their own home and a browser that agrees."""

    home: Path
    authority: RemoteAuthority

    def run(self, *words: str, stdin: str = "", **environ: str) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [sys.executable, "-m", "codex_lsp", *words],
            check=False,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=60,
            cwd=ROOT,
            env=self._environ() | environ,
        )
        stored = (self.home / "auth.json").read_text() if self.signed_in else "{}"
        for secret in (json.loads(stored).get("tokens") or {}).values():
            if secret != ALICE.account_id:
                assert secret not in done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return done

    @property
    def signed_in(self) -> bool:
        return (self.home / "auth.json").exists()

    @property
    def refresh_token(self) -> str:
        token = json.loads((self.home / "auth.json").read_text())["tokens"]["refresh_token"]
        return str(token)

    def _environ(self) -> dict[str, str]:
        script, page = self.home / "browser.py", self.home / "page.html"
        script.write_text(BROWSER)
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("CODEX_", "OPENAI_"))}
        return kept | {
            "CODEX_HOME": str(self.home),
            "CODEX_APP_SERVER_LOGIN_ISSUER": self.authority.url,
            "CODEX_REFRESH_TOKEN_URL_OVERRIDE": f"{self.authority.url}/oauth/token",
            "BROWSER": f"{sys.executable} {script} %s {page}",
            "PYTHONPATH": str(ROOT),
        }


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    with authority_process() as authority:
        yield Shell(tmp_path, authority)


def test_signing_in_with_a_browser_and_out_again(shell: Shell) -> None:
    done = shell.run("login", "--port", "0")
    assert done.returncode == 0, done.stderr
    assert f"as {ALICE.email} (pro)" in done.stdout
    assert "You are signed in" in (shell.home / "page.html").read_text()
    assert (shell.home / "auth.json").stat().st_mode & 0o777 == 0o600
    token = shell.refresh_token
    assert shell.authority.is_live(token)

    status = shell.run("status", "--json")
    assert status.returncode == 0
    told = json.loads(status.stdout)
    assert (told["kind"], told["email"], told["plan"], told["store"], told["accountId"]) == (
        "chatgpt",
        ALICE.email,
        "pro",
        "file",
        ALICE.account_id,
    )

    out = shell.run("logout")
    assert (out.returncode, out.stdout) == (0, "Signed out.\n")
    assert not shell.signed_in
    assert not shell.authority.is_live(token)
    assert shell.run("status").returncode == 1
    assert shell.run("logout").stdout == "Nobody was signed in.\n"


def test_signing_in_with_a_device_code(shell: Shell) -> None:
    shell.authority.set(device_answers=["pending"], person="bob")
    done = shell.run("login", "--device-auth")
    assert done.returncode == 0, done.stderr
    assert f"{shell.authority.url}/codex/device" in done.stdout
    assert BOB.email in done.stdout


def test_a_sign_in_that_is_declined_leaves_what_was_there(shell: Shell) -> None:
    shell.run("login", "--port", "0")
    before = (shell.home / "auth.json").read_bytes()
    shell.authority.set(denies="access_denied")
    done = shell.run("login", "--port", "0")
    assert done.returncode == 1
    assert "declined" in done.stderr
    assert (shell.home / "auth.json").read_bytes() == before
    assert shell.authority.is_live(shell.refresh_token)


def test_an_api_key_comes_from_standard_input_only(shell: Shell) -> None:
    done = shell.run("login", "--with-api-key", stdin="sk-proj-canary\n")
    assert (done.returncode, done.stdout) == (0, "Signed in with an API key. Kept in: file.\n")
    stored = json.loads((shell.home / "auth.json").read_text())
    assert stored == {"auth_mode": "apikey", "OPENAI_API_KEY": "sk-proj-canary"}
    assert "sk-proj" not in shell.run("status", "--json").stdout
    assert shell.run("logout").stdout == "Signed out.\n"
    assert shell.authority.stats()["revoked"] == 0
    assert shell.run("login", "--with-api-key", stdin="").returncode == 1


def test_signing_out_does_not_need_the_authority(shell: Shell) -> None:
    shell.run("login", "--port", "0")
    shell.authority.set(revoke_status=503)
    done = shell.run("logout")
    assert done.returncode == 0
    assert "could not be told" in done.stdout
    assert not shell.signed_in


def test_the_configuration_can_force_a_way_and_a_workspace(shell: Shell) -> None:
    config = shell.home / "config.toml"
    config.write_text('forced_login_method = "chatgpt"\n')
    refused = shell.run("login", "--with-api-key", stdin="sk-proj-1")
    assert (refused.returncode, shell.signed_in) == (1, False)
    assert "forced_login_method" in refused.stderr
    config.write_text(f'forced_chatgpt_workspace_id = "{BOB.account_id}"\n')
    refused = shell.run("login", "--port", "0")
    assert (refused.returncode, shell.signed_in) == (1, False)
    assert "workspace" in refused.stderr


def test_a_store_that_lives_in_memory_is_not_signed_in_to_from_a_shell(shell: Shell) -> None:
    (shell.home / "config.toml").write_text('cli_auth_credentials_store = "ephemeral"\n')
    done = shell.run("login", "--with-api-key", stdin="sk-proj-1")
    assert done.returncode == 1
    assert "from the editor" in done.stderr


def test_an_environment_key_is_said_to_be_in_the_way(shell: Shell) -> None:
    done = shell.run("login", "--port", "0", CODEX_API_KEY="sk-proj-canary")
    assert "CODEX_API_KEY is set" in done.stdout
    assert "sk-proj" not in done.stdout


def test_a_keyring_that_is_not_there_is_said_and_auto_does_without(shell: Shell) -> None:
    none = {"PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring"}
    config = shell.home / "config.toml"
    config.write_text('cli_auth_credentials_store = "keyring"\n')
    refused = shell.run("login", "--with-api-key", stdin="sk-proj-1", **none)
    assert (refused.returncode, shell.signed_in) == (1, False)
    assert "keyring cannot be used" in refused.stderr
    config.write_text('cli_auth_credentials_store = "auto"\n')
    assert shell.run("login", "--with-api-key", stdin="sk-proj-1", **none).returncode == 0
    assert shell.signed_in
    assert json.loads(shell.run("status", "--json", **none).stdout)["kind"] == "apiKey"


def test_a_file_of_our_own_is_signed_in_to_by_itself(shell: Shell) -> None:
    own = shell.home / "own.json"
    shell.run("login", "--with-api-key", "--auth-file", str(own), stdin="sk-proj-1")
    assert (own.exists(), shell.signed_in) == (True, False)
    assert shell.run("status").returncode == 1
    assert shell.run("status", "--auth-file", str(own)).returncode == 0
    assert shell.run("logout", "--auth-file", str(own)).stdout == "Signed out.\n"
    assert not own.exists()
