"""What is kept of a command's changes, what is asked first, and what is not kept."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from codex_lsp.agent.changes.undo import change_of
from codex_lsp.agent.consent.actions import (
    Action,
    Allowed,
    Decision,
    Denied,
    TouchProtected,
    fingerprint,
)
from codex_lsp.agent.ports import Applied, NotApplied
from codex_lsp.agent.steps import Landed, Refused, Waiting
from codex_lsp.sandbox.policy import Policy
from codex_lsp.sandbox.runner import Runner
from tests.sandbox import backing
from tests.sandbox.open_texts import FORM, OpenTexts, Tools, tree


class Window(OpenTexts):
    """A person who says no to what is protected, unless `agrees`."""

    agrees = False

    async def permit(self, action: Action) -> Decision:
        self.asked.append(action)
        barred = isinstance(action, TouchProtected) and not self.agrees
        return Denied("not that one") if barred else Allowed(fingerprint(action))

    @property
    def previews(self) -> dict[str, str]:
        return {a.path.name: a.preview for a in self.asked if isinstance(a, TouchProtected)}


@pytest.fixture
async def runner() -> AsyncIterator[Runner]:
    runner = Runner(lambda _roots: Policy(), os.environ)
    yield runner
    await runner.aclose()


@pytest.fixture
def window(tmp_path: Path) -> Window:
    root = (tmp_path / "project").resolve()
    root.mkdir()
    return Window(root)


async def run(window: Window, runner: Runner, cmd: str, *, reviewed: bool = False) -> str:
    """What the command said, and what the model is told of its changes."""
    tools = Tools(window, runner, reviewed=reviewed)
    answer = await tools.exec.run(json.dumps({"cmd": cmd, "yield_time_ms": 30_000}))
    await tools.commands.close()
    found = FORM.fullmatch(answer.text)
    assert found, answer.text
    assert found["code"] == "0", answer.text
    return found["text"]


async def begun(tools: Tools, cmd: str) -> int:
    """The session of a command that has done `cmd`, and goes on until it is `ended`."""
    call: dict[str, object] = {"cmd": f"{cmd}; echo begun; read word", "tty": True}
    answer, said = await tools.exec.run(json.dumps({**call, "yield_time_ms": 250})), ""
    while True:
        found = FORM.fullmatch(answer.text)
        assert found, answer.text
        assert found["session"], answer.text
        said += found["text"]
        if "begun" in said:
            return int(found["session"])
        call = {"session_id": int(found["session"])}
        answer = await tools.stdin.run(json.dumps(call))


async def ended(tools: Tools, session: int) -> str:
    """What the model is told when it ends."""
    call = {"session_id": session, "chars": "\n", "yield_time_ms": 30_000}
    return (await tools.stdin.run(json.dumps(call))).text


async def test_an_open_document_changes_in_the_editor_and_not_on_disk(
    window: Window, runner: Runner
) -> None:
    path = window.root / "a.txt"
    path.write_text("saved\n")
    window.texts[path] = "unsaved\n"
    await run(window, runner, "echo more >>a.txt")
    assert window.texts[path] == "unsaved\nmore\n"
    assert path.read_text() == "saved\n"
    (landed,) = (step for step in window.said if isinstance(step, Landed))
    assert landed.path == path


async def test_what_was_typed_while_it_ran_is_kept(window: Window, runner: Runner) -> None:
    path = window.root / "a.txt"
    path.write_text("one\ntwo\nthree\n")
    window.texts[path] = "one\ntwo\nthree\n"
    tools = Tools(window, runner)
    session = await begun(tools, "echo four >>a.txt")
    window.texts[path] = "one, and typed\ntwo\nthree\n"
    await ended(tools, session)
    assert window.texts[path] == "one, and typed\ntwo\nthree\nfour\n"


async def test_a_file_that_was_saved_while_it_ran_is_not_overwritten(
    window: Window, runner: Runner
) -> None:
    (window.root / ".gitignore").write_text("*.log\n")
    for name in ("a.txt", "b.log", "c.bin", "d.txt"):
        (window.root / name).write_bytes(b"\0old" if name == "c.bin" else b"old\n")
    tools = Tools(window, runner)
    session = await begun(tools, "for f in a.txt b.log c.bin; do echo theirs >$f; done; rm d.txt")
    for name in ("a.txt", "b.log", "c.bin", "d.txt"):
        (window.root / name).write_text("mine\n")
    said = await ended(tools, session)
    for name in ("a.txt", "b.log", "c.bin", "d.txt"):
        assert (window.root / name).read_text() == "mine\n"
        assert f"Not kept: {name} was" in said


@pytest.mark.parametrize(
    "made",
    [
        ".git/hooks/post-checkout",
        ".codex/config.toml",
        ".agents/skill.md",
        ".vscode/tasks.json",
        "sub/.git/config",
        "sub/AGENTS.md",
        ".env",
        ".github/workflows/ci.yml",
        ".ENVRC",
        "server.key",
    ],
)
async def test_what_configures_tools_is_asked_for_even_where_it_was_missing(
    window: Window, runner: Runner, made: str
) -> None:
    script = f"mkdir -p {Path(made).parent} && echo 'run me' >{made}; echo fine >ok.txt"
    said = await run(window, runner, script)
    assert not (window.root / made).exists()
    assert (window.root / "ok.txt").read_text() == "fine\n"
    assert "not that one" in said
    (preview,) = window.previews.values()
    assert "+run me" in preview
    window.agrees = True
    await run(window, runner, script)
    assert (window.root / made).read_text() == "run me\n"


async def test_in_a_folder_of_a_tool_everything_is_asked_for(
    tmp_path: Path, runner: Runner
) -> None:
    root = (tmp_path / ".codex").resolve()
    root.mkdir()
    window = Window(root)
    said = await run(window, runner, "mkdir -p rules && echo 'run me' >rules/default.rules")
    assert "not that one" in said
    assert not (root / "rules" / "default.rules").exists()


@pytest.mark.parametrize("name", [".git", ".codex", ".agents"])
async def test_what_configures_tools_cannot_be_changed_by_a_command(
    window: Window, runner: Runner, name: str
) -> None:
    (window.root / name).mkdir()
    (window.root / name / "config").write_text("mine")
    said = await run(
        window,
        runner,
        f"echo x >>{name}/config || echo held; mv {name} gone || echo held; cat {name}/config",
    )
    assert said.count("held") == 2
    assert said.endswith("mine")
    assert window.previews == {}


async def test_a_repository_that_a_git_file_leads_to_is_closed_too(
    window: Window, runner: Runner
) -> None:
    (window.root / "real").mkdir()
    (window.root / ".git").write_text("gitdir: real\n")
    said = await run(window, runner, "echo x >real/config || echo held")
    assert "held" in said


async def test_a_change_that_cannot_be_read_is_not_asked_about(
    window: Window, runner: Runner
) -> None:
    script = "i=0; while [ $i -lt 6000 ]; do echo some words; i=$((i+1)); done >.envrc"
    script += "; printf '\\0' >.env"
    said = await run(window, runner, script)
    assert "cannot be shown in full" in said
    assert window.previews == {}
    assert not (window.root / ".envrc").exists()


async def test_what_the_project_ignores_goes_straight_to_disk(
    window: Window, runner: Runner
) -> None:
    (window.root / ".gitignore").write_text("/build/\n*.pyc\n")
    await run(window, runner, "mkdir build; echo out >build/x; printf '\\0' >m.pyc; touch build/e")
    assert (window.root / "build/x").read_text() == "out\n"
    assert (window.root / "m.pyc").read_bytes() == b"\0"
    assert (window.root / "build/e").exists()
    assert window.said == []
    await run(window, runner, "rm -r build")
    assert not (window.root / "build").exists()


async def test_a_link_that_leads_out_is_asked_about(window: Window, runner: Runner) -> None:
    (window.root / "in.txt").write_text("x")
    script = "ln -s /etc/passwd out; ln -s in.txt inner; ln -s ../../.. up; ln -s .git/hooks h"
    said = await run(window, runner, script)
    assert not any((window.root / name).is_symlink() for name in ("out", "up", "h"))
    assert (window.root / "inner").readlink() == Path("in.txt")
    assert "not that one" in said
    assert "/etc/passwd" in window.previews["project"]


@pytest.mark.parametrize("backend", backing.NAMES)
async def test_a_write_through_a_link_stays_in_the_workspace(
    window: Window, backend: str, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "victim").write_text("mine")
    (window.root / "link").symlink_to(outside)
    runner = Runner(lambda _roots: Policy(), os.environ, backing.only(backend))
    await run(window, runner, "echo x >link/victim || true; echo y >link/new || true; true")
    await runner.aclose()
    assert (outside / "victim").read_text() == "mine"
    assert not (outside / "new").exists()


async def test_a_folder_swapped_for_a_link_while_it_ran_is_not_followed(
    window: Window, runner: Runner, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (window.root / "sub").mkdir()
    tools = Tools(window, runner)
    session = await begun(tools, "echo x >sub/new")
    (window.root / "sub").rmdir()
    (window.root / "sub").symlink_to(outside)
    assert "reached by a link" in await ended(tools, session)
    assert [*outside.iterdir()] == []


LEFT = (
    "rm -rf -- * .hidden",  # the person's whole project, by mistake
    "printf 'new\\000' >image; rm old.bin; chmod 755 tool.sh; chmod 600 image",
    "rm link; ln -s new.txt link; ln -sf /nowhere dangling; ln -s a.txt fresh",
    "mkdir -p made/in/empty; printf '\\000' >made/in/b; echo t >made/in/t; chmod 500 made/in made",
    "rmdir bare; mkdir new; chmod 600 new; chmod 500 sub/deep",
    "rm -r sub; echo now a file >sub; rm a.txt; mkdir a.txt; echo x >a.txt/x",
    "rm image; ln -s a.txt image; rm link; printf '\\000' >link; echo more >>tool.sh",
)


def fill(root: Path) -> None:
    """All kinds of things, of which no version control knows."""
    for name in ("sub/deep", "bare"):
        (root / name).mkdir(parents=True)
    for name in ("a.txt", "sub/b.txt", "sub/deep/c.txt", ".hidden", "tool.sh"):
        (root / name).write_bytes(f"\ufeff{name}\r\nlast line".encode())
    for name in ("image", "old.bin", "sub/deep/data"):
        (root / name).write_bytes(b"\0\xff" + name.encode())
    (root / "sub" / "latin.txt").write_bytes(b"caf\xe9\n")
    (root / "tool.sh").chmod(0o640)
    (root / "old.bin").chmod(0o755)
    (root / "link").symlink_to("sub/b.txt")
    (root / "dangling").symlink_to("nowhere")


@pytest.mark.parametrize("backend", backing.NAMES)
@pytest.mark.parametrize("script", LEFT)
async def test_undo_restores_all_that_a_command_did_byte_for_byte(
    window: Window, script: str, backend: str
) -> None:
    window.agrees = True
    fill(window.root)
    before = tree(window.root)
    runner = Runner(lambda _roots: Policy(), os.environ, backing.only(backend))
    said = await run(window, runner, script)
    await runner.aclose()
    assert "Not kept" not in said
    after = tree(window.root)
    assert after != before
    await taken_back(window)
    assert tree(window.root) == before
    await taken_back(window)
    assert tree(window.root) == after


async def taken_back(window: Window) -> None:
    """Undo what landed, or make it again; what landed last goes first."""
    landed = [step for step in window.said if isinstance(step, Landed)]
    window.said.clear()
    for step in reversed(landed):
        outcome = await window.apply(change_of(step.undo), label="undo")
        assert isinstance(outcome, Applied), outcome
        window.said.append(Landed(outcome.path, 1, outcome.undo))


async def test_bytes_that_somebody_changed_since_are_not_taken_back(
    window: Window, runner: Runner
) -> None:
    image = window.root / "image"
    image.write_bytes(b"\0old")
    await run(window, runner, "printf '\\0new' >image")
    assert image.read_bytes() == b"\0new"
    (landed,) = (step for step in window.said if isinstance(step, Landed))
    image.write_bytes(b"\0mine")
    outcome = await window.apply(change_of(landed.undo), label="undo")
    assert isinstance(outcome, NotApplied)
    assert image.read_bytes() == b"\0mine"
    (kept,) = (window.root.parent / "checkpoints").iterdir()
    assert kept.read_bytes() == b"\0old"


async def test_where_changes_are_reviewed_nothing_is_done_yet(
    window: Window, runner: Runner
) -> None:
    (window.root / "a.txt").write_text("old\n")
    (window.root / "image").write_bytes(b"\0old")
    window.holds = True
    script = "echo new >a.txt; mkdir d; echo x >d/b.txt; printf '\\0new' >image; ln -s a.txt l"
    said = await run(window, runner, script, reviewed=True)
    assert (window.root / "a.txt").read_text() == "old\n"
    assert (window.root / "image").read_bytes() == b"\0old"
    assert {path.name for path in window.root.iterdir()} == {"a.txt", "image"}
    waits = ["a.txt", "d/b.txt", "image", "l"]
    assert said.endswith(f"The person reviews first: {', '.join(waits)}")
    assert window.previews == {}
    waiting = [step.path.name for step in window.said if isinstance(step, Waiting)]
    assert sorted(waiting) == ["a.txt", "b.txt", "image", "l"]
    assert [kept.read_bytes() for kept in (window.root.parent / "checkpoints").iterdir()] == [
        b"\0new"
    ]


async def test_nothing_is_deleted_where_what_replaces_it_was_refused(
    window: Window, runner: Runner
) -> None:
    (window.root / "a.txt").write_text("precious\n")
    window.refuses = {"b.txt"}
    said = await run(window, runner, "mv a.txt b.txt")
    assert (window.root / "a.txt").read_text() == "precious\n"
    assert "b.txt was not changed: the editor refused it" in said
    assert [step for step in window.said if isinstance(step, Refused)]


async def test_a_command_that_changes_nothing_says_nothing(window: Window, runner: Runner) -> None:
    (window.root / "a.txt").write_text("same\n")
    assert await run(window, runner, "echo same >a.txt; touch a.txt; echo x >t; rm t") == ""
    assert window.said == []


async def test_an_open_document_is_not_made_something_that_is_no_text(
    window: Window, runner: Runner
) -> None:
    path = window.root / "a.txt"
    path.write_text("text\n")
    window.texts[path] = "text, unsaved\n"
    said = await run(window, runner, "printf '\\0' >a.txt")
    assert "made something that is no text" in said
    assert window.texts[path] == "text, unsaved\n"


async def test_times_of_files_hold_for_builds(window: Window, runner: Runner) -> None:
    """The unsaved text is as old as when it was first seen; outputs stay newer than inputs."""
    (window.root / ".gitignore").write_text("out\n")
    path = window.root / "a.txt"
    path.write_text("old\n")
    window.texts[path] = "unsaved\n"
    build = (
        "if [ ! out -nt a.txt ] || [ ! out -nt gen ]; then echo g >gen; cp a.txt out; echo b; fi"
    )
    assert await run(window, runner, build) == "b\n"
    assert await run(window, runner, build) == ""
    window.texts[path] = "typed\n"
    assert await run(window, runner, build) == "b\n"


async def test_a_new_folder_that_has_git_pass_over_it_is_no_part_of_the_project(
    window: Window, runner: Runner
) -> None:
    """As pytest, ruff and mypy make their caches."""
    (window.root / "old").mkdir()
    script = "mkdir new; for at in new old; do echo '*' >$at/.gitignore; echo x >$at/x.txt; done"
    await run(window, runner, script)
    landed = [step.path for step in window.said if isinstance(step, Landed)]
    assert sorted(landed) == [window.root / "old" / ".gitignore", window.root / "old" / "x.txt"]
    assert (window.root / "new" / "x.txt").read_text() == "x\n"
    window.said.clear()
    await run(window, runner, "echo y >new/x.txt; echo y >old/y.txt")
    assert window.said == []


@pytest.mark.parametrize("nested", [False, True])
@pytest.mark.parametrize("backend", backing.NAMES)
async def test_what_the_person_keeps_out_is_not_there_for_commands(
    window: Window, backend: str, *, nested: bool
) -> None:
    (window.root / "private").mkdir()
    (window.root / "sub").mkdir()
    if nested:
        (window.root / "private/.codexignore").write_text("a.txt\n")
        (window.root / "sub/.codexignore").write_text("*.secret\n")
    else:
        (window.root / ".codexignore").write_text("private/\n*.secret\n")
    kept = [window.root / "private/a.txt", window.root / "sub/b.secret"]
    for path in kept:
        path.write_text("hidden words\n")
        window.texts[path] = "hidden words, unsaved\n"
    runner = Runner(lambda _roots: Policy(), os.environ, backing.only(backend))
    script = f"cat {' '.join(map(str, kept))} private/* sub/* 2>/dev/null; echo done"
    said = await run(window, runner, script)
    await runner.aclose()
    assert said == "done\n"
    assert [path.read_text() for path in kept] == ["hidden words\n"] * 2


async def test_texts_of_one_length_are_told_apart_by_their_seconds(
    window: Window, runner: Runner
) -> None:
    """Python takes what it compiled of a text for that of another one, else."""
    path = window.root / "a.py"
    path.write_text("x = 1\n")
    script = f"{sys.executable} -c 'import a; print(a.x)'"
    said = []
    for number in (2, 3, 4):
        window.texts[path] = f"x = {number}\n"
        said.append(await run(window, runner, script))
    assert said == ["2\n", "3\n", "4\n"]
