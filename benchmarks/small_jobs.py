"""How many small bugs a small local model mends through the whole server: by a fix and by a job.

`python -m benchmarks.small_jobs [--weights FILE.gguf] [--seconds N] [--only fix|do]`. Each folder
of tests/golden/small_bugs is a project of its own; the model stands behind a real local server of
/v1/responses, and gets no help from us: what counts is whether the check passes in the end. What
needs the person's word is denied. A bug that takes longer than N seconds is cancelled.
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from benchmarks.figures import conditions
from benchmarks.peer import environment
from benchmarks.programs import EDITOR
from benchmarks.small_model import BUGS, Bug, bug
from codex_lsp.responses.embedded.server import serving
from codex_lsp.responses.embedded.weights import folder, kept
from codex_lsp.responses.providers import Provider
from tests.doubles.editor_client import DEADLINE, EditorClient, editing

TOKENS = 16_384
WAYS = ("fix", "do")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--weights", type=Path, default=next(iter(kept(folder())), None))
    parser.add_argument("--seconds", type=float, default=DEADLINE - 5)
    parser.add_argument("--only", choices=WAYS)
    parser.add_argument("--bugs", type=int, default=20)
    asked = parser.parse_args()
    print(conditions())
    asyncio.run(measure(asked))


async def measure(asked: argparse.Namespace) -> None:
    """Every bug in each way, a line each; then the scores."""
    places = sorted(place for place in BUGS.iterdir() if place.is_dir())[: asked.bugs]
    async with serving(asked.weights, context=TOKENS) as provider:
        for way in WAYS if asked.only is None else (asked.only,):
            score: Counter[str] = Counter()
            for place in places:
                began = time.perf_counter()
                verdict, said = await attempt(bug(place), place, way, provider, asked.seconds)
                score[verdict] += 1
                took = time.perf_counter() - began
                print(f"{way:4} {place.name:16} {verdict:10} {took:6.1f} s  {said}", flush=True)
            print(f"\n{asked.weights.stem}, codex.{way}: {dict(score)} of {len(places)}\n")


async def attempt(
    bug: Bug, place: Path, way: str, provider: Provider, seconds: float
) -> tuple[str, str]:
    """One bug in one way: what became of it, and how the task ended."""
    problem = await bug.check(bug.source)
    with tempfile.TemporaryDirectory() as name:
        root = Path(name) / "work"
        shutil.copytree(place, root, ignore=shutil.ignore_patterns("__pycache__"))
        env = await _prepared(root, provider)
        async with editing(EDITOR, root, [sys.executable, "-m", "codex_lsp"], env) as client:
            client.editor.choose = _choose
            document = client.editor.open(root / "faulty.py")
            ended, said = await _run(client, way, str(problem), seconds)
            mended = await bug.check(document.text) is None
            changed = document.text != bug.source
    if mended:
        return "fixed", said
    if not ended:
        return "too long", said
    return ("wrong" if changed else "unchanged"), said


def _choose(_message: str, titles: Sequence[str]) -> str | None:
    """A shown change is agreed to; a command or a protected file is not."""
    return next((title for title in ("Change it", "Deny") if title in titles), None)


async def _run(client: EditorClient, way: str, problem: str, seconds: float) -> tuple[bool, str]:
    given: dict[str, Any] = {"path": "faulty.py", "line": 1}
    if way == "do":
        wish = f"`{sys.executable} check.py` fails: {problem}. Mend faulty.py so that it passes."
        given["prompt"] = wish
    else:
        place = {"line": 0, "character": 0}
        span = {"start": place, "end": place}
        given["diagnostics"] = [{"range": span, "severity": 1, "message": problem}]
    task = (await client.execute(f"codex.{way}", given))["taskId"]

    def last() -> dict[str, Any]:
        return (client.editor.progress.get(task) or [{}])[-1]

    ended = False
    with suppress(TimeoutError):
        async with asyncio.timeout(min(seconds, DEADLINE - 5)):
            await client.until(lambda: last().get("kind") == "end", "the end")
            ended = True
    if not ended:
        await client.execute("codex.task.cancel", {"taskId": task})
        await client.until(lambda: last().get("kind") == "end", "the end after a cancel")
    return ended, str(last().get("message", ""))[:90].replace("\n", " ")


async def _prepared(root: Path, provider: Provider) -> dict[str, str]:
    """A trusted project, and an environment in which our server finds the model."""
    assert provider.key is not None
    key = (await provider.key.current()).token.reveal()
    return await asyncio.to_thread(_prepare, root, provider, key)


def _prepare(root: Path, provider: Provider, key: str) -> dict[str, str]:
    (root / ".git").mkdir()
    env = environment(root.parent, LOCAL_KEY=key)
    Path(env["CODEX_HOME"], "config.toml").write_text(
        f'model = "{provider.model}"\nmodel_provider = "local"\nmodel_context_window = {TOKENS}\n'
        f'[projects."{root}"]\ntrust_level = "trusted"\n'
        f'[model_providers.local]\nname = "local"\nbase_url = "{provider.base}"\n'
        'env_key = "LOCAL_KEY"\nrequest_max_retries = 0\nstream_max_retries = 0\n',
        "utf-8",
    )
    return env


if __name__ == "__main__":
    main()
