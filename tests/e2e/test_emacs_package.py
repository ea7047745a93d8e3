"""The Emacs package: compiles and lints without a word, and works with Eglot, rass and lsp-mode."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from codex_lsp.lsp.registry import COMMANDS
from tests.e2e.emacs_setups import CHECKER, PACKAGE, at_home
from tests.e2e.scene import BROKEN, FIXED, LINE, PROBLEM, scene, waits_at
from tests.e2e.tools import require

FILES = ["codex-lsp.el", "codex-lsp-eglot.el", "codex-lsp-lsp-mode.el"]


async def batch(*arguments: object) -> str:
    """What a run without a screen says; it has to end well."""
    process = await asyncio.create_subprocess_exec(
        require("emacs"),
        *map(str, ["-Q", "--batch", "-L", PACKAGE, *arguments]),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    assert process.returncode == 0, said.decode()
    return said.decode()


async def test_it_compiles_without_warnings(tmp_path: Path) -> None:
    elsewhere = f'(lambda (file) (concat "{tmp_path}/" (file-name-nondirectory file) "c"))'
    strict = f"(setq byte-compile-error-on-warn t byte-compile-dest-file-function {elsewhere})"
    files = [PACKAGE / name for name in FILES]
    await batch("--eval", strict, "-f", "batch-byte-compile", *files)
    for name in FILES:
        assert (tmp_path / f"{name}c").stat().st_size


async def test_it_is_clean_by_package_lint() -> None:
    main = f'(setq package-lint-main-file "{PACKAGE / FILES[0]}")'
    files = [PACKAGE / name for name in FILES]
    await batch("--eval", main, "-l", "package-lint", "-f", "package-lint-batch-and-exit", *files)


@pytest.mark.parametrize("setup", ["eglot", "lsp-mode"])
async def test_the_minibuffer_asks_for_what_the_line_should_become(
    setup: str, tmp_path: Path
) -> None:
    async with scene(tmp_path, waits_at("gate")) as here, at_home(setup, here) as editor:
        await editor.go_to(LINE)
        await editor.shown.press("C-c", "x", "e")
        await editor.shown.until("Codex, change this:")
        await editor.shown.type("mend it, GROSS")
        await editor.shown.press("Enter")
        await here.model.reached("gate")
        await editor.shown.until("[Codex: edit")  # in the mode line
        assert "mend it, GROSS" in str(here.model.requests[0].body)
        await here.model.release("gate")
        await editor.wait_for(FIXED)
        await editor.shown.until("Codex: Changed twice.py.")
        await editor.shown.press("C-c", "x", "l")
        await editor.shown.until(f"{here.file}:{LINE}: landed")
        await editor.shown.press("C-x", "0")
        await editor.shown.press("C-c", "x", "L")
        await editor.shown.until("stderr*")
        (editor.shown.place / "wanted").write_text("turn.undo")
        await editor.shown.press("C-c", "x", "c")  # of no file: it is about the buffer before
        await editor.wait_for(BROKEN)
        of_server = {name.removeprefix("codex.") for name in COMMANDS}
        assert of_server == {*editor.state()["menus"][-1]}


@pytest.mark.parametrize("setup", ["eglot", "lsp-mode"])
async def test_a_code_action_asks_too(setup: str, tmp_path: Path) -> None:
    async with scene(tmp_path, waits_at("gate")) as here, at_home(setup, here) as editor:
        await editor.go_to(LINE)
        await editor.choose_action("Codex: ask about this")
        await editor.shown.until("Ask Codex:")
        await editor.shown.type("why so GROSS?")
        await editor.shown.press("Enter")
        await here.model.reached("gate")
        assert "why so GROSS?" in str(here.model.requests[0].body)


async def test_what_flymake_knows_reaches_each_server(tmp_path: Path) -> None:
    async with scene(tmp_path) as here, at_home("eglot", here, CHECKER) as editor:
        await editor.go_to(LINE)
        await editor.shown.until("[1 0]")
        await editor.choose_action("Codex: ask about this")  # tells the first server
        await editor.shown.until("Ask Codex:")
        await editor.shown.press("C-g")
        await editor.shown.press("M-:")
        await editor.shown.until("Eval:")
        again = "(let ((eglot-sync-connect t)) (eglot-reconnect (eglot-current-server)))"
        await editor.shown.type(again)
        await editor.shown.press("Enter")
        await editor.shown.until("Reconnected!")
        await editor.choose_action(f'Codex: fix "{PROBLEM}"')
        await editor.wait_for(FIXED)


async def test_beside_another_server_its_problem_is_fixed_by_name(tmp_path: Path) -> None:
    async with scene(tmp_path) as here, at_home("rass", here) as editor:
        await editor.go_to(LINE)
        await editor.shown.until("[1 0]")
        await editor.choose_action(f'Codex: fix "{PROBLEM}"')
        await editor.wait_for(FIXED)
        assert PROBLEM in str(here.model.requests[0].body)
