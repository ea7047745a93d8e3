"""What an end-to-end test starts from: a workspace with one faulty file, `codex-lsp` on PATH, and
a configuration whose model is the double. Nothing of the machine's own state is touched.
"""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tests.doubles.model_rules import Rule, mends
from tests.doubles.model_script import Gate, Part, Step, Turn
from tests.doubles.model_service import ModelService
from tests.e2e.tools import REPO

NAME = "twice.py"
BROKEN = '"""😀 Zahlen, große."""\n\n\ndef twice(n):\n    """é😀"""; retrun n * 2\n'
FIXED = BROKEN.replace("retrun", "return")
FAULT = BROKEN.index("retrun")
LINE = BROKEN[:FAULT].count("\n") + 1  # counted from 1
PROBLEM = "retrun is no word of Python"
RULE = Rule(NAME, BROKEN.splitlines()[LINE - 1], FIXED.splitlines()[LINE - 1])
COMMAND = [sys.executable, "-m", "codex_lsp", "serve"]


def waits_at(gate: str, *talk: Part) -> Callable[[dict[str, Any]], Step]:
    """A model that talks, waits at a gate in mid-stream, and only then mends the fault."""
    mend = mends([RULE])

    def answer(body: dict[str, Any]) -> Step:
        step = mend(body)
        assert isinstance(step, Turn)
        return replace(step, parts=(*talk, Gate(gate), *step.parts), pause=0.02)

    return answer


@dataclass(frozen=True, slots=True)
class Scene:
    """The workspace `folder` with its faulty `file`, an environment, and the model behind it."""

    folder: Path
    file: Path
    env: dict[str, str]
    model: ModelService


@asynccontextmanager
async def scene(
    place: Path, script: Sequence[Step] | Callable[[dict[str, Any]], Step] | None = None
) -> AsyncIterator[Scene]:
    """A scene in the empty folder `place`; the model mends the fault, or answers by `script`."""
    async with ModelService(mends([RULE]) if script is None else script) as model:
        folder, home, codex, programs = (place / name for name in ("ws", "home", "codex", "bin"))
        for made in (folder, home, codex, programs):
            made.mkdir()
        (folder / ".git").mkdir()  # what marks the root of a project
        file = folder / NAME
        file.write_text(BROKEN)
        (codex / "config.toml").write_text(
            'model = "gpt-test"\nmodel_provider = "double"\n'
            f'[model_providers.double]\nname = "double"\nbase_url = "{model.base_url}"\n'
        )
        put_on_path(programs)
        yield Scene(folder, file, _environment(home, codex, programs), model)


def put_on_path(programs: Path) -> None:
    """Make `codex-lsp` a program of that folder."""
    program = programs / "codex-lsp"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m codex_lsp "$@"\n')
    program.chmod(0o755)


def _environment(home: Path, codex: Path, programs: Path) -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith(_OURS)}
    own = {
        "HOME": str(home),
        "CODEX_HOME": str(codex),
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(REPO),
    }
    return kept | own


_OURS = ("CODEX_", "OPENAI_", "XDG_", "HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy")
