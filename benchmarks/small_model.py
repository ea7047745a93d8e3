"""How well the embedded model mends small bugs: `python -m benchmarks.small_model [--demo RUNS]`.

Each folder of tests/golden/small_bugs has a faulty function and a check that fails. The short flow
gets the function and the check's words; a bug counts as fixed when the check passes. `--demo` runs
the demo's own bug that often instead. The model is the best that `codex-lsp local list` shows.
"""

from __future__ import annotations

import argparse
import asyncio
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from codex_lsp.agent.small.repair import Completion, Faulty, Try, repair
from codex_lsp.cli import demo
from codex_lsp.responses.embedded.server import open_completion
from codex_lsp.responses.embedded.weights import folder, kept

BUGS = Path(__file__).parent.parent / "tests" / "golden" / "small_bugs"


@dataclass(frozen=True, slots=True)
class Bug:
    """A faulty function, and what is wrong with a text that should replace it."""

    name: str
    source: str
    check: Callable[[str], Awaitable[str | None]]


def bug(place: Path) -> Bug:
    """The bug of one folder."""

    async def check(source: str) -> str | None:
        return await asyncio.to_thread(_run_check, place / "check.py", source)

    return Bug(place.name, (place / "faulty.py").read_text(encoding="utf-8"), check)


def demo_bug() -> Bug:
    """The bug that the demo shows."""
    start = demo.SOURCE.index("def ")

    async def check(source: str) -> str | None:
        return await demo.check(demo.SOURCE[:start] + source)

    return Bug("demo", demo.SOURCE[start:], check)


async def attempt(bug: Bug, complete: Completion) -> list[Try]:
    """The tries of the short flow, the last of which fixed it if any did."""
    error = await bug.check(bug.source)
    assert error is not None, f"{bug.name} is not faulty"
    tries: list[Try] = []
    await repair(Faulty(bug.source, error), complete, check=bug.check, report=tries.append)
    return tries


async def measure(bugs: list[Bug]) -> None:
    """Print a line a bug, and the score."""
    first = within = 0
    seconds: list[float] = []
    async with open_completion() as complete:
        for one in bugs:
            began = time.perf_counter()
            tries = await attempt(one, complete)
            seconds.append(time.perf_counter() - began)
            fixed = tries[-1].problem is None
            first += fixed and len(tries) == 1
            within += fixed
            verdict = f"fixed at try {len(tries)}" if fixed else "not fixed"
            print(f"{one.name:16} {verdict:16} {seconds[-1]:6.1f} s  {tries[-1].problem or ''}")
    print(f"\n{kept(folder())[0].stem}: {first} of {len(bugs)} greedy, {within} within five tries;")
    print(f"median {sorted(seconds)[len(seconds) // 2]:.1f} s a bug on this machine, now.")


def _run_check(check: Path, source: str) -> str | None:
    with tempfile.TemporaryDirectory() as place:
        Path(place, "faulty.py").write_text(source, encoding="utf-8")
        Path(place, "check.py").write_bytes(check.read_bytes())
        try:
            ran = subprocess.run(
                [sys.executable, "-B", "check.py"],
                cwd=place,
                capture_output=True,
                text=True,
                timeout=10,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return "it does not come to an end"
    return None if ran.returncode == 0 else (ran.stderr.strip().splitlines() or ["it failed"])[-1]


def main() -> None:
    """Measure what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--demo", type=int, metavar="RUNS", default=0)
    runs = parser.parse_args().demo
    bugs = [demo_bug()] * runs or [bug(place) for place in sorted(BUGS.iterdir())]
    asyncio.run(measure(bugs))


if __name__ == "__main__":
    main()
