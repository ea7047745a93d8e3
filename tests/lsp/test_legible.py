"""Nothing that a model or a file says hides, or moves other text, on the person's screen."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from codex_lsp.lsp.adapters import Adapters
from codex_lsp.lsp.person.legible import legible
from tests.doubles.window import no_model, window

SLY = "all\u202e good\u200b\x1b[2J\tdone\r\nnow"
SPELLED = "all⟨U+202E⟩ good⟨U+200B⟩⟨U+001B⟩[2J\tdone \nnow"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (SLY, SPELLED),
        ("é ✅ 漢字", "é ✅ 漢字"),
        ("a\xa0b\u202f!", "a b !"),
        ("⚠\ufe0f", "⚠\ufe0f"),
    ],
)
def test_what_cannot_be_seen_is_spelled_out(text: str, shown: str) -> None:
    assert legible(text) == shown
    assert legible(shown) == shown


async def test_all_that_goes_on_the_screen_is_legible(tmp_path: Path) -> None:
    diagnostic = {"range": {}, "message": SLY}
    async with window(tmp_path, Adapters(no_model, tmp_path)) as client:
        server = client.wire.server
        server.notify("window/showMessage", {"type": 3, "message": SLY})
        server.notify("$/progress", {"token": "t", "value": {"kind": "end", "message": SLY}})
        shown = {"uri": "file:///a", "diagnostics": [diagnostic]}
        server.notify("textDocument/publishDiagnostics", shown)
        server.notify("codex/other", {"message": SLY})
        titles = [{"title": "Deny"}]
        asked = {"type": 2, "message": SLY, "actions": titles}
        asking = asyncio.ensure_future(server.ask("window/showMessageRequest", asked))
        question = await client.question()
        client.answer(question, titles[0])
        assert await asking == titles[0]
    said: dict[str, Any] = {one.get("method", ""): one.get("params") for one in client.said}
    assert said["window/showMessage"]["message"] == SPELLED
    assert said["$/progress"]["value"] == {"kind": "end", "message": SPELLED}
    assert said["textDocument/publishDiagnostics"]["diagnostics"] == [
        {**diagnostic, "message": SPELLED}
    ]
    assert question["params"] == {"type": 2, "message": SPELLED, "actions": titles}
    assert said["codex/other"]["message"] == SLY
