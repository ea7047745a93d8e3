"""A whole job beside the same one by the Codex app-server: read, edit, run the test, mend, run.

`python -m benchmarks.jobs [--rounds N]`. Ours works on unsaved text, in the sandbox. The app-server
knows only files, so it gets the same text saved, and no sandbox: it does less, and asks nothing.
"""

from __future__ import annotations

import json
import sys
import tempfile
import urllib.request
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from benchmarks import programs
from benchmarks.double import model_double, use
from benchmarks.figures import Round, alternate, conditions, missing, options, report
from benchmarks.peer import Peer, environment, memory
from benchmarks.programs import APP_SERVER, EDITOR, OURS
from benchmarks.turns import AppServerSession, EditorSession, Timing

SOURCE = "def total(prices):\n    return sum(prices)\n"
CHECK = """\
import unittest
from prices import cheapest


class Test(unittest.TestCase):
    def test_cheapest(self):
        self.assertEqual(cheapest([3, 1]), 1)
"""
RUN = {"cmd": f"{sys.executable} -m unittest -q check_prices", "yield_time_ms": 30_000}
WISH = "Add cheapest to prices.py, such that check_prices passes."
FIRST, WHOLE = "command to first edit, ms", "the whole job, ms"
REQUESTS, SENT = "requests to the model", "sent to the model, kB"


def main() -> None:
    """Measure and print."""
    asked = options(__doc__, rounds=10)
    print(conditions())
    with tempfile.TemporaryDirectory() as name, ExitStack() as open_things:
        folder = Path(name).resolve()
        contestants = {OURS: _ours(open_things, folder / "ours")}
        app_server = programs.app_server()
        if app_server is None:
            missing(APP_SERVER, "there is no codex: run .ci/install-tools")
        else:
            contestants[APP_SERVER] = _theirs(open_things, folder / "theirs", app_server)
        rounds, warm = (1, 0) if asked.small else (asked.rounds, 1)
        report("A job", alternate(rounds, contestants, warm=warm), beside=APP_SERVER)


def _ours(open_things: ExitStack, folder: Path) -> Round:
    """The file is open, and what it holds stands nowhere else."""
    base_url, work = _prepared(open_things, folder)
    config = folder / "codex-home" / "config.toml"
    trust = f'\n[projects."{work}"]\ntrust_level = "trusted"\n'
    text = config.read_text("utf-8").replace("danger-full-access", "workspace-write")
    config.write_text(text.replace('"never"', '"on-request"') + trust, "utf-8")
    program = programs.ours(work)
    peer = open_things.enter_context(Peer(program.command, environment(folder)))
    session = EditorSession(peer, work, EDITOR)
    session.begin(program)

    def job() -> Timing:
        document = session.open("prices.py", f"# not saved\n{SOURCE}")
        timing = session.run("codex.do", {"uri": document.uri, "line": 2, "prompt": WISH})
        assert "return min(prices)" in document.text, session.editor.messages
        session.close(document)
        return timing

    return _measured(base_url, peer, job)


def _theirs(open_things: ExitStack, folder: Path, program: programs.Program) -> Round:
    """The same text, saved."""
    base_url, work = _prepared(open_things, folder)
    peer = open_things.enter_context(Peer(program.command, environment(folder), lines=True))
    session = AppServerSession(peer, work)
    session.begin(program)

    def job() -> Timing:
        file = work / "prices.py"
        file.write_text(f"# saved\n{SOURCE}", "utf-8")
        session.start_thread()  # a job of ours knows nothing of the last one either
        timing = session.turn(WISH)
        assert "return min(prices)" in file.read_text("utf-8")
        return timing

    return _measured(base_url, peer, job)


def _prepared(open_things: ExitStack, folder: Path) -> tuple[str, Path]:
    """A model of its own, and a project."""
    work = folder / "work"
    (work / ".git").mkdir(parents=True)
    (work / "prices.py").write_text(SOURCE, "utf-8")
    (work / "check_prices.py").write_text(CHECK, "utf-8")
    (work / ".gitignore").write_text("__pycache__/\n", "utf-8")
    base_url = open_things.enter_context(model_double({"steps": story(), "loop": True}))
    use(folder / "codex-home", base_url)
    return base_url, work


def story() -> list[dict[str, Any]]:
    """What the model answers, in words that both know."""
    added = "+\n+\n+def cheapest(prices):\n+    return sorted(prices)[-1]"
    return [
        {"turn": [{"call": {"name": "exec_command", "arguments": {"cmd": "cat prices.py"}}}]},
        {"turn": [{"patch": _patch(f"     return sum(prices)\n{added}")}]},
        {"turn": [{"call": {"name": "exec_command", "arguments": RUN}}]},
        {"turn": [{"patch": _patch("-    return sorted(prices)[-1]\n+    return min(prices)")}]},
        {"turn": [{"call": {"name": "exec_command", "arguments": RUN}}]},
        {"turn": [{"text": "The cheapest is found now."}]},
    ]


def _patch(lines: str) -> str:
    return f"*** Begin Patch\n*** Update File: prices.py\n@@\n{lines}\n*** End Patch"


def _measured(base_url: str, peer: Peer, job: Callable[[], Timing]) -> Round:
    seen = 0

    def measure() -> dict[str, float]:
        nonlocal seen
        timing = job()
        requests = _requests(base_url)
        new, seen = requests[seen:], len(requests)
        _judge(new[-1]["body"]["input"])
        sent = sum(int(one["headers"]["content-length"]) for one in new)
        figures = {FIRST: timing.first, WHOLE: timing.whole}
        figures |= {REQUESTS: len(new), SENT: sent / 1000}
        kept = memory(peer.process.pid)
        return figures | {f"{kind} afterwards, MiB": mib for kind, mib in kept.items()}

    return measure


def _requests(base_url: str) -> list[Any]:
    with urllib.request.urlopen(f"{base_url.removesuffix('/v1')}/_requests") as answer:
        return list(json.load(answer)["requests"])


def _judge(items: list[Any]) -> None:
    """The test failed first and passed then."""
    said = [str(item["output"]) for item in items if "output" in item]
    assert "FAILED" in said[2], said
    assert "exited with code 0" in said[4], said


if __name__ == "__main__":
    main()
