"""A small project under git for jobs that go all the way: it is trusted, its test passes as it is
saved, and the model behind it tells a story, one answer after the other.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Generator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.doubles.model_script import Call, Patch, Step, Turn, says
from tests.doubles.model_service import ModelService
from tests.e2e.scene import put_on_path
from tests.e2e.tools import REPO
from tests.sandbox.open_texts import tree

CODE, TEST, FLOW = "prices.py", "test_prices.py", ".github/workflows/ci.yml"
FILES = {
    CODE: 'def total(prices):\n    """😀"""\n    return sum(prices)\n',
    TEST: "from prices import total\n\n\ndef test_total():\n    assert total([1, 2]) == 3\n",
    FLOW: "on: push\n",
    "pyproject.toml": '[tool.pytest.ini_options]\naddopts = "-q"\n',
    ".gitignore": "__pycache__/\n",
}
NOT_OURS = {"__pycache__", ".pytest_cache", ".ruff_cache", ".nvim"}
PYTEST = f"{sys.executable} -m pytest"

Story = Generator[Step, str, None]
"""Yields the answers of a model; is sent what its last call came to."""


def call(name: str, **arguments: Any) -> Turn:
    """The model calls a function."""
    return Turn((Call(name, arguments),))


def change(name: str, old: str, new: str) -> Turn:
    """The model replaces whole lines; `old` may be empty where there is nothing to take out."""
    lines = [*(f"-{line}" for line in old.splitlines()), *(f"+{line}" for line in new.splitlines())]
    text = ["*** Begin Patch", f"*** Update File: {name}", "@@", *lines, "*** End Patch"]
    return Turn((Patch("\n".join(text)),))


@dataclass
class Teller:
    """Answers requests by `story`, and keeps what its calls came to in `heard`."""

    story: Story
    heard: list[str] = field(default_factory=list)

    def __call__(self, body: dict[str, Any]) -> Step:
        said = body["input"][-1].get("output")
        if said is None:
            return next(self.story)
        self.heard.append(str(said))
        try:
            return self.story.send(str(said))
        except StopIteration:
            return says("Done.")


@dataclass(frozen=True, slots=True)
class Project:
    """The project in `root`, with an environment in which our server finds its model."""

    root: Path
    env: Mapping[str, str]
    model: ModelService

    def kept(self) -> dict[str, tuple[str, int, bytes]]:
        """All that is there but for what tools and editors keep there: kind, mode, content."""
        found = tree(self.root)
        return {name: what for name, what in found.items() if not NOT_OURS & {*Path(name).parts}}


@asynccontextmanager
async def project(place: Path, teller: Callable[[dict[str, Any]], Step]) -> AsyncIterator[Project]:
    """A project in the empty folder `place`."""
    root, home, codex, programs = (place / name for name in ("work", "home", "codex", "bin"))
    for name, text in FILES.items():
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8")
    for folder in (home, codex, programs):
        folder.mkdir()
    put_on_path(programs)
    _commit(root)
    async with ModelService(teller) as model:
        (codex / "config.toml").write_text(
            'model = "m"\nmodel_provider = "double"\n'
            f'[projects."{root}"]\ntrust_level = "trusted"\n'
            f'[model_providers.double]\nname = "double"\nbase_url = "{model.base_url}"\n'
        )
        own = {
            "HOME": str(home),
            "CODEX_HOME": str(codex),
            "XDG_STATE_HOME": str(place / "state"),
            "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(REPO),
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        }
        kept = {k: v for k, v in os.environ.items() if not k.startswith(_NOT_PASSED_ON)}
        yield Project(root, kept | own, model)


_NOT_PASSED_ON = ("CODEX_", "OPENAI_", "XDG_", "PYTEST_", "PYTHONDONTWRITE", "GIT_")


def _commit(root: Path) -> None:
    who = ["-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]
    for line in (["init", "-q"], ["add", "-A"], [*who, "commit", "-qm", "one"]):
        subprocess.run(["git", *line], cwd=root, check=True, stdin=subprocess.DEVNULL)
