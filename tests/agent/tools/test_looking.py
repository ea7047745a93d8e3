"""The tools that look around: they see what the person sees, and nothing that is kept out."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from codex_lsp.agent.prompt import Problem
from codex_lsp.agent.tools import list_files, search_files
from codex_lsp.agent.tools.diagnostics import Diagnostics
from codex_lsp.agent.tools.list_files import ListFiles
from codex_lsp.agent.tools.search_files import SearchFiles
from codex_lsp.agent.tools.tool import Tool
from codex_lsp.agent.truncation import Limit
from codex_lsp.workspace import search
from codex_lsp.workspace.snapshot import BufferText, Snapshot

FILES = {
    "a.py": "needle = 1\nother\n",
    "open.py": "needle on disk\n",
    "sub/b.txt": "a Needle here\n",
    "sub/deep/c.py": "x = needle\n",
    ".hidden/d.py": "needle\n",
    "built/e.py": "needle\n",
    "private/f.py": "needle\n",
    "sub/kept.py": "needle\n",
    ".env": "needle=secret\n",
    "id_rsa": "needle\n",
    ".git/config": "needle\n",
    ".codex/config.toml": "needle\n",
    ".gitignore": "built/\n",
    ".codexignore": "private\n",
    "sub/.gitignore": "kept.py\n",
    "binary.bin": "needle\0\n",
    "latin.txt": "needle \udce9\n",
}
SEEN = {
    ".codexignore", ".gitignore", ".hidden/d.py", "a.py", "binary.bin", "latin.txt", "open.py",
    "sub/.gitignore", "sub/b.txt", "sub/deep/c.py", "new.py",
}  # fmt: skip


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path.resolve() / "work"
    for name, text in FILES.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode("utf-8", "surrogateescape"))
    (tmp_path / "outside.py").write_text("needle\n")
    (root / "link.py").symlink_to(tmp_path / "outside.py")
    (root / "around").symlink_to(root)
    return root


@pytest.fixture(params=["ripgrep", "python"])
def engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    programs = str(Path(sys.executable).parent)  # where the dev group has put ripgrep
    monkeypatch.setenv("PATH", os.pathsep.join([programs, os.environ.get("PATH", "")]))
    if request.param == "python":
        monkeypatch.setattr(search, "ripgrep", lambda _snapshot: None)
    elif shutil.which("rg") is None:
        pytest.skip("ripgrep is not installed")
    return str(request.param)


def snapshots(root: Path) -> Callable[[], Snapshot]:
    texts = {
        "open.py": "# unsaved\nneedle in the editor\n",
        "new.py": "needle that was never saved\n",
        "private/f.py": "needle, open and private\n",
    }
    buffers = {root / name: BufferText(root / name, text, 1) for name, text in texts.items()}
    return lambda: Snapshot((root,), buffers)


async def ask(tool: Tool, **arguments: Any) -> str:
    return (await tool.run(json.dumps(arguments))).text


async def found(root: Path, **arguments: Any) -> set[str]:
    return set((await ask(SearchFiles(snapshots(root)), **arguments)).splitlines())


async def test_search_sees_the_unsaved_text_and_nothing_that_is_kept_out(
    tree: Path, engine: str
) -> None:
    assert await found(tree, pattern="needle") == {
        "a.py:1:needle = 1",
        "open.py:2:needle in the editor",
        "new.py:1:needle that was never saved",
        "sub/deep/c.py:1:x = needle",
        ".hidden/d.py:1:needle",
    }


async def test_search_can_be_narrowed(tree: Path, engine: str) -> None:
    assert await found(tree, pattern="NEEDLE", path="sub", ignore_case=True) == {
        "sub/b.txt:1:a Needle here",
        "sub/deep/c.py:1:x = needle",
    }
    assert await found(tree, pattern="Needle", glob="*.txt") == {"sub/b.txt:1:a Needle here"}
    assert await found(tree, pattern=r"^x\s=") == {"sub/deep/c.py:1:x = needle"}
    assert await found(tree, pattern="x = n.*", literal=True) == {"No line matches."}
    assert await found(tree, pattern="x = ", literal=True, path="sub/deep/c.py") == {
        "sub/deep/c.py:1:x = needle"
    }
    assert await found(tree, pattern="x = (?!n)") == {"No line matches."}
    assert await found(tree, pattern="x = (?!m)") == {"sub/deep/c.py:1:x = needle"}
    assert await found(tree, pattern="(", literal=True) == {"No line matches."}


@pytest.mark.parametrize("path", [".env", ".git", ".git/config", ".codex", "id_rsa"])
async def test_search_in_what_is_protected_finds_nothing(
    tree: Path, engine: str, path: str
) -> None:
    assert await found(tree, pattern="needle", path=path) == {"No line matches."}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"pattern": "("}, "no regular expression"),
        ({}, '"pattern" is missing'),
        ({"pattern": 3}, '"pattern" is a text'),
        ({"pattern": "x", "literal": "yes"}, "true or false"),
        ({"pattern": "x", "path": "../outside.py"}, "outside the workspace"),
        ({"pattern": "x", "path": "link.py"}, "outside the workspace"),
        ({"pattern": "x", "path": "built"}, "kept out by"),
        ({"pattern": "x", "path": "none"}, "does not exist"),
    ],
)
async def test_bad_calls_are_answered(tree: Path, arguments: dict[str, Any], words: str) -> None:
    assert words in await ask(SearchFiles(snapshots(tree)), **arguments)


async def test_many_matches_are_cut_and_that_is_said(
    tree: Path, engine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tree / "many.txt").write_text("hit\n" * 50)
    monkeypatch.setattr(search_files, "MOST_MATCHES", 10)
    answer = await ask(SearchFiles(snapshots(tree)), pattern="hit")
    assert answer.splitlines()[-1] == "(more than 10 lines match; look in less)"
    assert len(answer.splitlines()) == 11


async def test_a_pattern_that_takes_for_ever_is_stopped_and_nothing_waits_for_it(
    tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "SECONDS", 1.0)
    monkeypatch.setattr(search, "ripgrep", lambda _snapshot: None)
    (tree / "evil.txt").write_text("a" * 64 + "!\n")
    beats = 0

    async def beat() -> None:
        nonlocal beats
        while True:
            await asyncio.sleep(0.01)
            beats += 1

    beating = asyncio.ensure_future(beat())
    found = await search.search(snapshots(tree)(), search.Query(r"^(a+)+$", tree), most=10)
    beating.cancel()
    assert found.late
    assert beats >= 5


async def test_cancelling_a_search_ends_its_process(
    tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "ripgrep", lambda _snapshot: None)
    (tree / "evil.txt").write_text("a" * 64 + "!\n")
    started = asyncio.Event()
    processes: list[asyncio.subprocess.Process] = []
    start = asyncio.create_subprocess_exec

    async def noting(*command: Any, **options: Any) -> asyncio.subprocess.Process:
        processes.append(await start(*command, **options))
        started.set()
        return processes[-1]

    monkeypatch.setattr(asyncio, "create_subprocess_exec", noting)
    searching = asyncio.ensure_future(ask(SearchFiles(snapshots(tree)), pattern="^(a+)+$"))
    await started.wait()
    searching.cancel()
    with pytest.raises(asyncio.CancelledError):
        await searching
    assert processes[0].returncode is not None


def test_a_ripgrep_of_the_workspace_is_not_run(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tree / "rg").write_text("#!/bin/sh\ntouch marker\n")
    (tree / "rg").chmod(0o755)
    monkeypatch.setenv("PATH", str(tree))
    assert search.ripgrep(snapshots(tree)()) is None


async def test_files_are_listed_without_those_that_are_kept_out(tree: Path) -> None:
    listed = await ask(ListFiles(snapshots(tree)))
    assert set(listed.splitlines()) == SEEN


async def test_a_list_can_be_narrowed(tree: Path) -> None:
    tool = ListFiles(snapshots(tree))
    assert await ask(tool, path="sub", glob="*.py") == "sub/deep/c.py"
    assert (await ask(tool, path="sub", depth=1)).splitlines() == [
        "sub/.gitignore", "sub/b.txt", "sub/deep/",
    ]  # fmt: skip
    assert await ask(tool, glob="*.rs") == "There are no files."
    assert await ask(tool, path=".git") == "There are no files."
    assert await ask(tool, path="a.py") == "a.py"


async def test_a_long_list_is_cut(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(list_files, "MOST_FILES", 3)
    assert (await ask(ListFiles(snapshots(tree)))).endswith("(there are more; list less)")
    short = ListFiles(snapshots(tree), Limit(5))
    assert "truncated" in await ask(short)


async def test_all_folders_of_the_workspace_are_looked_in(tree: Path, engine: str) -> None:
    other = tree.parent / "other"
    other.mkdir()
    (other / "a.py").write_text("needle = 2\n")
    seen = Snapshot((tree, other, tree / "sub"), snapshots(tree)().buffers)
    searched = (await ask(SearchFiles(lambda: seen), pattern="needle = ")).splitlines()
    assert searched == ["a.py:1:needle = 1", f"{other}/a.py:1:needle = 2"]
    listed = (await ask(ListFiles(lambda: seen))).splitlines()
    assert set(listed) == {*SEEN, f"{other}/a.py"}
    assert len(listed) == len(set(listed))
    assert await ask(ListFiles(lambda: seen), path=str(other), glob="/*.py") == f"{other}/a.py"


@pytest.mark.parametrize("folder", [".codex", "home/.codex", ".git/hooks", ".github/workflows"])
async def test_nothing_is_seen_of_a_tools_own_folder_that_is_opened_alone(
    tree: Path, engine: str, folder: str
) -> None:
    root = tree.parent / folder
    root.mkdir(parents=True)
    (root / "history.jsonl").write_text("needle\n")
    alone = Snapshot((root,), {root / "new": BufferText(root / "new", "needle\n", 1)})
    assert await ask(SearchFiles(lambda: alone), pattern="needle") == "No line matches."
    assert await ask(ListFiles(lambda: alone)) == "There are no files."


@pytest.mark.parametrize(
    "name", [".env", ".codex/config.toml", "id_rsa", "private/f.py", "built/e.py"]
)
async def test_problems_of_files_that_are_not_sent_are_not_told(tree: Path, name: str) -> None:
    tool = Diagnostics(snapshots(tree), lambda _path: (Problem("“hunter2” is no word", 1),))
    assert "hunter2" not in await ask(tool, path=name)
    assert "hunter2" in await ask(tool, path="open.py")


async def test_diagnostics_are_those_that_the_editor_reported(tree: Path) -> None:
    reported = {
        tree / "a.py": (Problem("undefined name", 1, source="ruff", code="F821"),),
        tree / "sub" / "b.txt": (),
    }
    tool = Diagnostics(snapshots(tree), reported.get)
    assert await ask(tool, path="a.py") == "line 1: error: undefined name [ruff F821]"
    assert await ask(tool, path="sub/b.txt") == "There are no problems in sub/b.txt."
    assert "reported nothing" in await ask(tool, path="open.py")
    assert "outside the workspace" in await ask(tool, path="../outside.py")
    assert '"path" is missing' in await ask(tool)


def test_looking_changes_nothing() -> None:
    assert all(tool.reads_only for tool in (ListFiles, SearchFiles, Diagnostics))
