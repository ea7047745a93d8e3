"""A job in a window in memory, that is cut short at a chosen moment: cancelled at the n-th place
where it waits, or broken by an exception in the n-th event of the model or question to the client.

The clock is virtual and threads are none, so that a run is the same each time.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Coroutine, Generator, Sequence
from functools import partial
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

from codex_lsp.agent.compaction import Window
from codex_lsp.agent.context.lines import LineRange
from codex_lsp.agent.conversation import (
    AssistantMessage,
    Item,
    Message,
    ModelRequest,
    Reasoning,
    ToolCall,
    ToolOutput,
)
from codex_lsp.agent.events import ItemDone, ModelEvent, Restarted, TextDelta
from codex_lsp.agent.ports import Command, Confinement, FileChange, Process, Wrote
from codex_lsp.agent.thread import Thread
from codex_lsp.agent.workplace import Place
from codex_lsp.config.codex_toml import CodexToml
from codex_lsp.lsp.adapters import Adapters
from codex_lsp.lsp.jobs import doing
from codex_lsp.lsp.tasks import Job, Task
from codex_lsp.lsp.workbench import Workbench
from codex_lsp.responses.sessions import Sessions
from codex_lsp.workspace.snapshot import Snapshot
from tests.doubles.editor_profiles import profile
from tests.doubles.memory_window import MemoryWindow
from tests.doubles.scripted_model import Reply, ScriptedModel, call, done, says
from tests.doubles.virtual_loop import VirtualLoop

NAME = "helix-25.07"
BROKEN = "def area(r):\n    return 3 * r\n"
FIXED = "def area(r):\n    return 3 * r * r\n"
PATCH = """*** Begin Patch
*** Update File: a.py
@@ def area(r):
-    return 3 * r
+    return 3 * r * r
*** Add File: b.py
+x = 1
*** End Patch
"""
QUESTION = {"id": "q", "question": "Metres?", "options": ["Yes", "No"]}
STEERED = "in metres, please"


_OURS = (Message, ToolOutput, type(None))


class Crash(Exception):
    """A bug."""


class Loop(VirtualLoop):
    """What would run in a thread runs in between."""

    def run_in_executor(self, executor: Any, func: Any, *args: Any) -> Any:  # type: ignore[override]  # in short
        future = self.create_future()

        def work() -> None:
            try:
                result = func(*args)
            except Exception as error:  # noqa: BLE001 - as an executor does
                future.set_exception(error)
            else:
                if not future.cancelled():  # a thread goes on all the same
                    future.set_result(result)

        self.call_soon(work)
        return future


class Runner:
    """Runs one command, which takes a while and writes c.py; knows what was not released."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.alive: set[Running] = set()

    async def confinement(self, roots: Sequence[Path]) -> Confinement:
        await asyncio.sleep(0.01)
        return Confinement("double", "all of it", network=False, reviewed=True)

    async def start(self, command: Command, snapshot: Snapshot) -> Process:
        await asyncio.sleep(0.01)
        process = Running(self)
        self.alive.add(process)
        return process


class Running:
    """The command."""

    started = 0

    def __init__(self, runner: Runner) -> None:
        self.exit_code: int | None = None
        self._runner = runner

    def take_output(self) -> bytes:
        return b"said"

    async def wait(self, seconds: float) -> None:
        await asyncio.sleep(0.05)
        self.exit_code = 0

    async def write(self, data: bytes) -> bool:
        return False

    async def kill(self) -> None:
        await asyncio.sleep(0.01)
        self.exit_code = -9

    async def changes(self) -> Sequence[FileChange]:
        await asyncio.sleep(0.01)
        source = self._runner.folder.parent / f"{self._runner.folder.name}.out"
        source.write_text("y = 1\n")
        return [Wrote(self._runner.folder / "c.py", source, 0o644)]

    async def release(self) -> None:
        self._runner.alive.discard(self)
        await asyncio.sleep(0.01)


class Stepped:
    """Awaits `work`, counts where it waits, and calls `strike` at the n-th of these places."""

    def __init__(
        self, work: Coroutine[Any, Any, object], at: int, strike: Callable[[], object]
    ) -> None:
        self.count = 0
        self._work, self._at, self._strike = work, at, strike

    def __await__(self) -> Generator[Any, Any, object]:
        steps = self._work.__await__()
        step = partial(next, steps)
        while True:
            try:
                waits_for = step()
            except StopIteration as end:
                return end.value
            self.count += 1
            if self.count == self._at:
                self._strike()
            try:
                yield waits_for
            except BaseException as error:  # noqa: BLE001 - passed on, whatever it is
                step = partial(steps.throw, error)
            else:
                step = partial(next, steps)


def agrees(_: str, titles: Sequence[str]) -> str:
    """The person allows what is asked for, and takes the first answer to a question."""
    return next((one for one in titles if one == "Allow once"), titles[0])


def script() -> list[Reply]:
    """Everything: a plan, reading, an edit, a question, a command, a steer, a summary, a retry."""
    plan = {"plan": [{"step": "square it", "status": "in_progress"}]}
    look = json.dumps({"path": "a.py"})
    thought = ItemDone(Reasoning("hm", {"type": "reasoning"}))
    return [
        [
            thought,
            call("update_plan", json.dumps(plan)),
            call("read_file", look),
            call("read_file", look),
            done(),
        ],
        [call("apply_patch", PATCH, freeform=True), thought, call("no_such_tool", "{}"), done()],
        [call("request_user_input", json.dumps({"questions": [QUESTION]})), done()],
        [call("exec_command", json.dumps({"cmd": "make c"})), done(19_000)],
        says("summary"),
        [TextDelta("Do"), Restarted(2, 0.1, "broke"), thought, call("list_files", "{}"), done()],
        says("Done."),
    ]


class Scene(MemoryWindow):
    """One window, one job. `crash_at` counts model events and questions to the client."""

    def __init__(
        self, folder: Path, *, cancel_at: int = 0, delay: float = 0.0, crash_at: int = 0
    ) -> None:
        folder.mkdir()
        super().__init__(NAME, folder, BROKEN, Random(7))
        self.crash_at, self.moments = crash_at, 0
        self.cancel_at, self.delay = cancel_at, delay
        self.stepped: Stepped | None = None
        self.model = Model(self, script(), STEERED)
        params = profile(NAME).initialize | {"rootUri": folder.as_uri(), "workspaceFolders": None}
        self.runner = Runner(folder)
        self.archive = Sessions(folder / "kept", "codex_lsp", "0", "openai")
        home = folder.parent / f"{folder.name}.home"
        home.mkdir()
        adapters = Adapters(
            lambda _: self.model,
            folder / "state",
            window=lambda _config, _provider: Window(20_000),
            home=home,
            configuration=lambda _: CodexToml(
                approval_policy="untrusted", projects={str(folder): "trusted"}
            ),
            runner=self.runner,
            archive=self.archive,
        )
        self.bench = Workbench(self, params, adapters)
        self.editor.choose = agrees
        self.job = Job(Thread())

    def spawn(self, work: Coroutine[Any, Any, object], *, name: str) -> asyncio.Task[None]:
        async def run() -> None:
            if not name.startswith("Codex: square"):  # not the job that is to be cut short
                await work
                return
            self.stepped = Stepped(work, self.cancel_at, self.strike)
            await self.stepped

        return asyncio.create_task(run(), name=name)

    def strike(self) -> None:
        """The person cancels, a moment later."""
        if self.delay:
            self.loop.call_later(self.delay, self.bench.tasks.cancel_all)
        else:
            self.bench.tasks.cancel_all()

    async def ask(self, method: str, params: Any, *, timeout: float) -> Any:  # noqa: ASYNC109 - the seam's shape
        if "Show everything" not in str(params) and method != "window/workDoneProgress/create":
            self.moment()  # where only the job is concerned
        return await super().ask(method, params, timeout=timeout)

    def notify(self, method: str, params: Any) -> None:
        super().notify(method, params)
        self._later(0.001, lambda: self.editor.notified(method, params))

    def moment(self) -> None:
        """Something happens that may break."""
        self.moments += 1
        if self.moments == self.crash_at:
            raise Crash

    async def run(self, wish: str) -> Task:
        """Do a job of the conversation, to its end however it comes."""
        place = Place(self.path, LineRange(1, 2), "python")
        task = self.bench.tasks.start(
            f"Codex: {wish}", doing(self.bench, self.job, wish, place), job=self.job
        )
        assert task.handle is not None
        await asyncio.wait([task.handle])
        return task

    def changed(self) -> set[str]:
        """The files that are not as they were."""
        changed = {name for name in ("b.py", "c.py") if (self.path.parent / name).exists()}
        return changed | ({"a.py"} if self.document.text != BROKEN else set())

    def go_on(self, *replies: Reply) -> None:
        """The next job is undisturbed, and answered by `replies`."""
        self.cancel_at = self.crash_at = 0
        self.model = Model(self, list(replies))
        self.bench.choice._opened.clear()
        self.job = Job(self.job.thread)


class Model(ScriptedModel):
    """Takes its time; the person says `steer` while it writes the second answer."""

    def __init__(self, scene: Scene, replies: Sequence[Reply], steer: str = "") -> None:
        super().__init__(*replies)
        self._scene, self._steer = scene, steer

    async def warm_up(self) -> None:
        """Nothing to make ready."""

    async def stream(self, request: ModelRequest) -> AsyncIterator[ModelEvent]:
        if self._steer and len(self.requests) == 1:
            self._scene.job.inbox.put(self._steer)
        async for event in super().stream(request):
            await asyncio.sleep(0.01)
            self._scene.moment()
            yield event
        self._scene.moment()


def faults_of(items: Sequence[Item]) -> list[str]:
    """What is wrong with a conversation that is to be sent."""
    wrong: list[str] = []
    open_calls: list[int] = []
    for item in items:
        if isinstance(item, ToolCall):
            open_calls.append(id(item))
        elif isinstance(item, ToolOutput):
            if id(item.call) not in open_calls:
                wrong.append(f"answered twice or never called: {item.call.name}")
            else:
                open_calls.remove(id(item.call))
        elif isinstance(item, AssistantMessage) and item.text == "Do":
            wrong.append("kept what was void")
    if open_calls:
        wrong.append(f"{len(open_calls)} calls have no answer")
    followed = pairwise([*items, None])
    if any(isinstance(one, Reasoning) and isinstance(after, _OURS) for one, after in followed):
        wrong.append("a thought leads nowhere")
    return wrong
