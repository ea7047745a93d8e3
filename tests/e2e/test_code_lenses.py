"""Code lenses through a real server process, for a client that asks for them as VS Code does."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from lsprotocol import types

from tests.doubles.editor_profiles import profile
from tests.doubles.model_script import Patch, Step, Turn, says
from tests.e2e.test_commands import SOURCE, Session, session
from tests.e2e.test_review import CHANGE, proposed

NAME = "vscode-1.139.1-languageclient-11"
REFRESH = "workspace/codeLens/refresh"
ASKED = CHANGE.replace("new.py", ".envrc")


class Lenses:
    """What the editor shows above the lines, and how often it was told to ask again."""

    def __init__(self, s: Session) -> None:
        self.s = s
        self.told = 0
        s.editor.before = self._count

    def _count(self, method: str) -> None:
        self.told += method == REFRESH

    async def now(self) -> list[tuple[int, str]]:
        return [(lens["range"]["start"]["line"], lens["command"]["title"]) for lens in await self()]

    async def click(self, line: int, title: str) -> None:
        """Run one; its task has ended, and the editor was told to ask again."""
        told = self.told
        [command] = [
            lens["command"]
            for lens in await self()
            if (lens["range"]["start"]["line"], lens["command"]["title"]) == (line, title)
        ]
        answer = await self.s.client.execute(command["command"], *command["arguments"])
        if "taskId" in answer:
            await self.s.ended(answer["taskId"])
        await self.renewed(told)

    async def renewed(self, told: int) -> None:
        await self.s.client.until(lambda: self.told > told, "the request to ask again")

    async def __call__(self) -> list[dict[str, Any]]:
        params = types.CodeLensParams(types.TextDocumentIdentifier(self.s.document.uri))
        return await self.s.client.ask("textDocument/codeLens", params) or []


@asynccontextmanager
async def lensed(folder: Path, script: Sequence[Step]) -> AsyncIterator[tuple[Session, Lenses]]:
    wanting = profile(NAME).initialize | {"initializationOptions": {"codeLens": True}}
    async with session(folder, script, name=NAME, initialize=wanting) as s:
        yield s, Lenses(s)


async def test_a_change_that_waits_is_kept_or_undone_by_a_click_above_it(tmp_path: Path) -> None:
    async with lensed(tmp_path, [Turn((Patch(CHANGE),))]) as (s, lenses):
        assert await lenses.now() == []
        await proposed(s)
        await lenses.renewed(0)
        assert await lenses.now() == [(2, "Keep"), (2, "Undo"), (6, "Keep"), (6, "Undo")]

        s.editor.type(s.document, 0, "# mine\n")
        await lenses.click(7, "Keep")
        kept = "# mine\n" + SOURCE.replace("n * 2", "n * 3")
        assert s.document.text == kept
        assert await lenses.now() == [(3, "Keep"), (3, "Undo")]
        await lenses.click(3, "Undo")
        assert await lenses.now() == []
        assert s.document.text == kept


async def test_a_setting_takes_them_away_and_brings_them_back(tmp_path: Path) -> None:
    async with lensed(tmp_path, [Turn((Patch(CHANGE),))]) as (s, lenses):
        await proposed(s)
        shown = await lenses.now()
        for wanted in (False, True):
            told, settings = lenses.told, {"codex": {"codeLens": wanted}}
            s.editor.send("workspace/didChangeConfiguration", {"settings": settings})
            await lenses.renewed(told)
            assert await lenses.now() == (shown if wanted else [])


async def test_what_a_task_asks_is_shown_by_a_click_above_its_line(tmp_path: Path) -> None:
    async with lensed(tmp_path, [Turn((Patch(ASKED),)), says("As you like.")]) as (s, lenses):
        token = (await s.client.execute("codex.fix", {"path": "code.py", "line": 7}))["taskId"]
        await s.client.until(lambda: s.editor.diagnostics.get(s.document.uri), "the question")
        await lenses.renewed(0)
        assert await lenses.now() == [(6, "Codex asks you…")]
        [lens] = await lenses()
        command = lens["command"]
        await s.ended((await s.client.execute(command["command"], *command["arguments"]))["taskId"])
        assert s.editor.shown

        told, answer = lenses.told, {**command["arguments"][0], "decision": "deny"}
        await s.client.execute("codex.approval.respond", answer)
        await s.ended(token)
        await lenses.renewed(told)
        assert await lenses.now() == []
