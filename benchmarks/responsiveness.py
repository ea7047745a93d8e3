"""How quickly the menu comes while the server is busy, and what a change of a big file costs.

`python -m benchmarks.responsiveness [--rounds N]`
"""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from time import perf_counter, sleep
from typing import Any

from benchmarks import programs
from benchmarks.double import model_double, use
from benchmarks.figures import Aim, Results, alternate, conditions, options, quantile, report
from benchmarks.peer import Peer, environment
from benchmarks.programs import BARE, EDITOR, OURS, Program
from benchmarks.turns import EditorSession
from tests.doubles.editor_text import Document

KEYSTROKES = 20
"""A second; nobody types faster for long."""

P50, P99 = "codeAction p50, ms", "codeAction p99, ms"
QUIET = "codex-lsp, no turn"
FIX, PAGE = "codex-lsp, a patch streams", "codex-lsp, an answer grows"
FIX_TYPED, PAGE_TYPED = f"{FIX}, typing", f"{PAGE}, typing"
STREAM_AIMS = tuple(Aim(P99, name, 10) for name in (FIX, PAGE, FIX_TYPED, PAGE_TYPED))

SLOWEST = "slowest codeAction of the first turn, ms"
FIRST_AIMS = (Aim(SLOWEST, OURS, 10),)

RANGES = 500
ONE, MANY = "didChange of 1 character, ms", f"didChange of {RANGES} ranges, ms"
BIG_AIMS = (Aim(MANY, OURS, 10),)

CODE = "def twice(n):\n    return n * 2\n\n\n" * 50


@dataclass(frozen=True, slots=True)
class Scale:
    """How much of everything: `menus` for a measurement, `lines` of the big file."""

    rounds: int
    warm: int = 1
    menus: int = 200
    lines: int = 23_000


def main() -> None:
    """Measure and print."""
    asked = options(__doc__, rounds=5)
    scale = Scale(1, 0, 5, 1000) if asked.small else Scale(asked.rounds)
    print(conditions())
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve()
        streams = during_streams(folder, scale)
        report("The menu while a turn streams", streams, beside=BARE, aims=STREAM_AIMS)
        firsts = {OURS: partial(during_first_turn, folder, scale.menus)}
        title = "The first turn, which loads what talks to a model"
        report(title, alternate(scale.rounds, firsts, warm=0), beside=OURS, aims=FIRST_AIMS)
        big = of_big_files(folder, scale)
        report("Changes of a file of 1 MB", big, beside=BARE, aims=BIG_AIMS)


def during_streams(folder: Path, scale: Scale) -> Results:
    """The menu, asked for 50 times a second, in seven situations on three running servers."""
    with (
        model_double(_stream("patch")) as patches,
        model_double(_stream("text")) as prose,
        _session(programs.ours(folder), folder, patches) as fixer,
        _session(programs.ours(folder), folder, prose) as writer,
        _session(programs.bare(folder), folder, "") as other,
    ):

        def menu(
            session: EditorSession, command: str | None = None, *, typing: bool = False
        ) -> dict[str, float]:
            document = session.open("code.py", CODE)
            place = {"uri": document.uri, "line": 1}
            task = session.start(command, place) if command else None
            with _typist(session, document, typing=typing):
                times = list(_menus(session, document, scale.menus))
            if task is not None:
                assert not session.is_over(task), "the stream was too short to measure beside it"
                session.cancel(task)
            session.close(document)
            return {P50: quantile(times, 0.5), P99: quantile(times, 0.99)}

        return alternate(
            scale.rounds,
            {
                BARE: lambda: menu(other),
                QUIET: lambda: menu(fixer),
                f"{QUIET}, typing": lambda: menu(fixer, typing=True),
                FIX: lambda: menu(fixer, "codex.fix"),
                FIX_TYPED: lambda: menu(fixer, "codex.fix", typing=True),
                PAGE: lambda: menu(writer, "codex.explain"),
                PAGE_TYPED: lambda: menu(writer, "codex.explain", typing=True),
            },
            warm=scale.warm,
        )


def during_first_turn(folder: Path, menus: int) -> dict[str, float]:
    """One menu after the other while a server that was just started runs its first turn."""
    with (
        model_double(_stream("patch")) as base_url,
        _session(programs.ours(folder), folder, base_url) as session,
    ):
        document = session.open("code.py", CODE)
        for _ in range(5):
            session.actions(document, 1)
        task = session.start("codex.fix", {"uri": document.uri, "line": 1})
        times = [session.actions(document, 1) for _ in range(menus)]
        session.cancel(task)
        return {SLOWEST: max(times)}


def of_big_files(folder: Path, scale: Scale) -> Results:
    """A change and then a menu, less what the menu alone takes: the answer proves the change."""
    contestants = {BARE: programs.bare(folder), OURS: programs.ours(folder)}
    return alternate(
        scale.rounds,
        {name: partial(changes, of, folder, scale.lines) for name, of in contestants.items()},
        warm=scale.warm,
    )


def changes(program: Program, folder: Path, lines: int) -> dict[str, float]:
    """The cost of two kinds of change on a server that has just been started."""
    with _session(program, folder, "") as session:
        text = "".join(f"value_{line} = compute({line}, 'some text')\n" for line in range(lines))
        document = session.open("big.py", text)
        for _ in range(3):
            alone = session.actions(document, 0)
        everywhere = [_insert(line) for line in range(0, lines, lines // RANGES)][:RANGES]
        return {
            ONE: _changed(session, document, [_insert(lines // 2)]) - alone,
            MANY: _changed(session, document, everywhere) - alone,
        }


def _changed(session: EditorSession, document: Document, edits: list[dict[str, Any]]) -> float:
    document.version += 1
    name = {"uri": document.uri, "version": document.version}
    begin = perf_counter()
    session.peer.notify("textDocument/didChange", {"textDocument": name, "contentChanges": edits})
    session.actions(document, 0)
    return (perf_counter() - begin) * 1000


def _insert(line: int) -> dict[str, Any]:
    place = {"line": line, "character": 3}
    return {"range": {"start": place, "end": place}, "text": "x"}


def _menus(session: EditorSession, document: Document, count: int) -> Iterator[float]:
    for _ in range(count):
        began = perf_counter()
        yield session.actions(document, 1)
        sleep(max(0.02 - (perf_counter() - began), 0))


def _stream(kind: str) -> dict[str, Any]:
    """A script by which every answer is a `kind` that lasts longer than any measurement."""
    words = {"text": "some words here " * 20_000, "piece": 16}
    return {"steps": [{"turn": [{kind: words}], "pause": 0.002}], "loop": True}


@contextmanager
def _typist(session: EditorSession, document: Document, *, typing: bool) -> Iterator[None]:
    """Somebody who types into the document meanwhile, if `typing`."""
    enough = threading.Event()

    def type_on() -> None:
        while not enough.wait(1 / KEYSTROKES):
            session.type(document, len(document.text), "x")

    typist = threading.Thread(target=type_on, daemon=True)
    if typing:
        typist.start()
    yield
    enough.set()
    if typing:
        typist.join()


@contextmanager
def _session(program: Program, folder: Path, base_url: str) -> Iterator[EditorSession]:
    home = Path(tempfile.mkdtemp(dir=folder))
    use(home / "codex-home", base_url)
    with Peer(program.command, environment(home)) as peer:
        session = EditorSession(peer, folder, EDITOR)
        session.begin(program)
        yield session


if __name__ == "__main__":
    main()
