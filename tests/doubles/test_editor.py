"""The fake editor treats edits as the real ones were seen to."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.doubles.editor import INTERNAL_ERROR, Editor, Failure, Mood, Result, editor
from tests.doubles.editor_profiles import VersionRule
from tests.doubles.editor_text import Document, Misplaced

APPLIED = Result({"applied": True})


class Desk:
    """An editor in memory, with its messages and a clock that goes when told."""

    def __init__(self, name: str, folder: Path, **traits: Any) -> None:
        self.log: list[Any] = []
        self.due: list[Callable[[], None]] = []
        self.editor: Editor = editor(
            name, folder, self._sent, lambda delay, call: self.due.append(call), **traits
        )

    def _sent(self, method: str, params: dict[str, Any]) -> None:
        self.log.append(method)

    def ask(self, *changes: tuple[Document, int, str]) -> None:
        """Send an edit that puts text at the start of each document, at the given version."""
        start = {"line": 0, "character": 0}
        parts = [
            {
                "textDocument": {"uri": document.uri, "version": version},
                "edits": [{"range": {"start": start, "end": start}, "newText": text}],
            }
            for document, version, text in changes
        ]
        params = {"edit": {"documentChanges": parts}}
        self.editor.asked("workspace/applyEdit", params, self.log.append)

    def tick(self) -> None:
        """Let every delay run out."""
        due, self.due = self.due, []
        for call in due:
            call()


def opened(desk: Desk, name: str = "a.py", text: str = "one\n") -> Document:
    document = desk.editor.open(desk.editor.workspace / name, text)
    desk.log.clear()
    return document


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        (
            "helix-25.07",
            Result({"applied": False, "failureReason": "document has changed", "failedChange": 0}),
        ),
        ("vscode-1.139.1-languageclient-11", Result({"applied": False})),
        ("emacs-lsp-mode", Result({"applied": False})),
        ("emacs-eglot", Failure(INTERNAL_ERROR, "document has changed")),
    ],
)
@pytest.mark.parametrize("offset", [-1, 1])
def test_strict_editor_refuses_another_version_in_its_own_form(
    name: str, answer: object, offset: int, tmp_path: Path
) -> None:
    desk = Desk(name, tmp_path)
    document = opened(desk)

    desk.ask((document, document.version + offset, "new "))

    assert desk.log == [answer]
    assert document.text == "one\n"


def test_neovim_calls_a_skipped_edit_applied(tmp_path: Path) -> None:
    desk = Desk("neovim-0.11", tmp_path)
    document = opened(desk)
    desk.editor.type(document, 0, "x")
    desk.editor.type(document, 1, "y")

    desk.ask((document, 1, "new "))

    assert desk.log[-1] == APPLIED
    assert document.text == "xyone\n"


def test_neovim_applies_an_edit_on_a_future_version_and_any_on_a_second_file(
    tmp_path: Path,
) -> None:
    desk = Desk("neovim-0.11", tmp_path)
    first, second = opened(desk), opened(desk, "b.py")
    for _ in range(3):
        desk.editor.type(second, 0, "x")

    desk.ask((first, 9, "new "), (second, 1, "new "))

    assert (first.text, second.text) == ("new one\n", "new xxxone\n")


def test_helix_leaves_the_files_before_a_stale_one_edited(tmp_path: Path) -> None:
    desk = Desk("helix-25.07", tmp_path)
    first, second = opened(desk), opened(desk, "b.py")

    desk.ask((first, 0, "new "), (second, 7, "new "))

    assert (first.text, second.text) == ("new one\n", "one\n")
    assert desk.log[-1].value["failedChange"] == 1


def test_vscode_checks_every_file_before_it_changes_one(tmp_path: Path) -> None:
    desk = Desk("vscode-1.139.1-languageclient-11", tmp_path)
    first, second = opened(desk), opened(desk, "b.py")

    desk.ask((first, 1, "new "), (second, 7, "new "))

    assert (first.text, second.text) == ("one\n", "one\n")


def test_editor_with_the_hole_edits_at_positions_that_moved_meanwhile(tmp_path: Path) -> None:
    desk = Desk("vscode-1.139.1-languageclient-9", tmp_path, rule=VersionRule.HOLE)
    document = opened(desk)

    desk.ask((document, 1, "new "))
    desk.editor.type(document, 0, "x")
    desk.tick()

    assert document.text == "new xone\n"
    assert APPLIED in desk.log


def test_versionless_editor_applies_a_stale_edit(tmp_path: Path) -> None:
    desk = Desk("vim-9.2-vim-lsp", tmp_path)
    document = opened(desk)
    desk.editor.type(document, 0, "x")

    desk.ask((document, 0, "new "))

    assert document.text == "new xone\n"


@pytest.mark.parametrize(
    ("name", "log"),
    [
        ("helix-25.07", ["textDocument/didChange", APPLIED]),
        ("vscode-1.139.1-languageclient-11", [APPLIED, "textDocument/didChange"]),
        ("neovim-0.11", [APPLIED, "textDocument/didChange"]),
        ("emacs-eglot", [APPLIED, "textDocument/didChange"]),
    ],
)
def test_change_is_announced_when_the_editor_would(
    name: str, log: list[object], tmp_path: Path
) -> None:
    desk = Desk(name, tmp_path)
    document = opened(desk)

    desk.ask((document, document.version, "new "))
    desk.tick()

    assert desk.log == log


def test_emacs_announces_nothing_while_a_command_blocks_it(tmp_path: Path) -> None:
    desk = Desk("emacs-eglot", tmp_path)
    document = opened(desk)
    desk.editor.commands_running = 1

    desk.editor.type(document, 0, "x")
    desk.tick()
    assert desk.log == []

    desk.editor.commands_running = 0
    desk.tick()
    assert desk.log == ["textDocument/didChange"]


@pytest.mark.parametrize(
    ("mood", "log"),
    [(Mood.REFUSES, [Result({"applied": False})]), (Mood.LIES, [APPLIED]), (Mood.SILENT, [])],
)
def test_editor_in_a_bad_mood_changes_nothing(
    mood: Mood, log: list[object], tmp_path: Path
) -> None:
    desk = Desk("emacs-lsp-mode", tmp_path)
    document = opened(desk)
    desk.editor.mood = mood

    desk.ask((document, 0, "new "))

    assert (desk.log, document.text) == (log, "one\n")


def test_person_types_just_before_the_edit_is_treated(tmp_path: Path) -> None:
    desk = Desk("helix-25.07", tmp_path)
    document = opened(desk)
    desk.editor.before = lambda method: desk.editor.type(document, 0, "x")

    desk.ask((document, 0, "new "))

    assert document.text == "xone\n"


def test_eglot_cannot_create_a_file_and_the_attempt_is_a_fault(tmp_path: Path) -> None:
    desk = Desk("emacs-eglot", tmp_path)
    create = {"kind": "create", "uri": (tmp_path / "new.py").as_uri()}

    desk.editor.asked(
        "workspace/applyEdit", {"edit": {"documentChanges": [create]}}, desk.log.append
    )

    assert isinstance(desk.log[0], Failure)
    assert desk.editor.faults


def test_progress_out_of_order_is_a_fault(tmp_path: Path) -> None:
    desk = Desk("helix-25.07", tmp_path)
    desk.editor.notified("$/progress", {"token": 1, "value": {"kind": "report"}})

    assert desk.editor.faults == ["progress report out of order for 1"]


@given(
    text=st.text(alphabet="aé€😀\u0301\n\r", max_size=30),
    encoding=st.sampled_from(["utf-8", "utf-16", "utf-32"]),
    data=st.data(),
)
def test_every_offset_survives_the_way_through_a_position(
    text: str, encoding: str, data: st.DataObject
) -> None:
    document = Document(Path("a"), "file:///a", text, 0, encoding)
    places = [at for at in range(len(text) + 1) if text[max(at - 1, 0) : at + 1] != "\r\n"]
    offset = data.draw(st.sampled_from(places))

    assert document.offset(document.position(offset)) == offset


@pytest.mark.parametrize("character", [1, 3])
def test_position_in_a_character_or_beyond_the_line_does_not_exist(character: int) -> None:
    document = Document(Path("a"), "file:///a", "😀\nlong line\n", 0, "utf-16")

    with pytest.raises(Misplaced):
        document.offset({"line": 0, "character": character})
