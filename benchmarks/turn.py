"""What we add to a model's answer, and how long a fix takes from the command to the proven edit.

`python -m benchmarks.turn [--rounds N]`
"""

from __future__ import annotations

import asyncio
import tempfile
from contextlib import AsyncExitStack, ExitStack, aclosing
from dataclasses import asdict
from itertools import count
from pathlib import Path
from time import perf_counter

import httpx

from benchmarks import programs
from benchmarks.double import model_double, use
from benchmarks.figures import Aim, Round, alternate, conditions, missing, options, report
from benchmarks.peer import Peer, environment
from benchmarks.programs import APP_SERVER, EDITOR, OURS
from benchmarks.turns import AppServerSession, EditorSession, Timing
from codex_lsp.agent.conversation import Message, ModelRequest
from codex_lsp.agent.events import TextDelta
from codex_lsp.config import layers
from codex_lsp.responses.body import Style, body
from codex_lsp.responses.client import Identity, ResponsesModel
from codex_lsp.responses.providers import Provider, resolve
from tests.doubles.model_rules import Rule

BARE_CLIENT, OUR_CLIENT = "bare httpx client", "our client"
FIRST, WHOLE, ADDED = "first delta, ms", "whole answer, ms", "added to the first delta, ms"
EDIT, PROVEN = "command to first edit, ms", "one-patch turn, command to proven edit, ms"
TYPED = f"{OURS}, in an editor like Neovim"

DELTAS = 200
ANSWER = {"turn": [{"text": {"text": "some words here " * DELTAS, "piece": 16}}]}
REQUEST = ModelRequest("conversation", "turn", "Be brief.", (Message("user", "word " * 2000),))
RULE = Rule("twice.py", "    retrun n * 2", "    return n * 2")
FAULTY = "def twice(n):\n    retrun n * 2\n"
EDITORS = {OURS: EDITOR, TYPED: "neovim-0.12"}


def main() -> None:
    """Measure and print."""
    asked = options(__doc__, rounds=30)
    rounds, warm = (1, 0) if asked.small else (asked.rounds, 3)
    print(conditions())
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve()
        answers(folder, rounds, warm)
        fixes(folder, rounds, warm)


def answers(folder: Path, rounds: int, warm: int) -> None:
    """The same request to the same service, by httpx alone, by our client and by the app-server."""
    with model_double({"steps": [ANSWER], "loop": True}) as base_url, ExitStack() as open_things:
        home = folder / "talk" / "codex-home"
        use(home, base_url)
        provider = resolve(layers.read(home))
        runner = open_things.enter_context(asyncio.Runner())
        stack = AsyncExitStack()
        open_things.callback(lambda: runner.run(stack.aclose()))
        bare = runner.run(stack.enter_async_context(httpx.AsyncClient()))
        ours = ResponsesModel(provider, None, Identity("benchmark", "benchmark"))
        stack.push_async_callback(ours.aclose)
        contestants: dict[str, Round] = {
            BARE_CLIENT: lambda: _figures(runner.run(_by_httpx(bare, provider))),
            OUR_CLIENT: lambda: _figures(runner.run(_by_us(ours))),
        }
        app_server = _app_server(open_things, folder / "talk")
        if app_server is not None:
            contestants[APP_SERVER] = lambda: _figures(app_server.turn("word " * 2000))
        results = alternate(rounds, contestants, warm=warm)
    for name, found in results.items():
        if name != BARE_CLIENT:
            pairs = zip(found[FIRST], results[BARE_CLIENT][FIRST], strict=True)
            found[ADDED] = [one - other for one, other in pairs]
    report(
        f"An answer of {DELTAS} deltas",
        results,
        beside=BARE_CLIENT,
        aims=[Aim(ADDED, OUR_CLIENT, 5)],
    )


def fixes(folder: Path, rounds: int, warm: int) -> None:
    """A fix, of an unsaved buffer or of a file, with one patch; connections are warm."""
    with model_double({"rules": [asdict(RULE)]}) as base_url, ExitStack() as open_things:
        contestants: dict[str, Round] = {}
        for name, editor in EDITORS.items():
            session = _editor(open_things, folder / name, base_url, editor)
            contestants[name] = _fixing(session)
        use(folder / "app" / "codex-home", base_url)
        app_server = _app_server(open_things, folder / "app")
        if app_server is not None:
            contestants[APP_SERVER] = _mending(app_server, folder / "app")
        results = alternate(rounds, contestants, warm=warm)
    report("A fix", results, beside=APP_SERVER, aims=[Aim(PROVEN, OURS, 1, APP_SERVER)])


async def _by_httpx(client: httpx.AsyncClient, provider: Provider) -> Timing:
    sent = body(REQUEST, provider.model, provider.dialect, Style())
    begin = perf_counter()
    first = 0.0
    async with client.stream("POST", provider.address(), json=sent) as response:
        async for chunk in response.aiter_bytes():
            if not first and b"output_text.delta" in chunk:
                first = perf_counter()
    return Timing((first - begin) * 1000, (perf_counter() - begin) * 1000)


async def _by_us(model: ResponsesModel) -> Timing:
    begin = perf_counter()
    first = 0.0
    async with aclosing(model.stream(REQUEST)) as events:
        async for event in events:
            if not first and isinstance(event, TextDelta):
                first = perf_counter()
    return Timing((first - begin) * 1000, (perf_counter() - begin) * 1000)


def _figures(timing: Timing) -> dict[str, float]:
    return {FIRST: timing.first, WHOLE: timing.whole}


def _fixing(session: EditorSession) -> Round:
    numbers = count()

    def fix() -> dict[str, float]:
        document = session.open("twice.py", f"# {next(numbers)}\n{FAULTY}")
        timing = session.run("codex.fix", {"uri": document.uri, "line": 3})
        assert RULE.new in document.text
        session.close(document)
        return {EDIT: timing.first, PROVEN: timing.whole}

    return fix


def _mending(session: AppServerSession, folder: Path) -> Round:
    def mend() -> dict[str, float]:
        file = folder / "twice.py"
        file.write_text(FAULTY, encoding="utf-8")
        session.start_thread()  # a fix of ours knows nothing of the last one either
        timing = session.turn(f"Mend twice.py:\n{FAULTY}")
        assert RULE.new in file.read_text(encoding="utf-8")
        return {EDIT: timing.first, PROVEN: timing.whole}

    return mend


def _editor(open_things: ExitStack, folder: Path, base_url: str, editor: str) -> EditorSession:
    folder.mkdir()
    use(folder / "codex-home", base_url)
    program = programs.ours(folder, editor)
    peer = open_things.enter_context(Peer(program.command, environment(folder)))
    session = EditorSession(peer, folder, editor)
    session.begin(program)
    return session


def _app_server(open_things: ExitStack, folder: Path) -> AppServerSession | None:
    program = programs.app_server()
    if program is None:
        missing(APP_SERVER, "there is no codex: run .ci/install-tools")
        return None
    folder.mkdir(exist_ok=True)
    peer = open_things.enter_context(Peer(program.command, environment(folder), lines=True))
    session = AppServerSession(peer, folder)
    session.begin(program)
    session.start_thread()
    return session


if __name__ == "__main__":
    main()
