"""Changes that wait: shown as diagnostics, kept or undone by code action, in editors' own ways."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.doubles.model_script import Patch, Turn
from tests.e2e.test_commands import SOURCE, Session, exists, session

CHANGE = """*** Begin Patch
*** Update File: code.py
@@
-    return n
+    return n + n
@@ def thrice(n):
-    return n * 2
+    return n * 3
*** Add File: new.py
+x = 1
*** End Patch"""


async def proposed(s: Session) -> str:
    """Have the changes proposed; the id of the turn."""
    s.editor.send(
        "workspace/didChangeConfiguration",
        {"settings": {"codex": {"edits": {"apply": "propose"}}}},
    )
    token = (await s.client.execute("codex.fix", {"path": "code.py", "line": 7}))["taskId"]
    await s.ended(token)
    assert "3 changes to review" in s.editor.progress[token][-1]["message"]
    await s.client.until(lambda: len(hunks(s)) == 2, "the diagnostics")
    return str(token)


def hunks(s: Session) -> list[dict[str, Any]]:
    return s.editor.diagnostics.get(s.document.uri, [])


async def choose(s: Session, offset: int, title: str) -> None:
    actions = await s.client.code_actions(s.document, offset)
    answer = await s.client.run(next(action for action in actions if action.title == title))
    if "taskId" in answer:
        await s.ended(answer["taskId"])


@pytest.mark.parametrize("name", ["helix-25.01", "emacs-eglot", "neovim-0.11.4"])
async def test_each_change_is_kept_or_undone_by_itself(tmp_path: Path, name: str) -> None:
    async with session(tmp_path, [Turn((Patch(CHANGE),))], name=name) as s:
        await proposed(s)
        assert s.document.text == SOURCE
        assert not s.editor.edits
        assert [hunk["severity"] for hunk in hunks(s)] == [3, 3]
        assert "- " in hunks(s)[0]["message"]
        assert "+     return n + n" in hunks(s)[0]["message"]
        # What is typed above moves the hunks with it.
        s.editor.type(s.document, 0, "# mine\n")
        await choose(s, s.document.text.index("n * 2"), "Codex: keep this change")
        assert s.document.text == "# mine\n" + SOURCE.replace("n * 2", "n * 3")
        await s.client.until(lambda: len(hunks(s)) == 1, "one change less")
        await choose(s, s.document.text.index("return n\n"), "Codex: undo this change")
        await s.client.until(lambda: not hunks(s), "no more changes")
        assert s.document.text == "# mine\n" + SOURCE.replace("n * 2", "n * 3")
        await s.command("codex.turn.undo")
        assert s.document.text == "# mine\n" + SOURCE


async def test_a_change_that_was_typed_over_is_shown_with_its_suggestion_until_dismissed(
    tmp_path: Path,
) -> None:
    async with session(tmp_path, [Turn((Patch(CHANGE),))]) as s:
        await proposed(s)
        at = s.document.text.index("n * 2")
        s.editor.type(s.document, at, "m", erase=5)
        await s.client.until(lambda: refused(s), "the conflict")
        [shown] = refused(s)
        assert shown["range"]["start"]["line"] == 6
        assert "+     return n * 3" in shown["message"]
        titles = [action.title for action in await s.client.code_actions(s.document, at)]
        assert "Codex: keep this change" not in titles
        await choose(s, at, "Codex: dismiss this suggestion")
        await s.client.until(lambda: len(hunks(s)) == 1, "one suggestion less")


def refused(s: Session) -> list[dict[str, Any]]:
    return [hunk for hunk in hunks(s) if "you typed here since" in hunk["message"]]


@pytest.mark.parametrize("kept", [True, False])
async def test_all_changes_of_a_turn_are_kept_or_undone_at_once(tmp_path: Path, kept: bool) -> None:
    async with session(tmp_path, [Turn((Patch(CHANGE),))]) as s:
        turn = await proposed(s)
        verb = "accept" if kept else "reject"
        answer = await s.client.execute(f"codex.turn.{verb}", {"taskId": turn})
        if kept:
            await s.ended(answer["taskId"])
        await s.client.until(lambda: not hunks(s), "no more changes")
        new = s.editor.workspace / "new.py"
        assert exists(new) == kept
        assert ("n + n" in s.document.text, "n * 3" in s.document.text) == (kept, kept)


async def test_a_file_is_kept_whole(tmp_path: Path) -> None:
    async with session(tmp_path, [Turn((Patch(CHANGE),))]) as s:
        await proposed(s)
        at = s.document.text.index("n * 2")
        await choose(s, at, "Codex: keep all changes of this file")
        assert ("n + n" in s.document.text, "n * 3" in s.document.text) == (True, True)
        assert not exists(s.editor.workspace / "new.py")
