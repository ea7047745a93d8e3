"""A job with all tools against a real small model behind a real local server: whatever it says, the
job ends, and every call that it made is answered. Asserts on form, not on wit.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from codex_lsp.responses.embedded.server import serving
from codex_lsp.responses.providers import Provider
from tests.doubles.editor_client import editing
from tests.e2e.tools import REPO
from tests.responses.embedded.needs import require_toy

ENOUGH = 6.0  # seconds that it may ramble for; then the job is cancelled, which is an end too


@pytest.mark.timeout(300)
async def test_a_job_with_tools_ends_and_leaves_no_call_unanswered(tmp_path: Path) -> None:
    work, home = tmp_path / "work", tmp_path / "codex"
    work.mkdir()
    async with serving(require_toy(), context=8192) as provider:
        assert provider.key is not None
        key = (await provider.key.current()).token.reveal()
        env = configured(provider, key, home)
        async with editing("helix-25.07", work, [sys.executable, "-m", "codex_lsp"], env) as client:
            client.editor.open(work / "area.py", "def area(w, h):\n    return w + h\n")
            given = {"prompt": "Mend area: it has to multiply.", "path": "area.py", "line": 2}
            task = (await client.execute("codex.do", given))["taskId"]

            def over() -> bool:
                return (client.editor.progress.get(task) or [{}])[-1].get("kind") == "end"

            with suppress(TimeoutError):
                async with asyncio.timeout(ENOUGH):
                    await client.until(over, "the end")
            if not over():
                await client.execute("codex.task.cancel", {"taskId": task})
            await client.until(over, "the end after a cancel")
            [job] = await client.execute("codex.task.list")
    said = client.editor.progress[task][-1]["message"]
    assert said.startswith(("Changed", "Nothing was changed", "Cancelled")), said
    assert job["state"] in {"done", "cancelled"}
    items = [*kept(home)]
    assert any(item.get("role") == "user" for item in items)
    calls = [item["call_id"] for item in items if item["type"].endswith("_call")]
    answers = [item["call_id"] for item in items if item["type"].endswith("_call_output")]
    assert sorted(answers) == sorted(calls)


def configured(provider: Provider, key: str, home: Path) -> dict[str, str]:
    """An environment in which our server takes the model for any other provider's."""
    home.mkdir()
    (home / "config.toml").write_text(
        f'model = "{provider.model}"\nmodel_provider = "local"\nmodel_context_window = 8192\n'
        f'[model_providers.local]\nname = "local"\nbase_url = "{provider.base}"\n'
        'env_key = "LOCAL_KEY"\n'
    )
    state = str(home.parent / "state")
    own = {"CODEX_HOME": str(home), "XDG_STATE_HOME": state, "PYTHONPATH": str(REPO)}
    return os.environ | own | {"LOCAL_KEY": key}


def kept(home: Path) -> Iterator[dict[str, Any]]:
    """What the job's session file holds of the conversation."""
    [file] = home.glob("sessions/**/*.jsonl")
    for line in file.read_text("utf-8").splitlines():
        entry = json.loads(line)
        if entry["type"] == "response_item":
            yield entry["payload"]
