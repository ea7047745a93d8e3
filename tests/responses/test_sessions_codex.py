"""The real Codex CLI goes on with a conversation of ours, and we with one of its."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path
from typing import Any

from codex_lsp.agent.conversation import AssistantMessage, Message, ToolCall, ToolOutput
from codex_lsp.responses.body import item_json
from codex_lsp.responses.sessions import Sessions
from tests.doubles.model_script import says
from tests.doubles.model_service import ModelService
from tests.e2e.tools import require
from tests.responses.test_sessions import FIRST, SECOND, THREAD, told


async def codex(folder: Path, *words: str) -> None:
    """One turn of `codex exec`."""
    codex_home, work = folder / "home", folder / "work"
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("CODEX_", "OPENAI_"))}
    process = await asyncio.create_subprocess_exec(
        require("codex"),
        "exec",
        "--skip-git-repo-check",
        *words,
        cwd=work,
        env=kept | {"CODEX_HOME": str(codex_home), "HOME": str(folder), "NO_PROXY": "127.0.0.1"},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    async with asyncio.timeout(90):
        out, _ = await process.communicate()
    assert process.returncode == 0, out.decode()


def prepare(folder: Path, service: ModelService) -> Sessions:
    (folder / "work").mkdir()
    (folder / "home").mkdir()
    (folder / "home" / "config.toml").write_text(
        'model = "gpt-5.5"\nmodel_provider = "double"\ncheck_for_update_on_startup = false\n'
        "[analytics]\nenabled = false\n"
        f'[model_providers.double]\nname = "double"\nbase_url = "{service.base_url}"\n'
    )
    return Sessions(folder / "home", "codex_lsp", "0.1", "double")


def bare(item: dict[str, Any]) -> dict[str, Any]:
    """Without what Codex adds of its own to items that it was given."""
    return {k: v for k, v in item.items() if k in {"type", "role", "call_id", "output", "content",
                                                   "name", "arguments", "input"}}  # fmt: skip


async def test_codex_goes_on_with_what_we_kept_and_we_with_what_it_did(tmp_path: Path) -> None:
    async with ModelService(lambda _: says("It is done.")) as service:
        sessions = prepare(tmp_path, service)
        work = (tmp_path / "work").resolve()
        sessions.save(told(*FIRST, folder=work))
        sessions.save(told(*SECOND, turn="turn-2", folder=work, whole=False))
        await codex(tmp_path, "resume", THREAD, "go on")
        sent = [bare(item) for item in service.requests[-1].body["input"]]
        known = (Message, AssistantMessage, ToolCall, ToolOutput)
        ours = [bare(item_json(item)) for item in SECOND if isinstance(item, known)]
        ours = json.loads(json.dumps(ours).replace("\\udc00", "\\ufffd"))
        assert [item for item in sent if item in ours] == ours
        back = Sessions(tmp_path / "home", "codex_lsp", "0.1", "double").load(None, work)
        assert back is not None
        name, items = back
        assert name == THREAD
        assert [i.text for i in items if isinstance(i, AssistantMessage)][-1] == "It is done."
        assert [i.text for i in items if isinstance(i, Message) and i.kind == "said"][-1] == "go on"
        sessions.save(told(*SECOND, Message("user", "again"), folder=work))
        after = Sessions(tmp_path / "home", "codex_lsp", "0.1", "double").load(None, work)
        assert after == back


async def test_what_codex_began_can_be_gone_on_from(tmp_path: Path) -> None:
    async with ModelService(lambda _: says("It is done.")) as service:
        sessions = prepare(tmp_path, service)
        await codex(tmp_path, "mend it")
        found = sessions.load(None, (tmp_path / "work").resolve())
        assert found is not None
        said = [item.text for item in found[1] if isinstance(item, Message) and item.kind == "said"]
        assert said == ["mend it"]
        assert isinstance(found[1][-1], AssistantMessage)
