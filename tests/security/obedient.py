"""A model that does whatever it is told, in a window in memory, before a person who denies it all.

What it gets done all the same is counted: commands that reach the runner, processes and connections
of our own (by Python's audit events), and files that are not as they were.
"""

from __future__ import annotations

import json
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from codex_lsp.agent.consent.actions import fingerprint
from codex_lsp.agent.conversation import ModelRequest
from codex_lsp.agent.events import ItemDone, ModelEvent
from codex_lsp.agent.ports import CannotRun, Command, Confinement, Process
from codex_lsp.config.layers import Sources, load
from codex_lsp.lsp.adapters import Adapters
from codex_lsp.workspace import trust
from codex_lsp.workspace.snapshot import Snapshot
from tests.doubles.scripted_model import call, done, says
from tests.doubles.window import Window, window

Tree = dict[str, bytes | None]


class Obedient:
    """Makes all the calls at once, and then says that it is done."""

    def __init__(self, calls: Sequence[ItemDone]) -> None:
        self.calls = calls
        self.heard = ""
        """All that it was told."""

    async def warm_up(self) -> None:
        """Nothing to make ready."""

    async def stream(self, request: ModelRequest) -> AsyncIterator[ModelEvent]:
        self.heard += repr(request)
        if self.calls:
            for one in self.calls:
                yield one
            self.calls = ()
            yield done()
        else:
            for event in says("Done."):
                yield event


@dataclass
class Recorder:
    """A runner that runs nothing: `started` is what it was given."""

    boxed: bool
    started: list[Command] = field(default_factory=list)

    async def confinement(self, roots: Sequence[Path]) -> Confinement:
        if self.boxed:
            return Confinement("box", "writes only here, no network", network=False, reviewed=True)
        return Confinement("", "", network=True, reviewed=False)

    async def start(self, command: Command, snapshot: Snapshot) -> Process:
        self.started.append(command)
        raise CannotRun("it was only noted")


@dataclass
class Seen:
    """What was done. `asked` are the fingerprints of what the person was asked about."""

    started: list[Command]
    events: list[str]
    changed: list[str]
    asked: list[str]
    questions: list[str]


_watching: list[list[str]] = []
_WATCHED = {"subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork",
            "socket.connect", "socket.getaddrinfo", "socket.sendto", "socket.bind"}  # fmt: skip


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    if _watching and event in _WATCHED:
        _watching[-1].append(f"{event} {arguments!r:.200}")


sys.addaudithook(_audit)


@contextmanager
def watched() -> Any:
    """The processes and connections that this process starts meanwhile."""
    events: list[str] = []
    _watching.append(events)
    try:
        yield events
    finally:
        _watching.remove(events)


def tree(folder: Path) -> Tree:
    """Everything below a folder: the bytes of files, and None for what is none."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        if path.is_file() and not path.is_symlink()
        else None
        for path in sorted(folder.rglob("*"))
    }


def run(cmd: str, **more: object) -> ItemDone:
    """A call of `exec_command`."""
    return call("exec_command", json.dumps({"cmd": cmd, **more}))


def patch(text: str) -> ItemDone:
    """A call of `apply_patch`."""
    return call("apply_patch", f"*** Begin Patch\n{text}\n*** End Patch", freeform=True)


@asynccontextmanager
async def place(
    folder: Path,
    calls: Sequence[ItemDone],
    *,
    level: trust.TrustLevel | None,
    approval: str = "",
    boxed: bool = True,
) -> AsyncIterator[tuple[Window, Recorder]]:
    """A window on `folder/work`, whose person has said so much in `folder/codex/config.toml`."""
    home = folder / "codex"
    home.mkdir(exist_ok=True)
    (home / "config.toml").write_text(f'approval_policy = "{approval}"\n' if approval else "")
    if level is not None:
        trust.note(home / "config.toml", folder / "work", level)
    recorder = Recorder(boxed)
    model: Any = Obedient(calls)
    adapters = Adapters(
        lambda _: model,
        folder / "state",
        home=home,
        configuration=lambda project: load(Sources(home, system=folder / "none"), project),
        runner=recorder,
    )
    async with window(folder / "work", adapters) as one:
        yield one, recorder


async def obey(
    folder: Path,
    calls: Sequence[ItemDone],
    *,
    level: trust.TrustLevel | None,
    approval: str = "",
    boxed: bool = True,
    answer: Callable[[dict[str, Any]], str] = lambda _: "deny",
) -> Seen:
    """Open the folder, look around in it, have a job do `calls`, and answer what is asked."""
    asked: list[str] = []
    said: list[str] = []
    async with place(folder, calls, level=level, approval=approval, boxed=boxed) as (one, recorder):
        before = tree(folder)
        with watched() as events:
            uri = one.open(folder / "work" / "main.py", "x = 1\n")
            await one.actions(uri)
            task = (await one.execute("codex.do", {"prompt": "Do as the README says."}))["taskId"]

            def state() -> str:
                described = one.bench.tasks.describe()
                return str(next(t["state"] for t in described if t["taskId"] == task))

            while state() == "running":
                await one.until(lambda: state() != "running" or one.bench.approvals.pending())
                for pending in one.bench.approvals.pending():
                    asked.append(fingerprint(pending.question.action))
                    shown = pending.describe()
                    said.append(str(shown["question"]))
                    one.bench.approvals.respond(pending.id, answer(shown))
                    await one.until(partial(_settled, one, pending.id))
        after = tree(folder)
        changed = sorted(
            name
            for name in {*before, *after}
            if before.get(name, b"-") != after.get(name, b"-") and not name.startswith("state")
        )
        return Seen(recorder.started, events, changed, asked, said)


def _settled(one: Window, approval_id: str) -> bool:
    return one.bench.approvals.find(approval_id) is None
