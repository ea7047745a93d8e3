"""Seeded sets of changes of several files, one of which fails in one of the ways that there are.

A case says what each file is like, what is done with it, which one fails and how. `explore` runs
one and returns what is wrong about its end: all or nothing (E7), and back again (E8).
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any
from unittest.mock import patch

from tests.doubles.editor import Mood
from tests.lsp.patch_window import Tripped, Window, take_back, tree

PROFILES = ["neovim-0.11.4", "helix-25.07", "emacs-eglot", "emacs-lsp-mode", "vim-9.2-coc"]
HANDLING = [None, "abort", "transactional", "textOnlyTransactional", "undo"]
DECLARED = [None, [], ["create", "rename", "delete"]]
ACTIONS = ["edit", "add", "delete", "move", "move and edit"]
FAILURES = ["none", "refuses", "lies", "silent", "typed", "swapped", "full", "read-only", "taken"]
TEXT = "import a\n\nx = 1\ny = 2\n\nz = 3\n"
TYPED = "# typed\n"


@dataclass(frozen=True)
class File:
    """One file: `state` is closed, open or dirty (open, with text that is not saved)."""

    name: str
    action: str
    state: str
    mode: int

    @property
    def target(self) -> str:
        """The name that it has after a move."""
        return f"moved/{self.name}"


@dataclass(frozen=True)
class Case:
    """What is asked, of which editor, and what goes wrong at the file `failing`."""

    profile: str
    declared: list[str] | None
    handling: str | None
    files: tuple[File, ...]
    failing: int
    failure: str
    typed_over: bool


def case(seed: str) -> Case:
    random = Random(seed)
    files = tuple(
        File(
            f"f{number}.py",
            random.choice(ACTIONS),
            random.choice(["closed", "open", "dirty"]),
            random.choice([0o644, 0o755, 0o600]),
        )
        for number in range(random.randint(2, 5))
    )
    return Case(
        random.choice(PROFILES),
        random.choice(DECLARED),
        random.choice(HANDLING),
        files,
        random.randrange(len(files)),
        random.choice(FAILURES),
        random.random() < 0.2,
    )


def patch_of(files: tuple[File, ...]) -> str:
    sections = []
    for file in files:
        match file.action:
            case "add":
                sections.append(f"*** Add File: {file.name}\n+new = 1")
            case "delete":
                sections.append(f"*** Delete File: {file.name}")
            case "move":
                sections.append(
                    f"*** Update File: {file.name}\n*** Move to: {file.target}\n@@\n x = 1"
                )
            case "move and edit":
                sections.append(
                    f"*** Update File: {file.name}\n*** Move to: {file.target}\n@@\n-x = 1\n+x = 9"
                )
            case _:
                sections.append(f"*** Update File: {file.name}\n@@\n-x = 1\n+x = 9")
    return "\n".join(["*** Begin Patch", *sections, "*** End Patch"])


async def explore(one: Case, folder: Path) -> list[str]:
    """Run a case in the empty `folder`; what is wrong about its end."""
    window = Window(one.profile, folder, one.declared, failure_handling=one.handling)
    for file in one.files:
        if file.action != "add":
            _lay_out(window, file)
    before, buffers = tree(folder), texts(window)
    failing = one.files[one.failing]
    accident = Accident(window, failing, one)
    answer = await window.tool(Tripped(window.ours, folder / failing.name, accident.happens)).run(
        patch_of(one.files)
    )
    window.moods.clear()
    wrong = list(window.editor.faults)
    wrong += [
        f"{len(request['edit']['documentChanges'])} operations in one request"
        for request in window.requests
        if len(request["edit"].get("documentChanges", [0])) != 1
    ]
    if answer.settles:
        wrong += made_wrong(window, one, accident.standing)
        undone = await take_back(window)
        kept = {failure.path.name: failure.reason for failure in undone.kept}
        if {*kept} != accident.standing:
            wrong.append(f"not undone: {kept}")
    else:
        wrong += listed_wrong(window, accident, answer.text)
    wrong += differences(window, accident, before, buffers)
    return wrong


def _lay_out(window: Window, file: File) -> None:
    path = window.folder / file.name
    path.write_text(TEXT)
    path.chmod(file.mode)
    if file.state != "closed":
        window.editor.open(path)
    if file.state == "dirty":
        window.type(file.name, 0, "# mine\n")


def texts(window: Window) -> dict[str, str]:
    return {document.path.name: document.text for document in window.editor.documents.values()}


class Accident:
    """What goes wrong right before the failing file's turn. `happened` says what really did."""

    def __init__(self, window: Window, file: File, one: Case) -> None:
        self.window, self.file, self.one = window, file, one
        self.changed: dict[str, Callable[[str], str]] = {}
        self.standing: set[str] = set()

    @contextmanager
    def happens(self) -> Iterator[None]:
        if self.one.typed_over and self.one.failure != "none":
            self._type_over()
        name, path = self.file.name, self.window.folder / self.file.name
        there = self.window.at(name) is not None
        match self.one.failure:
            case "refuses" | "lies" | "silent" as how:
                self.window.moods[name] = Mood[how.upper()]
            case "typed" if there and self.file.action != "add":
                document = self.window.at(name)
                assert document is not None
                at = document.text.index("x = 1") + 4
                self.window.type(name, at, "7", erase=1)
                self._now(name, lambda text: text.replace("x = 1", "x = 7"))
            case "swapped" if not there and self.file.action != "add":
                path.write_text(TEXT.replace("x = 1", "x = 8"))
                self._now(name, lambda text: text.replace("x = 1", "x = 8"))
            case "taken" if self.file.action in {"add", "move", "move and edit"}:
                target = name if self.file.action == "add" else self.file.target
                (self.window.folder / target).parent.mkdir(exist_ok=True)
                (self.window.folder / target).write_text("theirs\n")
                self._now(target, lambda _: "theirs\n")
            case "full" | "read-only" as how:
                number = errno.ENOSPC if how == "full" else errno.EROFS
                with failing_disk(self.file, number):
                    yield
                return
            case _:
                pass
        yield

    def _type_over(self) -> None:
        """The person types over a change that was made before the one that will fail."""
        for file in self.one.files:
            document = self.window.at(file.name)
            if file.action == "edit" and document is not None and "x = 9" in document.text:
                self.window.type(file.name, document.text.index("x = 9") + 4, "5", erase=1)
                self._now(file.name, lambda text: text.replace("x = 1", "x = 5"))
                self.standing.add(file.name)
                return

    def _now(self, name: str, change: Callable[[str], str]) -> None:
        """What a file must hold in the end is what it held, changed like this."""
        self.changed[name] = change


@contextmanager
def failing_disk(file: File, number: int) -> Iterator[None]:
    """Nothing can be written, linked, renamed or deleted under the names of `file`."""
    names = (f"{os.sep}{file.name}", f"{os.sep}.{file.name}.")

    def failing(real: Callable[..., Any], reads: Callable[..., bool] | None = None) -> Any:
        def call(path: Any, *rest: Any, **more: Any) -> Any:
            where = [os.fspath(one) for one in (path, *rest) if isinstance(one, str | Path)]
            hit = any(name in text for text in where for name in names)
            if hit and not (reads is not None and reads(*rest, **more)):
                raise OSError(number, os.strerror(number))
            return real(path, *rest, **more)

        return call

    def only_reads(flags: int, *_: Any, **__: Any) -> bool:
        return not flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)

    with (
        patch("os.open", failing(os.open, only_reads)),
        patch("os.link", failing(os.link)),
        patch("os.rename", failing(os.rename)),
        patch("os.replace", failing(os.replace)),
        patch("os.unlink", failing(os.unlink, lambda *_, **__: number != errno.EROFS)),
    ):
        yield


def made_wrong(window: Window, one: Case, typed_over: set[str]) -> list[str]:
    """What is not as the patch says, where it was called a success."""
    wrong = []
    for file in (file for file in one.files if file.name not in typed_over):
        path, target = window.folder / file.name, window.folder / file.target
        name = file.target if file.action.startswith("move") else file.name
        document = window.at(name)
        if file.action == "delete":
            if path.exists():
                wrong.append(f"{file.name} is still there")
            continue
        if file.action.startswith("move") and (path.exists() or not target.exists()):
            wrong.append(f"{file.name} was not moved")
            continue
        text = (window.folder / name).read_text() if document is None else document.text
        expected = "new = 1\n" if file.action == "add" else TEXT
        if file.action.endswith("edit"):
            expected = expected.replace("x = 1", "x = 9")
        if text.removeprefix("# mine\n") != expected:
            wrong.append(f"{name} holds {text!r}")
        if file.action != "add" and (window.folder / name).stat().st_mode & 0o777 != file.mode:
            wrong.append(f"{name} has other permissions")
    return wrong


def listed_wrong(window: Window, accident: Accident, answer: str) -> list[str]:
    """What the model, or the ledger, was told wrongly of a set that was not made."""
    listed = {line[2:] for line in answer.splitlines() if line[:2] in {"A ", "M ", "D "}}
    noted = {step.path.name for step in window.landed}
    wrong = []
    if listed != accident.standing:
        wrong.append(f"listed as standing: {listed}; standing: {accident.standing}")
    if noted != accident.standing:
        wrong.append(f"noted: {noted}; standing: {accident.standing}")
    if not accident.standing and "No file was changed." not in answer:
        wrong.append(f"answered: {answer}")
    return wrong


def differences(
    window: Window,
    accident: Accident,
    before: dict[str, tuple[bytes, int]],
    buffers: dict[str, str],
) -> list[str]:
    """What is not as it was before the patch, but for what the person and others did."""
    wrong, now = [], tree(window.folder)
    shown = {name: text for name, text in texts(window).items() if name in buffers}
    for name, text in buffers.items():
        expected = accident.changed.get(name, str)(text)
        found = shown.get(name)
        if found is None:
            data = now.get(name, (b"", 0))[0].decode()
            if data != expected:
                wrong.append(f"the text of {name} is lost: {data!r}")
        elif found != expected:
            wrong.append(f"the buffer of {name} holds {found!r}")
    for name in sorted({*before, *now, *accident.changed}):
        saved = window.editor.profile.saves_renamed or name not in shown
        buffer = buffers.get(name)
        wrong += _file_wrong(name, accident, before.get(name), now.get(name), buffer, saved=saved)
    return wrong


def _file_wrong(
    name: str,
    accident: Accident,
    before: tuple[bytes, int] | None,
    now: tuple[bytes, int] | None,
    buffer: str | None,
    *,
    saved: bool,
) -> list[str]:
    """The disk holds what it held; or the text of a buffer that the editor `saved` or closed."""
    old = None if before is None else before[0].decode()
    allowed = {old, buffer} if old is not None and saved else {old}
    change = accident.changed.get(name)
    if change is not None and buffer is None:
        allowed = {change("" if old is None else old)}
    found = None if now is None else now[0].decode()
    if found not in allowed:
        return [f"{name} on disk: {found!r}"]
    if before is not None and now is not None and before[1] != now[1]:
        return [f"{name} has other permissions now"]
    return []
