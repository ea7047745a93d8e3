"""Changes that wait: shown as diagnostics, kept or undone by code action, in editors' own ways."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pygls.exceptions import JsonRpcException

from tests.doubles.editor import Mood
from tests.doubles.editor_profiles import Answer, profile
from tests.doubles.model_script import Gate, Patch, Turn, says
from tests.e2e.test_commands import SOURCE, Session, exists, patch, read, session

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


async def test_changes_wait_for_a_client_that_does_not_declare_that_it_makes_edits(
    tmp_path: Path,
) -> None:
    """Kate makes them in the seconds after the person chose one of our actions."""
    async with session(tmp_path, [Turn((Patch(CHANGE),))], name="kate") as s:
        s.editor.mood = Mood.REFUSES
        end = await s.command("codex.fix", line=7)
        assert "3 changes to review" in end["message"]
        await s.client.until(lambda: len(hunks(s)) == 2, "the diagnostics")
        assert not s.editor.edits
        s.editor.mood = Mood.HONEST
        await choose(s, s.document.text.index("n * 2"), "Codex: keep this change")
        assert s.document.text == SOURCE.replace("n * 2", "n * 3")


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


async def use(s: Session, mode: str) -> None:
    settings = {"settings": {"codex": {"edits": {"apply": mode}}}}
    s.editor.send("workspace/didChangeConfiguration", settings)


@pytest.mark.parametrize(
    ("traits", "choice", "text", "waiting"),
    [
        ({}, "Apply", "both", 0),
        ({}, "Discard", "none", 0),
        ({}, "Review", "none", 2),
        ({}, None, "none", 2),
        ({"questions": Answer.NOT_FOUND}, "Apply", "none", 2),
    ],
)
async def test_confirm_asks_and_does_what_is_said_or_lets_the_changes_wait(
    tmp_path: Path, traits: dict[str, Any], choice: str | None, text: str, waiting: int
) -> None:
    async with session(tmp_path, [Turn((Patch(CHANGE),))], **traits) as s:
        s.editor.choose = lambda message, titles: choice
        await use(s, "confirm")
        await s.command("codex.fix", line=7)
        asked = [m for m in s.editor.messages if "Codex suggests 3 changes" in m["message"]]
        assert [action["title"] for action in asked[0]["actions"]] == ["Apply", "Review", "Discard"]
        assert (s.document.text == SOURCE) == (text == "none")
        await s.client.until(lambda: len(hunks(s)) == waiting, "what waits")


VSCODE = "vscode-1.139.1-languageclient-11"
PREVIEWING = profile(VSCODE).initialize | {"initializationOptions": {"edits": {"preview": True}}}


async def test_who_asked_for_it_chooses_in_a_preview_and_the_model_hears_what_was_left_out(
    tmp_path: Path,
) -> None:
    closed = "*** Update File: closed.py\n@@\n-old = 1\n+new = 1\n*** End Patch"
    change = Patch(CHANGE.replace("*** End Patch", closed))
    script = [Turn((change,)), says("Done."), says("I see.")]
    async with session(tmp_path, script, name=VSCODE, initialize=PREVIEWING, trusted=True) as s:
        chosen = iter(["Preview", "Apply"])
        s.editor.choose = lambda message, titles: next(chosen)
        other = s.document.path.with_name("closed.py")
        other.write_bytes(b"\xef\xbb\xbf# \xc3\xbc\r\nold = 1\r\n")
        await use(s, "confirm")
        job = (await s.client.execute("codex.do", {"prompt": "do", "path": "code.py"}))["taskId"]
        await s.client.until(lambda: s.editor.preview, "the preview")
        assert s.editor.preview is not None
        s.editor.preview.untick("3")
        s.editor.preview.apply()
        await s.ended(job)
        said = "Changed code.py, closed.py. You left 1 change out. Changed in new.py."
        assert s.editor.progress[job][-1]["message"] == said
        assert s.document.text == SOURCE.replace("return n\n", "return n + n\n")
        assert read(s.document.path.with_name("new.py")) == "x = 1\n"
        assert s.editor.documents[other.as_uri()].text == "# ü\r\nnew = 1\r\n"
        listed = await s.client.execute("codex.hunk.list")
        states = {(Path(hunk["path"]).name, hunk["line"]): hunk["state"] for hunk in listed}
        assert states == {
            ("code.py", 3): "landed",
            ("code.py", 7): "dropped",
            ("new.py", 1): "landed",
            ("closed.py", 2): "landed",
        }
        await s.command("codex.turn.undo")
        assert s.document.text == SOURCE
        assert s.editor.documents[other.as_uri()].text == "# ü\r\nold = 1\r\n"

        again = (await s.client.execute("codex.do", {"prompt": "so?", "taskId": job}))["taskId"]
        await s.ended(again)
        heard = str(s.service.requests[-1].body["input"])
        assert "The person left these changes out" in heard
        assert "+    return n * 3" in heard.partition("left these changes out")[2]


async def test_a_question_that_is_never_answered_holds_nothing_up_and_a_cancel_withdraws(
    tmp_path: Path,
) -> None:
    async with session(tmp_path, [Turn((Patch(CHANGE),))], questions=Answer.NEVER) as s:
        await use(s, "confirm")
        token = (await s.client.execute("codex.fix", {"path": "code.py", "line": 7}))["taskId"]
        await s.client.until(lambda: s.editor.messages, "the question")
        assert len(await s.client.execute("codex.hunk.list")) == 3
        await s.client.execute("codex.task.cancel", {"taskId": token})
        await s.ended(token)
        await s.client.until(lambda: not hunks(s), "nothing waits")
        assert {hunk["state"] for hunk in await s.client.execute("codex.hunk.list")} == {"dropped"}
        assert s.document.text == SOURCE


async def test_what_landed_is_listed_shown_gone_to_and_undone_one_by_one(tmp_path: Path) -> None:
    async with session(tmp_path, [Turn((Patch(CHANGE),))]) as s:
        await s.command("codex.fix", line=7)
        listed = await s.client.execute("codex.hunk.list", {"path": "code.py"})
        assert [(hunk["line"], hunk["state"]) for hunk in listed] == [(3, "landed"), (7, "landed")]
        s.editor.type(s.document, 0, "# mine\n")
        changed = s.document.text

        place = {"path": "code.py", "line": 1}
        assert (await s.client.execute("codex.hunk.next", place))["line"] == 4
        assert (await s.client.execute("codex.hunk.next"))["line"] == 8
        await s.client.until(lambda: len(s.editor.shown) == 2, "both places")
        assert [shown["selection"]["start"]["line"] for shown in s.editor.shown] == [3, 7]
        assert (await s.client.execute("codex.hunk.previous"))["line"] == 4

        await s.command("codex.hunk.diff")
        page = read(next(s.state.glob("diffs/*.diff")))
        assert "-    return n * 2\n+    return n * 3\n" in page

        await choose(s, changed.index("n * 3"), "Codex: undo what was changed here")
        assert s.document.text == changed.replace("n * 3", "n * 2")
        await s.command("codex.hunk.accept", hunkId=listed[1]["hunkId"])
        assert s.document.text == changed
        await s.command("codex.file.undo")
        assert s.document.text == "# mine\n" + SOURCE
        assert exists(s.editor.workspace / "new.py")
        await s.command("codex.file.redo")
        assert s.document.text == changed


async def test_a_change_is_explained_and_asked_for_anew_with_a_note(tmp_path: Path) -> None:
    anew = patch("    return n * 2", "    return 3 * n")
    async with session(tmp_path, [Turn((Patch(CHANGE),)), says("It triples."), anew]) as s:
        await proposed(s)
        at = s.document.text.index("n * 2")
        await choose(s, at, "Codex: explain this change")
        assert "+    return n * 3" in s.asked(1)
        old = (await s.client.execute("codex.hunk.list"))[1]
        await s.command("codex.hunk.redo", hunkId=old["hunkId"], prompt="the number first")
        assert "the number first" in s.asked(2)
        assert "+    return n * 3" in s.asked(2)
        states = {hunk["hunkId"]: hunk for hunk in await s.client.execute("codex.hunk.list")}
        assert states[old["hunkId"]]["state"] == "superseded"
        with pytest.raises(JsonRpcException, match="superseded"):
            await s.client.execute("codex.hunk.accept", {"hunkId": old["hunkId"]})
        await choose(s, at, "Codex: keep this change")
        assert s.document.text == SOURCE.replace("n * 2", "3 * n")


async def test_a_conflict_with_typing_is_shown_to_the_person_with_the_suggestion(
    tmp_path: Path,
) -> None:
    held = Turn((Gate("hold"), *patch("    return n * 2", "    return n * 3").parts))
    async with session(tmp_path, [held, says("You did it yourself.")]) as s:
        token = (await s.client.execute("codex.fix", {"path": "code.py", "line": 7}))["taskId"]
        await s.service.reached("hold")
        s.editor.type(s.document, s.document.text.index("n * 2"), "n * 5", erase=5)
        await s.service.release("hold")
        await s.ended(token)
        [shown] = hunks(s)
        assert shown["range"]["start"]["line"] == 6
        assert "+     return n * 3" in shown["message"]
        assert "n * 5" in s.document.text


async def test_an_editor_that_opens_nothing_is_told_the_place(tmp_path: Path) -> None:
    async with session(tmp_path, [Turn((Patch(CHANGE),))], name="vim-9.2-yegappan") as s:
        await s.command("codex.fix", line=7)
        await s.client.execute("codex.hunk.next", {"path": "code.py", "line": 1})
        await s.client.until(
            lambda: any("code.py:3" in m["message"] for m in s.editor.messages), "the place"
        )
