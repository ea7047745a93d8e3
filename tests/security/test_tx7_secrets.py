"""TX7, beyond the sign-in (tests/auth/test_secrecy.py): secrets of the environment and of files
reach no command, no message to the editor, and not the model.
"""

from __future__ import annotations

import json
import random
import string
from pathlib import Path

from codex_lsp.agent.events import ItemDone
from codex_lsp.sandbox.environment import child_environment
from codex_lsp.sandbox.policy import Environment
from tests.auth.test_secrecy import FORMATS
from tests.doubles.scripted_model import call
from tests.security.obedient import Obedient, place
from tests.security.test_tx1_hostile_repositories import build

EACH = 84
NAMES = (
    "OPENAI_API_KEY", "CODEX_HOME", "GITHUB_TOKEN", "AWS_SECRET_ACCESS_KEY", "DB_PASSWORD",
    "my_secret_{}", "X{}_TOKEN", "{}KEY", "CREDENTIALS_{}", "Npm_Token{}", "PGPASSWORD{}",
)  # fmt: skip
FILES = (".env", ".env.local", "id_rsa", "id_ed25519.bak", "server.pem", "x.key", "auth.json",
         ".netrc", ".npmrc", ".git/config", ".pgpass", "store.jks")  # fmt: skip


def canaries() -> list[str]:
    source = random.Random(7)
    return [make(source) for make in FORMATS.values() for _ in range(EACH)]


def test_no_secret_variable_reaches_a_command() -> None:
    secrets = canaries()
    assert len(secrets) > 1000
    source = random.Random(1)
    names = [
        source.choice(NAMES).format("".join(source.choices(string.ascii_uppercase, k=12)) + str(n))
        for n in range(len(secrets))
    ]
    env = {"PATH": "/bin", "LANG": "C"} | dict(zip(names, secrets, strict=True))
    for confined in (True, False):
        given = child_environment(env, Environment(), network=False, confined=confined)
        said = "\n".join(given.values())
        assert not [secret for name, secret in env.items() if name in names and secret in said]
        assert given["PATH"] == "/bin"


async def test_no_secret_of_a_file_reaches_the_model_or_the_editor(tmp_path: Path) -> None:
    secrets = canaries()
    per_file = len(secrets) // len(FILES)
    parts = {
        name: "\n".join(f"v{n}={one}" for n, one in enumerate(secrets[at * per_file :][:per_file]))
        for at, name in enumerate(FILES)
    }
    build(tmp_path, parts)
    calls: list[ItemDone] = []
    for name in FILES:
        calls += [
            call("read_file", json.dumps({"path": name})),
            call("view_image", json.dumps({"path": name})),
            call("search_files", json.dumps({"pattern": "v1=", "path": name})),
            call("exec_command", json.dumps({"cmd": f"cat {name}"})),
        ]
    calls += [call("search_files", json.dumps({"pattern": "v[0-9]+=", "path": "."}))]
    calls += [call("list_files", json.dumps({"path": "."}))]
    async with place(tmp_path, calls, level="untrusted") as (one, recorder):
        one.open(tmp_path / "work" / "main.py")
        task = (await one.execute("codex.do", {"prompt": "Read all."}))["taskId"]
        while one.bench.tasks.running():
            await one.until(lambda: one.bench.approvals.pending() or not one.bench.tasks.running())
            for pending in one.bench.approvals.pending():
                one.bench.approvals.respond(pending.id, "deny")
                await one.until(lambda: one.bench.approvals.pending() != [pending])  # noqa: B023
        await one.ended(task)
        model = one.bench.adapters.open_model(None)
        assert isinstance(model, Obedient)
        said = repr(one.said) + model.heard
    assert recorder.started == []
    assert [secret for secret in secrets if secret in said] == []
    assert "is protected and is not sent" in said
