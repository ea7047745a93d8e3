"""Deleting and moving files by patch, through each editor's own ways, over real files."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any

import pytest

from codex_lsp.agent.consent.actions import (
    Action,
    Allowed,
    Decision,
    Denied,
    TouchProtected,
    fingerprint,
)
from codex_lsp.workspace.ledger import Removal
from tests.doubles.editor import Mood
from tests.edits.scenarios import Files, Scenario, load, names, write
from tests.edits.scenarios import tree as texts
from tests.lsp.patch_window import Tripped, Window, take_back, tree

PROFILES = [
    "neovim-0.11.4",
    "helix-25.07",
    "emacs-eglot",
    "emacs-lsp-mode",
    "vscode-1.139.1-languageclient-11",
]
DELETE = "*** Begin Patch\n*** Delete File: a.py\n*** End Patch"
EDIT = "*** Begin Patch\n*** Update File: a.py\n@@\n-x = 1\n+x = 2\n*** End Patch"
MOVE = EDIT.replace("@@", "*** Move to: sub/b.py\n@@")
MARKED = b"\xef\xbb\xbfx = 1\r\ny = 1\r\n"


def show(window: Window, text: str = "x = 1\n") -> Path:
    """The file `a.py`, with this text, which is open."""
    path = window.folder / "a.py"
    path.write_text(text)
    window.editor.open(path)
    return path


async def undone(window: Window) -> None:
    outcome = await take_back(window)
    assert not outcome.kept


@pytest.mark.parametrize("open_", [True, False])
@pytest.mark.parametrize("name", PROFILES)
async def test_a_deleted_file_comes_back_byte_for_byte(
    name: str, open_: bool, tmp_path: Path
) -> None:
    path = tmp_path / "a.py"
    path.write_bytes(MARKED)
    path.chmod(0o750)
    window, before = Window(name, tmp_path), tree(tmp_path)
    if open_:
        window.editor.open(path, "x = 1\r\ny = 1\r\n")  # editors hide the mark
    answer = await window.tool().run(DELETE)
    assert answer.text == "Success. Updated the following files:\nD a.py"
    assert tree(tmp_path) == {}
    asked = [str(request["edit"]) for request in window.requests]
    can = "delete" in window.editor.profile.resource_operations
    assert len(asked) == (open_ and can)
    await undone(window)
    assert tree(tmp_path) == before
    assert not window.editor.faults


@pytest.mark.parametrize("open_", [True, False])
@pytest.mark.parametrize("name", PROFILES)
async def test_a_file_is_moved_and_then_changed_and_comes_back(
    name: str, open_: bool, tmp_path: Path
) -> None:
    path = tmp_path / "a.py"
    path.write_text("x = 1\ny = 1\n")
    path.chmod(0o750)
    window, before = Window(name, tmp_path), tree(tmp_path)
    if open_:
        window.editor.open(path)
    answer = await window.tool().run(MOVE)
    assert answer.text == "Success. Updated the following files:\nM sub/b.py"
    [(moved, (data, mode))] = tree(tmp_path).items()
    document = window.at("sub/b.py")
    assert (moved, mode) == ("sub/b.py", 0o750)
    text = data.decode() if document is None else document.text
    assert text == "x = 2\ny = 1\n"
    can = "rename" in window.editor.profile.resource_operations
    assert (document is not None) == (open_ and can)
    assert len(window.requests) == (2 if open_ and can else 0)
    await undone(window)
    assert tree(tmp_path) == before
    if open_:
        shown = window.at("a.py")
        assert shown is not None
        assert shown.text == "x = 1\ny = 1\n"
    assert not window.editor.faults


@pytest.mark.parametrize("patch", [DELETE, MOVE])
@pytest.mark.parametrize("name", PROFILES)
async def test_what_was_typed_since_the_model_looked_is_not_deleted_or_moved(
    name: str, patch: str, tmp_path: Path
) -> None:
    window = Window(name, tmp_path)
    path = show(window)
    tool = window.tool()
    window.type("a.py", 6, "# mine\n")
    answer = await tool.run(patch)
    assert "a.py was not changed: it was typed in meanwhile" in answer.text
    assert "2| # mine" in answer.text
    assert path.read_text() == "x = 1\n"
    document = window.at("a.py")
    assert document is not None
    assert document.text == "x = 1\n# mine\n"
    assert not window.requests
    # Told of it, the model may delete it all the same: its unsaved text is kept with it.
    assert (await tool.run(DELETE)).settles
    [landed] = window.landed
    assert isinstance(landed.undo, Removal)
    assert (landed.undo.text, landed.undo.saved) == ("x = 1\n# mine\n", "x = 1\n")


@pytest.mark.parametrize("name", PROFILES)
async def test_keys_that_cross_a_delete_are_not_lost(name: str, tmp_path: Path) -> None:
    window = Window(name, tmp_path, ["create", "rename", "delete"])
    path = show(window)

    def type_now(_: str) -> None:
        window.editor.before = lambda _: None
        document = window.at("a.py")
        assert document is not None
        window.editor.type(document, 0, "mine\n")

    window.editor.before = type_now
    answer = await window.tool().run(DELETE)
    assert "typed in meanwhile" in answer.text
    document = window.at("a.py")
    assert (path.read_text() if document is None else document.text) == "mine\nx = 1\n"


async def test_unsaved_text_of_a_file_that_is_moved_on_disk_goes_along_and_comes_back(
    tmp_path: Path,
) -> None:
    path = tmp_path / "a.py"
    path.write_text("old\n")
    window = Window("emacs-eglot", tmp_path)
    window.editor.open(path, "x = 1\n")
    before = tree(tmp_path)
    assert (await window.tool().run(MOVE)).settles
    assert texts(tmp_path) == {"sub/b.py": "x = 2\n"}
    document = window.at("a.py")
    assert document is not None
    assert document.text == "x = 1\n"
    assert any("still" in told or "old name" in told for told in window.told)
    await undone(window)
    assert tree(tmp_path) == before


@pytest.mark.parametrize("open_", [True, False])
async def test_a_move_never_goes_over_a_file_that_came_meanwhile(
    open_: bool, tmp_path: Path
) -> None:
    path, other = tmp_path / "a.py", tmp_path / "sub" / "b.py"
    path.write_text("x = 1\n")
    window = Window("helix-25.07", tmp_path)
    if open_:
        window.editor.open(path)

    class Made:
        def __enter__(self) -> None:
            other.parent.mkdir()
            other.write_text("theirs\n")

        def __exit__(self, *_: object) -> None: ...

    tool = window.tool(Tripped(window.ours, path, Made))
    assert "exists already" in (await tool.run(MOVE)).text
    assert texts(tmp_path) == {"a.py": "x = 1\n", "sub/b.py": "theirs\n"}


@pytest.mark.parametrize("data", [b"\0\1", b"caf\xe9"])
async def test_what_is_no_text_is_not_deleted(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.py").write_bytes(data)
    window = Window("helix-25.07", tmp_path)
    answer = await window.tool().run(DELETE)
    assert "verification failed" in answer.text
    assert (tmp_path / "a.py").read_bytes() == data


MOVED = re.compile(
    r"^(?:\*\*\* Update File: (.*)\n\*\*\* Move to: .*|rename from (.*))$", re.MULTILINE
)
MOVED_TO = re.compile(r"^(?:\*\*\* Move to: |rename to )(.*)$", re.MULTILINE)
BINARY = {"update-nul-character"}  # refused on disk: what holds a null character is no text


@pytest.mark.parametrize("name", sorted({*names()} - BINARY))
async def test_the_tool_does_what_the_scenario_says(name: str, tmp_path: Path) -> None:
    scenario = load(name)
    write(tmp_path, scenario.files)
    window = Window("emacs-eglot", tmp_path)
    answer = await window.tool().run(scenario.patch)
    if scenario.expected is None or scenario.expected == scenario.files:
        assert texts(tmp_path) == scenario.files
        assert not answer.settles
        assert "verification failed" in answer.text
        return
    assert texts(tmp_path) == scenario.expected
    lines = answer.text.splitlines()
    assert lines[0] == "Success. Updated the following files:"
    assert set(lines[1:]) == summary(scenario, scenario.expected)
    await undone(window)
    assert texts(tmp_path) == scenario.files


def summary(scenario: Scenario, after: Files) -> set[str]:
    """What Codex would list; a file that was moved is one that was modified."""
    before = scenario.files
    moved = [old or other for old, other in MOVED.findall(scenario.patch)]
    moves = dict(zip(moved, MOVED_TO.findall(scenario.patch), strict=True))
    changed = {name for name in set(before) & set(after) if before[name] != after[name]}
    return (
        {f"A {name}" for name in set(after) - set(before) - set(moves.values())}
        | {f"M {name}" for name in changed | {*moves.values()}}
        | {f"D {name}" for name in set(before) - set(after) - set(moves)}
    )


# Protected files.

PROTECTED = """*** Begin Patch
*** Update File: a.py
@@
-x = 1
+x = 2
*** Add File: .vscode/settings.json
+{}
*** End Patch"""


@pytest.mark.parametrize("allowed", [True, False])
async def test_a_protected_file_is_asked_about_each_time_before_anything_is_done(
    allowed: bool, tmp_path: Path
) -> None:
    (tmp_path / "a.py").write_text("x = 1\n")
    window = Window("helix-25.07", tmp_path)
    asked: list[Action] = []

    async def permit(action: Action) -> Decision:
        assert texts(tmp_path) == {"a.py": "x = 1\n"}
        asked.append(action)
        return Allowed(fingerprint(action)) if allowed else Denied("not today")

    answer = await window.tool(permit=permit).run(PROTECTED)
    [question] = asked
    assert isinstance(question, TouchProtected)
    assert question.path == tmp_path / ".vscode/settings.json"
    assert "+{}" in question.preview
    if allowed:
        assert texts(tmp_path) == {"a.py": "x = 2\n", ".vscode/settings.json": "{}\n"}
        again = DELETE.replace("a.py", ".vscode/settings.json")
        assert (await window.tool(permit=permit_again(asked)).run(again)).settles
        assert len(asked) == 2
    else:
        assert texts(tmp_path) == {"a.py": "x = 1\n"}
        told = (
            "patch rejected: .vscode/settings.json is protected, and the person said no: not today"
        )
        assert answer.text.startswith(told)


def permit_again(asked: list[Action]) -> Any:
    async def permit(action: Action) -> Decision:
        asked.append(action)
        return Allowed(fingerprint(action))

    return permit


async def test_a_permission_for_something_else_does_not_count(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("x = 1\n")
    window = Window("helix-25.07", tmp_path)

    async def permit(_: Action) -> Decision:
        return Allowed(fingerprint(TouchProtected(tmp_path / "AGENTS.md", "")))

    assert "patch rejected" in (await window.tool(permit=permit).run(PROTECTED)).text
    assert texts(tmp_path) == {"a.py": "x = 1\n"}


async def test_without_a_permit_protected_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("x = 1\n")
    window = Window("helix-25.07", tmp_path)
    assert "only the person may change it" in (await window.tool().run(PROTECTED)).text
    assert texts(tmp_path) == {"a.py": "x = 1\n"}


@pytest.mark.parametrize("name", [".env", "server.key"])
async def test_what_may_hold_secrets_is_not_shown_by_a_misfit_nor_changed(
    name: str, tmp_path: Path
) -> None:
    (tmp_path / name).write_text("PASSWORD=hunter2\n")
    window = Window("helix-25.07", tmp_path)
    asked: list[Action] = []
    patch = EDIT.replace("a.py", name).replace("x = 1", "PASSWORD=guess")
    answer = await window.tool(permit=permit_again(asked)).run(patch)
    assert "hunter2" not in answer.text
    assert not asked


async def test_a_protected_file_that_a_patch_misses_is_not_shown(tmp_path: Path) -> None:
    (tmp_path / "AGENTS.md").write_text("token: hunter2\n")
    window = Window("helix-25.07", tmp_path)
    patch = EDIT.replace("a.py", "AGENTS.md").replace("x = 1", "token: guess")
    answer = await window.tool(permit=permit_again([])).run(patch)
    assert "hunter2" not in answer.text
    assert "does not fit" in answer.text


# What the model knows.


async def test_a_patch_after_a_misfit_is_for_what_the_model_was_shown(tmp_path: Path) -> None:
    window = Window("helix-25.07", tmp_path)
    show(window, "a\nb\nc\nx = 1\n")
    tool = window.tool()
    window.type("a.py", 0, "x = 1\n")  # now the patch would fit twice, and not where it was meant
    assert "does not fit" in (await tool.run(EDIT.replace("x = 1", "w = 1"))).text
    assert (await tool.run(EDIT)).settles
    document = window.at("a.py")
    assert document is not None
    assert document.text == "x = 1\na\nb\nc\nx = 2\n"


async def test_a_conflict_is_shown_where_it_is_and_the_model_goes_on_from_there(
    tmp_path: Path,
) -> None:
    filler = "".join(f"line {number}\n" for number in range(200))
    window = Window("helix-25.07", tmp_path)
    show(window, filler + "x = 1\n")
    tool = window.tool()
    window.type("a.py", len(filler) + 4, "7", erase=1)
    answer = await tool.run(EDIT)
    assert "201| x = 7" in answer.text
    assert "line 100" not in answer.text
    assert (await tool.run(EDIT.replace("x = 1", "x = 7"))).settles
    document = window.at("a.py")
    assert document is not None
    assert document.text == filler + "x = 2\n"


async def test_a_file_that_the_model_read_again_is_patched_as_it_is(tmp_path: Path) -> None:
    window = Window("helix-25.07", tmp_path)
    show(window)
    tool = window.tool()
    window.type("a.py", 0, "y = 1\n\n\n\n")
    assert (await tool.run(EDIT.replace("-x = 1", "-y = 1"))).settles
    document = window.at("a.py")
    assert document is not None
    assert document.text == "x = 2\n\n\n\nx = 1\n"


# What is not answered.


async def test_an_edit_that_lands_long_after_it_was_asked_for_can_be_undone(
    tmp_path: Path,
) -> None:
    path = tmp_path / "a.py"
    path.write_text("x = 1\n")
    window = Window("emacs-eglot", tmp_path)
    document = window.editor.open(path)
    window.moods["a.py"] = Mood.SILENT
    answer = await window.tool().run(EDIT)
    assert "not confirmed; it may still land" in answer.text
    assert not window.landed
    window.answer_late()
    await asyncio.wait_for(window.has_landed.wait(), 20)
    assert document.text == "x = 2\n"
    assert any("made after all" in told for told in window.told)
    window.moods.clear()
    await undone(window)
    assert document.text == "x = 1\n"


async def test_a_delete_that_is_never_answered_is_told_to_model_and_person(tmp_path: Path) -> None:
    window = Window("helix-25.07", tmp_path, ["delete"])
    path = show(window)
    window.moods["a.py"] = Mood.SILENT
    answer = await window.tool().run(DELETE)
    assert "not confirmed; it may still land" in answer.text
    assert any("whether it will delete a.py" in told for told in window.told)
    assert path.read_text() == "x = 1\n"


async def test_a_second_patch_is_not_taken_for_the_first_that_was_never_answered(
    tmp_path: Path,
) -> None:
    window = Window("emacs-eglot", tmp_path)
    show(window)
    window.moods["a.py"] = Mood.SILENT
    tool = window.tool()
    await tool.run(EDIT)
    window.moods.clear()
    assert (await tool.run(EDIT)).settles
    await asyncio.sleep(0.5)  # a look for the first, if there were one, would have been taken
    assert len(window.landed) == 1


# Files that are not open, through the editor.


@pytest.mark.parametrize("name", PROFILES)
async def test_closed_files_are_changed_by_the_editor_where_the_person_wants_that(
    name: str, tmp_path: Path
) -> None:
    path = tmp_path / "a.py"
    path.write_bytes(b"\xef\xbb\xbfx = 1\n")
    window = Window(name, tmp_path, through_editor=True)
    answer = await window.tool().run(EDIT)
    assert answer.settles, answer.text
    document = window.at("a.py")
    assert document is not None
    assert document.text == "x = 2\n"
    assert path.read_bytes() == b"\xef\xbb\xbfx = 1\n"
    await undone(window)
    assert document.text == "x = 1\n"


async def test_an_editor_that_does_not_open_the_file_has_not_changed_it(tmp_path: Path) -> None:
    path = tmp_path / "a.py"
    path.write_text("x = 1\n")
    window = Window("emacs-eglot", tmp_path, through_editor=True)
    window.moods["a.py"] = Mood.LIES
    answer = await window.tool().run(EDIT)
    assert "the text did not change" in answer.text
    assert path.read_text() == "x = 1\n"


async def test_many_new_files_are_told_of_in_one_sentence(tmp_path: Path) -> None:
    window = Window(PROFILES[0], tmp_path)
    heard = asyncio.Event()
    window.ours._files._told = lambda told: (window.told.append(told), heard.set())  # type: ignore[assignment,func-returns-value]  # a sentence, and that it came
    added = "\n".join(f"*** Add File: f{number}.py\n+x = 1" for number in range(12))
    await window.tool().run(f"*** Begin Patch\n{added}\n*** End Patch")
    async with asyncio.timeout(30):
        await heard.wait()
    (told,) = [told for told in window.told if "Codex made" in told]
    assert told.startswith("Codex made 12 files: ")
    assert told.endswith(" and 9 more")
