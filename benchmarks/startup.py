"""How soon a server answers, and what it keeps in memory: ours beside three others.

`python -m benchmarks.startup [--rounds N]`
"""

from __future__ import annotations

import tempfile
from dataclasses import asdict
from pathlib import Path

from benchmarks import programs
from benchmarks.double import model_double, use
from benchmarks.figures import Aim, Round, alternate, conditions, missing, options, report
from benchmarks.peer import Peer, environment, memory
from benchmarks.programs import APP_SERVER, BARE, COPILOT, EDITOR, OURS, Program
from benchmarks.turns import AppServerSession, EditorSession, action_params
from tests.doubles.model_rules import Rule

INITIALIZE = "spawn to initialize answered, ms"
ACTIONS = "spawn to first codeAction answered, ms"
TURN = "first turn of the process, a fix, ms"
FIRST, THEN, LAST = "at the initialize answer", "idle after a codeAction", "after the first turn"
AIMS = (
    Aim(INITIALIZE, OURS, 0.6, BARE),
    Aim(f"RSS {THEN}, MiB", OURS, 1.4, BARE),
    Aim(f"RSS {LAST}, MiB", OURS, 1.4, BARE),
)
RULE = Rule("twice.py", "    retrun n * 2", "    return n * 2")
FAULTY = "def twice(n):\n    retrun n * 2\n"

Figures = dict[str, float]


def main() -> None:
    """Measure and print."""
    asked = options(__doc__, rounds=10)
    print(conditions())
    with tempfile.TemporaryDirectory() as name, model_double({"rules": [asdict(RULE)]}) as base_url:
        folder = Path(name).resolve()
        use(folder / "codex-home", base_url)
        rounds = 1 if asked.small else asked.rounds
        results = alternate(rounds, _contestants(folder), warm=0 if asked.small else 1)
    report("Start-up and memory", results, beside=BARE, aims=AIMS)


def _contestants(folder: Path) -> dict[str, Round]:
    found: dict[str, Round] = {
        BARE: lambda: of_bare(folder),
        OURS: lambda: of_ours(folder),
    }
    app_server, copilot = programs.app_server(), programs.copilot(folder)
    if app_server is None:
        missing(APP_SERVER, "there is no codex: run .ci/install-tools")
    else:
        found[APP_SERVER] = lambda: of_app_server(app_server, folder)
    if copilot is None:
        missing(COPILOT, "npm install @github/copilot-language-server")
    else:
        found[COPILOT] = lambda: of_copilot(copilot, folder)
    return found


def of_bare(folder: Path) -> Figures:
    """It has no turns: its memory stays as it is."""
    program = programs.bare(folder)
    with Peer(program.command, environment(folder)) as peer:
        figures = _initialize(peer, program)
        peer.notify("initialized", {})
        item = {"uri": "file:///a.py", "languageId": "python", "version": 1, "text": FAULTY}
        peer.notify("textDocument/didOpen", {"textDocument": item})
        _, came = peer.answer(
            peer.request("textDocument/codeAction", action_params("file:///a.py", 1))
        )
        figures[ACTIONS] = (came - peer.started) * 1000
        return figures | _memory(peer, THEN) | _memory(peer, LAST)


def of_ours(folder: Path) -> Figures:
    """With a first turn, which loads what talks to a model."""
    program = programs.ours(folder)
    with Peer(program.command, environment(folder)) as peer:
        figures = _initialize(peer, program)
        peer.notify("initialized", {})
        session = EditorSession(peer, folder, EDITOR)
        document = session.open("twice.py", FAULTY)
        _, came = peer.answer(
            peer.request("textDocument/codeAction", action_params(document.uri, 1))
        )
        figures[ACTIONS] = (came - peer.started) * 1000
        figures |= _memory(peer, THEN)
        figures[TURN] = session.run("codex.fix", {"uri": document.uri, "line": 2}).whole
        assert "return n * 2" in document.text
        return figures | _memory(peer, LAST)


def of_app_server(program: Program, folder: Path) -> Figures:
    """With a first turn too."""
    with Peer(program.command, environment(folder), lines=True) as peer:
        figures = _initialize(peer, program)
        peer.notify("initialized", None)
        session = AppServerSession(peer, folder)
        (folder / "twice.py").write_text(FAULTY, encoding="utf-8")
        session.start_thread()
        figures[TURN] = session.turn(f"Mend twice.py:\n{FAULTY}").whole
        return figures | _memory(peer, LAST)


def of_copilot(program: Program, folder: Path) -> Figures:
    """Nothing but its answer: for more it wants an account."""
    with Peer(program.command, environment(folder)) as peer:
        return _initialize(peer, program)


def _initialize(peer: Peer, program: Program) -> Figures:
    _, came = peer.answer(peer.request("initialize", program.initialize))
    return {INITIALIZE: (came - peer.started) * 1000} | _memory(peer, FIRST)


def _memory(peer: Peer, when: str) -> Figures:
    return {f"{kind} {when}, MiB": mib for kind, mib in memory(peer.process.pid).items()}


if __name__ == "__main__":
    main()
