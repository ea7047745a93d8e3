"""How often a model is asked for a fix and how much it is sent, by us and by the real Codex CLI.

`python -m benchmarks.round_trips`. Ten faulty files in as many languages, and a model that is
as good as it gets: it patches what it has seen, and first reads what it has not.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import programs
from benchmarks.double import use
from benchmarks.figures import missing, options
from benchmarks.peer import environment
from tests.doubles.editor_client import EditorClient, editing
from tests.doubles.model_rules import Rule, strings
from tests.doubles.model_script import Call, Patch, Step, Text, Turn
from tests.doubles.model_service import ModelService, Recorded

DATA = Path(__file__).with_name("data")
OURS, NAMED, SHOWN = "codex-lsp", "codex exec", "codex exec, file in the prompt"


@dataclass(frozen=True, slots=True)
class Fault:
    """A problem that some checker reports, and the line that mends it."""

    file: str
    language: str
    source: str
    message: str
    old: str
    new: str
    at: str = ""

    @property
    def text(self) -> str:
        """The faulty file."""
        return (DATA / self.file).read_text(encoding="utf-8")

    @property
    def line(self) -> int:
        """Where it is reported; counted from 0."""
        return self.text.splitlines().index(self.at or self.old)

    @property
    def fixed(self) -> str:
        """The file as it should be."""
        return self.text.replace(f"{self.old}\n", f"{self.new}\n")

    def report(self) -> dict[str, Any]:
        """The LSP diagnostic."""
        place = {"line": self.line, "character": 0}
        until = {"line": self.line, "character": 1}
        span = {"start": place, "end": until}
        return {"range": span, "severity": 1, "source": self.source, "message": self.message}


@dataclass(frozen=True, slots=True)
class Cost:
    """What one fix took."""

    requests: int
    sent: int

    @classmethod
    def of(cls, requests: Sequence[Recorded]) -> Cost:
        """The sum over `requests`."""
        return cls(len(requests), sum(request.size for request in requests))


def main() -> None:
    """Count and print."""
    asked = options(__doc__, rounds=1)
    faults = [Fault(**row) for row in json.loads((DATA / "faults.json").read_text("utf-8"))]
    faults = faults[:1] if asked.small else faults
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve()
        found = {OURS: asyncio.run(by_us(faults, folder))}
        if programs.codex_cli() is None:
            missing(NAMED, "there is no codex: run .ci/install-tools")
        else:
            found[NAMED] = asyncio.run(by_codex(faults, folder, _named))
            found[SHOWN] = asyncio.run(by_codex(faults, folder, _shown))
    _print(faults, found)


async def by_us(faults: Sequence[Fault], folder: Path) -> list[Cost]:
    """The code action, run in an editor that has the file open, and unsaved."""
    costs = []
    async with ModelService(able_model(faults)) as service:
        env = environment(folder)
        use(Path(env["CODEX_HOME"]), service.base_url)
        command = [sys.executable, "-m", "codex_lsp"]
        async with editing(programs.EDITOR, folder, command, env) as client:
            for fault in faults:
                before = len(service.requests)
                await _fix(client, fault)
                costs.append(Cost.of(service.requests[before:]))
    return costs


async def _fix(client: EditorClient, fault: Fault) -> None:
    path = client.editor.workspace / fault.file
    document = client.editor.open(path, fault.text, language=fault.language)
    client.editor.markers[document.uri] = [fault.report()]
    lines = fault.text.splitlines(keepends=True)
    actions = await client.code_actions(document, sum(map(len, lines[: fault.line])))
    await client.run(next(a for a in actions if a.title.startswith("Codex: fix")))
    await client.until(lambda: document.text == fault.fixed, f"the fix of {fault.file}")
    await client.task_ended()
    client.editor.close(document)


async def by_codex(
    faults: Sequence[Fault], folder: Path, prompt: Callable[[Fault], str]
) -> list[Cost]:
    """`codex exec` with a prompt, once for each file."""
    costs = []
    async with ModelService(able_model(faults)) as service:
        for fault in faults:
            before = len(service.requests)
            own = folder / f"{len(prompt(fault))}-{fault.file}"
            await asyncio.to_thread(_exec, own, service.base_url, fault, prompt(fault))
            costs.append(Cost.of(service.requests[before:]))
    return costs


def _exec(folder: Path, base_url: str, fault: Fault, prompt: str) -> None:
    env = environment(folder)
    use(Path(env["CODEX_HOME"]), base_url)
    work = folder / "work"
    work.mkdir(parents=True)
    (work / fault.file).write_text(fault.text, encoding="utf-8")
    command = [str(programs.codex_cli()), "exec", "--skip-git-repo-check", prompt]
    subprocess.run(
        command, cwd=work, env=env, stdin=subprocess.DEVNULL, capture_output=True, check=True
    )
    assert (work / fault.file).read_text(encoding="utf-8") == fault.fixed


def _named(fault: Fault) -> str:
    return f"Fix this problem: {fault.file}:{fault.line + 1}: {fault.source}: {fault.message}"


def _shown(fault: Fault) -> str:
    return f"{_named(fault)}\n\n{fault.file} is:\n{fault.text}"


def able_model(faults: Sequence[Fault]) -> Callable[[dict[str, Any]], Step]:
    """Patches a fault that it can see, reads the file of one that it only hears of."""

    def answer(body: dict[str, Any]) -> Step:
        items = body["input"]
        names = {item.get("call_id"): item.get("name") for item in items if "name" in item}
        if names.get(items[-1].get("call_id")) == "apply_patch":
            return Turn((Text("Fixed."),))
        said = "\n".join(strings(items))
        for fault in faults:
            if f"{fault.old}\n" in said:
                return Turn((Patch(Rule(fault.file, fault.old, fault.new).patch()),))
        for fault in faults:
            if fault.message in said:
                return Turn((Call("exec_command", {"cmd": f"cat {fault.file}"}),))
        return Turn((Text("I see no problem."),))

    return answer


def _print(faults: Sequence[Fault], found: dict[str, list[Cost]]) -> None:
    print("\n# Requests to the model, and bytes sent, per fix\n")
    names = [fault.file for fault in faults]
    print(f"{'':14}" + "".join(f"{name:>32}" for name in found))
    for row, name in enumerate(names):
        cells = (costs[row] for costs in found.values())
        print(f"{name:14}" + "".join(f"{c.requests:20} {c.sent:11}" for c in cells))
    ours = Cost(*_sums(found[OURS]))
    for name, costs in found.items():
        requests, sent = _sums(costs)
        print(
            f"{name}: {requests / len(costs):.1f} requests and {sent / len(costs):.0f} bytes a fix;"
            f" {requests / ours.requests:.1f} x and {sent / ours.sent:.1f} x ours"
        )


def _sums(costs: Sequence[Cost]) -> tuple[int, int]:
    return sum(cost.requests for cost in costs), sum(cost.sent for cost in costs)


if __name__ == "__main__":
    main()
