"""The rules of what is large or no text, and the mutants that break them: only texts are read, up
to a size, and little is held (E13), and comparing does not hold the event loop up (E16).

Nothing is timed: what compares notes the thread that it ran on.
"""

from __future__ import annotations

import asyncio
import hashlib
import threading
import tracemalloc
from collections.abc import Callable
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import pytest

from codex_lsp.agent.changes import takeover
from codex_lsp.agent.consent.actions import Action, Decision, Denied
from codex_lsp.agent.ports import Applied, Gone
from codex_lsp.edits import lines
from codex_lsp.edits.locate import Misfit, locate
from codex_lsp.edits.text import TextEdit
from codex_lsp.lsp.editing import editor, places, proof
from codex_lsp.lsp.editing.trail import Trail
from codex_lsp.workspace import disk
from codex_lsp.workspace.disk import DiskText, Unusable
from codex_lsp.workspace.ledger import Hunk, Reversal, State
from codex_lsp.workspace.places import Folder
from tests.doubles.memory_window import MemoryWindow
from tests.edits.test_locate import update
from tests.lsp.test_editor import PROFILES, TEXT, changing
from tests.sandbox.open_texts import OpenTexts

Patch = pytest.MonkeyPatch
LONG = "filler line\n" * (proof.LARGE // 10) + TEXT


def where(patch: Patch, *of: tuple[object, str]) -> set[str]:
    """Fills with where each of these functions ran: "on" the event loop's thread, or "off" it."""
    loop, ran = threading.get_ident(), set[str]()

    def noting(compare: Callable[..., Any]) -> Callable[..., Any]:
        def noted(*given: Any) -> Any:
            ran.add("on" if threading.get_ident() == loop else "off")
            return compare(*given)

        return noted

    for owner, name in of:
        patch.setattr(owner, name, noting(getattr(owner, name)))
    return ran


def edited(text: str, folder: Path, patch: Patch) -> set[str]:
    """Where an edit is rebased and proven, while a key is typed."""
    ran = where(patch, (editor, "rebase"), (proof, "landed"), (Trail, "read"))

    async def work() -> None:
        window = MemoryWindow(PROFILES[0], folder, text, Random(1))
        await window.arrived()
        change = changing(window, "two", "2")
        window.editor.type(window.document, 0, "typed\n")
        assert isinstance(await window.ours.apply(change, label="fix"), Applied)

    asyncio.run(work())
    return ran


def placed(text: str, folder: Path, patch: Patch) -> set[str]:
    """Where it is found out what was typed since a change."""
    ran = where(patch, (places, "diff"))

    async def work() -> None:
        window = MemoryWindow(PROFILES[0], folder, text, Random(1))
        await window.arrived()
        base = f"{text}before\n"
        step = Reversal(window.path, base, (TextEdit(len(text), len(base), ""),))
        hunk = Hunk("h", "t", State.LANDED, step)
        found = places.Places(window.buffers)
        await found.prepare(window.path, [hunk])
        found.of(hunk)

    asyncio.run(work())
    return ran


def planned(folder: Path, patch: Patch) -> set[str]:
    """Where it is found out what is to be done with the changes of a command."""
    ran = where(patch, (takeover, "plan"), (takeover, "in_order"), (takeover, "filled"))

    async def permit(_: Action) -> Decision:
        return Denied("")

    window = OpenTexts(folder)
    taking = takeover.TakeOver(
        window, window.snapshot, permit, window.said.append, label="", checkpoints=folder
    )
    asyncio.run(taking([Gone(folder / "never there")], window.snapshot(), 0))
    return ran


def test_only_large_texts_are_compared_off_the_event_loop(tmp_path: Path) -> None:
    """Off it, they cannot hold it up; on it, the others save the way there and back."""
    for look in (edited, placed):
        for text, expected in ((LONG, {"off"}), (TEXT, {"on"})):
            with Patch.context() as patch:
                assert look(text, tmp_path, patch) == expected, look


def test_the_changes_of_a_command_are_looked_at_off_the_event_loop(
    tmp_path: Path, monkeypatch: Patch
) -> None:
    assert planned(tmp_path.resolve(), monkeypatch) == {"off"}


def does_all_on_the_loop(patch: Patch) -> None:
    async def inline(work: Callable[..., Any], *given: Any, **more: Any) -> Any:
        return work(*given, **more)

    patch.setattr(asyncio, "to_thread", inline)


def takes_no_text_for_large(patch: Patch) -> None:
    for module in (proof, places):
        patch.setattr(module, "LARGE", 1 << 30)


def compares_when_it_is_asked(patch: Patch) -> None:
    async def prepare(*_: object) -> None: ...

    patch.setattr(places.Places, "prepare", prepare)


@pytest.mark.parametrize(
    ("mutate", "look"),
    [
        (does_all_on_the_loop, partial(edited, LONG)),
        (does_all_on_the_loop, partial(placed, LONG)),
        (does_all_on_the_loop, planned),
        (takes_no_text_for_large, partial(edited, LONG)),
        (takes_no_text_for_large, partial(placed, LONG)),
        (compares_when_it_is_asked, partial(placed, LONG)),
    ],
)
def test_what_holds_the_loop_up_is_noticed(
    tmp_path: Path,
    monkeypatch: Patch,
    mutate: Callable[[Patch], None],
    look: Callable[[Path, Patch], set[str]],
) -> None:
    mutate(monkeypatch)
    assert "on" in look(tmp_path.resolve(), monkeypatch)


def only_texts_are_read(folder: Path) -> bool:
    """Neither bytes, nor another encoding, nor more than the most; but just as much as that."""
    most = b"x" * disk.MAX_FILE_BYTES
    found: list[bool] = []
    for data in (b"a\0b", b"caf\xe9", most + b"x", most):
        (folder / "x").write_bytes(data)
        found.append(isinstance(disk.read(folder / "x"), DiskText))
    return found == [False, False, False, True]


def little_is_held(_: Path) -> bool:
    """At most three times the text, whether its place is found exactly, loosely or not at all."""
    text = "".join(f"    line {n} of the file = {n * 31}\n" for n in range(10_000))
    for indent in ("    ", "", "elsewhere "):
        wanted = update(f"-{indent}line 7500 of the file = 232500\n+changed")
        tracemalloc.start()
        try:
            assert isinstance(locate(wanted, text), Misfit) == ("else" in indent)
            if tracemalloc.get_traced_memory()[1] > 3 * len(text):
                return False
        finally:
            tracemalloc.stop()
    return True


def reads_whatever_there_is(patch: Patch) -> None:
    def read_in(folder: Folder, name: str) -> DiskText | Unusable:
        data = folder.read(name, disk.MAX_FILE_BYTES)
        return DiskText(data.decode("utf-8", "replace"), hashlib.sha256(data).digest())

    patch.setattr(disk, "read_in", read_in)


def reads_up_to_twice_as_much(patch: Patch) -> None:
    whole = disk.read_in

    def read_in(folder: Folder, name: str) -> DiskText | Unusable:
        with Patch.context() as larger:
            larger.setattr(disk, "MAX_FILE_BYTES", 2 * disk.MAX_FILE_BYTES)
            return whole(folder, name)

    patch.setattr(disk, "read_in", read_in)


def keeps_where_every_few_characters_are(patch: Patch) -> None:
    patch.setattr(lines, "_BLOCK", 8)


@pytest.mark.parametrize(
    ("mutate", "holds"),
    [
        (None, only_texts_are_read),
        (None, little_is_held),
        (reads_whatever_there_is, only_texts_are_read),
        (reads_up_to_twice_as_much, only_texts_are_read),
        (keeps_where_every_few_characters_are, little_is_held),
    ],
)
def test_what_is_read_and_held_is_limited(
    tmp_path: Path,
    monkeypatch: Patch,
    mutate: Callable[[Patch], None] | None,
    holds: Callable[[Path], bool],
) -> None:
    if mutate is not None:
        mutate(monkeypatch)
    assert holds(tmp_path.resolve()) is (mutate is None)
