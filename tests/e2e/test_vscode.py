"""VS Code as a person uses it, with our extension as people get it: one window for all tests here.

They run on one worker, one after the other; each has a file of its own. The last one kills the
window. `CODEX_LSP_TYPING_BLOCKS=25` makes a campaign of 500 rounds of the typing test.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.doubles.authority import authority_process
from tests.doubles.minted import ALICE
from tests.doubles.model_rules import Rule, mends
from tests.doubles.model_script import Call, Gate, Limits, Patch, Refusal, Step, Text, Turn
from tests.e2e.browser import DEADLINE
from tests.e2e.conftest import Shows
from tests.e2e.scene import BROKEN, FIXED, LINE, NAME, PROBLEM, RULE, Scene, scene, waits_at
from tests.e2e.test_typing_races import BLOCKS, NOTES, ROUNDS, gated, keys_fall
from tests.e2e.touring import until
from tests.e2e.vscode import ITEM, PREVIEW, VSCode, vscode

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.timeout(300),
]

TOAST = ".notification-toast"
LENS = ".codelens-decoration a"
LENSES = f"return [...document.querySelectorAll('{LENS}')].map((lens) => lens.textContent)"
SOURCE = "def twice(n):\n    return n\n\n\ndef thrice(n):\n    return n * 2\n"
CHANGE = """*** Begin Patch
*** Update File: {name}
@@
-    return n
+    return n + n
@@ def thrice(n):
-    return n * 2
+    return n * 3
*** End Patch"""


class Script:
    """What the model answers now; `answer` is None where nothing is to be asked."""

    def __init__(self) -> None:
        self.answer: Any = None

    def __call__(self, body: dict[str, Any]) -> Step:
        if self.answer is None:
            return Refusal(400, {"error": {"message": "nothing was to be asked here"}})
        step: Step = self.answer(body)
        return step


class Window:
    """A window on one workspace, and the model behind it, whose answers each test sets."""

    def __init__(self, code: VSCode, here: Scene, script: Script) -> None:
        self.code = code
        self.model = here.model
        self.script = script
        self.place = here.folder.parent
        self.folder = here.folder

    async def show(self, text: str, answer: Any, name: str = NAME) -> Path:
        """Show a new file that holds `text`; the model answers by `answer`."""
        self.script.answer = answer
        file = self.folder / name
        file.write_bytes(text.encode())
        await self.code.open(file)
        await self.code.wait_for(text)  # it may be remembered as another test left it
        return file

    async def reached(self, gate: str) -> None:
        """Wait until the model stands at `gate`."""
        async with asyncio.timeout(DEADLINE):
            await self.model.reached(gate)

    async def hung_up(self, hangups: int) -> None:
        """Wait until the model has lost that many of its readers."""
        async with asyncio.timeout(DEADLINE):
            await self.model.until(lambda: self.model.hangups == hangups)

    async def set(self, key: str, value: object) -> None:
        """Change a setting of ours for the person."""
        await self.code.js(
            "await vscode.workspace.getConfiguration('codex').update(args[0], args[1], true)",
            key,
            value,
        )

    async def restart(self, **env: str) -> None:
        """Start the server anew, with more in its environment."""
        lines = [f"export {name}='{value}'\n" for name, value in env.items()]
        (self.place / "env").write_text("".join(lines))
        await self.code.js("await vscode.commands.executeCommand('codex.server.restart')")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def opened(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Window]:
    place, script = tmp_path_factory.mktemp("vscode"), Script()
    async with AsyncExitStack() as stack:
        here = await stack.enter_async_context(scene(place, script))
        _prepare(place, here)
        env = {**here.env, "PATH": _with_one_server(here.env["PATH"])}
        code = await stack.enter_async_context(vscode(here.folder, place / "state", env))
        await code.ready()
        yield Window(code, here, script)


def _with_one_server(path: str) -> str:
    """PATH without the servers that this machine has besides the scene's, which comes first."""
    ours, *others = path.split(os.pathsep)
    left = [folder for folder in others if not Path(folder, "codex-lsp").exists()]
    return os.pathsep.join([ours, *left])


def _prepare(place: Path, here: Scene) -> None:
    """Trust the folder, and let the server's environment be changed between two starts."""
    config = Path(here.env["CODEX_HOME"], "config.toml")
    trust = f'[projects."{here.folder}"]\ntrust_level = "trusted"\n'
    config.write_text(config.read_text() + trust)
    (place / "env").touch()
    program = place / "bin" / "codex-lsp"
    program.write_text(f'#!/bin/sh\n. {place}/env\nexec {sys.executable} -m codex_lsp "$@"\n')


@pytest_asyncio.fixture(loop_scope="module")
async def window(opened: Window) -> AsyncIterator[Window]:
    """The window; afterwards nothing is open in it, and nothing left of the test."""
    yield opened
    opened.script.answer = None
    await opened.code.tidy()


async def test_a_problem_of_another_server_is_fixed_in_the_unsaved_buffer(
    window: Window, shows: Shows
) -> None:
    code = window.code
    file = await window.show(BROKEN, waits_at("fix"))
    await code.go_to(1)
    await code.type("# mine ")
    await code.report("retrun", PROBLEM)
    await code.choose_action(f'Codex: fix "{PROBLEM}"')
    await window.reached("fix")
    await code.see_progress()
    await window.model.release("fix")
    await code.wait_for("# mine " + FIXED)
    assert PROBLEM in str(window.model.requests[-1].body["input"])
    assert file.read_text() == BROKEN
    shows("fix", "vscode")
    shows("unicode", "vscode")

    await code.undo()
    await code.wait_for("# mine " + BROKEN)
    await code.save()
    assert file.read_text() == "# mine " + BROKEN


async def test_all_problems_that_others_report_reach_a_command_and_crlf_stays(
    window: Window, shows: Shows
) -> None:
    """A command of the palette is told of no diagnostics: the server knows them by the feed."""
    code = window.code
    file = await window.show(BROKEN.replace("\n", "\r\n"), mends([RULE]))
    await code.report("retrun", PROBLEM)
    await code.run("Codex: Fix All Problems in This File")
    await code.wait_for(FIXED.replace("\n", "\r\n"))
    assert PROBLEM in str(window.model.requests[-1].body["input"])
    await code.save()
    assert file.read_bytes() == FIXED.replace("\n", "\r\n").encode()
    shows("crlf", "vscode")


async def test_a_file_that_is_not_open_is_changed_in_the_same_turn(
    window: Window, shows: Shows
) -> None:
    code, other = window.code, window.folder / "other.py"
    other.write_text("old = 1\n")
    change = RULE.patch().replace(
        "*** End Patch", "*** Update File: other.py\n@@\n-old = 1\n+new = 1\n*** End Patch"
    )
    await window.show(BROKEN, lambda _body: Turn((Limits(42.0), Patch(change))))
    await code.choose_action("Codex: fix this")
    await code.wait_for(FIXED)
    await code.sees_hint(ITEM, "42 % of the limit for 5 hours is used")
    await code.until(
        "const bytes = await vscode.workspace.fs.readFile(vscode.Uri.file(args[0]));"
        "return new TextDecoder().decode(bytes) === 'new = 1\\n'",
        str(other),
        what="the other file's change",
    )
    shows("closed", "vscode")


async def test_an_edit_is_asked_for_in_a_box_about_the_selected_lines(
    window: Window, shows: Shows
) -> None:
    code = window.code
    await window.show(BROKEN, mends([RULE]))
    await code.select(LINE, 0, LINE, 8)
    await code.page.press("Control+Alt+x")
    await code.page.press("e")
    await code.answer("What should Codex change here?", "Schöner, bitte 😀")
    await code.wait_for(FIXED)
    asked = str(window.model.requests[-1].body["input"])
    assert f"line {LINE}" in asked
    assert "Schöner, bitte 😀" in asked
    shows("edit", "vscode")


async def test_an_answer_grows_in_a_document_that_cannot_be_left_unsaved(window: Window) -> None:
    code, front = window.code, "return vscode.window.activeTextEditor?.document"
    await window.show(BROKEN, lambda _body: Turn((Text("It is "), Gate("half"), Text("a typo."))))
    await code.go_to(LINE)
    await code.page.press("Control+Alt+x")
    await code.page.press("x")
    await window.reached("half")
    await code.until(f"{front}.uri.scheme === 'codex'", what="the page")
    await code.until(f"{front}.getText().endsWith('It is ')", what="the half of the answer")
    await window.model.release("half")
    await code.until(f"{front}.getText().endsWith('It is a typo.')", what="all of the answer")
    assert await code.js("return vscode.workspace.textDocuments.every((one) => !one.isDirty)")


async def test_nothing_is_sent_where_the_box_is_left(window: Window) -> None:
    code = window.code
    await window.show(BROKEN, mends([RULE]))
    before = len(window.model.requests)
    await code.run("Codex: Ask…")
    await code.sees(".quick-input-widget", "What do you want to know about this?")
    await code.page.press("Escape")
    await code.no_longer_sees(".quick-input-title", "Codex")
    assert await code.js("return vscode.commands.executeCommand('codex.task.cancel')") == {
        "ok": False
    }
    assert len(window.model.requests) == before


@pytest.mark.parametrize(("place", "button"), [(f"{TOAST} .monaco-button", "Cancel"), (ITEM, NAME)])
async def test_a_task_is_cancelled_by_a_click(
    window: Window, shows: Shows, place: str, button: str
) -> None:
    code, gate = window.code, f"cancel by {button}"
    await window.show(BROKEN, waits_at(gate))
    hangups = window.model.hangups
    await code.choose_action("Codex: fix this")
    await window.reached(gate)
    await code.click(place, button)
    await window.hung_up(hangups + 1)
    await code.no_longer_sees(TOAST, "Codex: fix")
    await code.no_longer_sees(ITEM, "Codex: fix")
    assert await code.text() == BROKEN
    shows("cancel", "vscode")


async def test_changes_wait_are_kept_or_dropped_and_a_turn_is_undone_under_later_typing(
    window: Window, shows: Shows
) -> None:
    code, name = window.code, "review.py"
    await window.set("edits.apply", "propose")
    await window.show(SOURCE, lambda body: Turn((Patch(CHANGE.format(name=name)),)), name)
    await code.go_to(2)
    await code.choose_action("Codex: fix this")
    await code.waiting(2)
    assert await code.text() == SOURCE

    await code.go_to(1)
    for way, line in (("Next", 2), ("Next", 6), ("Previous", 2)):
        await code.run(f"Codex: Go to the {way} Change")
        await code.line(line)
    await code.run("Codex: Show the Changes of This File as a Diff")
    await code.until(
        "return vscode.window.activeTextEditor?.document.getText().includes(args[0])",
        "-    return n * 2\n+    return n * 3\n",
        what="the diff",
    )
    await code.open(window.folder / name)
    shows("walk", "vscode")

    await code.go_to(6)
    await code.choose_action("Codex: keep this change")
    kept = SOURCE.replace("n * 2", "n * 3")
    await code.wait_for(kept)
    await code.waiting(1)
    await code.page.until(f"{LENSES}.join() === 'Keep,Undo'", what="the lenses of one change")
    await code.click(LENS, "Undo")
    await code.waiting(0)
    await code.page.until(f"{LENSES}.length === 0", what="the end of the lenses")
    assert await code.text() == kept
    shows("review", "vscode")

    await code.go_to(1)
    await code.type("# mine\n")
    await code.run("Codex: Undo the Last Turn")
    await code.wait_for("# mine\n" + SOURCE)
    await window.set("edits.apply", None)
    shows("undo", "vscode")


async def test_a_preview_shows_what_waits_with_a_box_for_each_change(
    window: Window, shows: Shows
) -> None:
    code, name, closed = window.code, "preview.py", window.folder / "closed.py"
    closed.write_text("old = 1\n")
    await window.set("edits.apply", "confirm")
    change = CHANGE.format(name=name).replace(
        "*** End Patch", "*** Update File: closed.py\n@@\n-old = 1\n+new = 1\n*** End Patch"
    )
    await window.show(SOURCE, lambda _body: Turn((Patch(change),)), name)
    await code.go_to(2)

    await code.choose_action("Codex: fix this")
    await code.reply("Preview")
    await code.previews(True, True, True)
    assert await code.text() == SOURCE
    await code.end_preview("Discard")
    await code.no_longer_sees(ITEM, "Codex: fix")
    assert await code.text() == SOURCE
    assert closed.read_text() == "old = 1\n"

    await code.choose_action("Codex: fix this")
    await code.reply("Preview")
    await code.previews(True, True, True)
    await code.open(window.folder / name)
    await code.go_to(1)
    await code.type("# 1\n")
    await code.click(f"{PREVIEW} .monaco-button", "Apply")
    await code.click(".monaco-dialog-box .monaco-button", "OK")
    await code.reply("Preview")
    await code.previews(True, True, True)
    assert await code.text() == f"# 1\n{SOURCE}"
    await code.tick("n * 2")
    await code.previews(True, True, False)
    await code.end_preview("Apply")
    await code.no_longer_sees(ITEM, "Codex: fix")
    await code.wait_for("# 1\n" + SOURCE.replace("return n\n", "return n + n\n"))
    await code.until(
        "const found = vscode.workspace.textDocuments.find((one) => one.fileName === args[0]);"
        "return found?.isDirty && found.getText() === 'new = 1\\n'",
        str(closed),
        what="the change of the file that was not open",
    )
    shows("preview", "vscode", "in its Refactor Preview")

    await code.open(window.folder / name)
    await code.go_to(1)
    await code.type("# mine\n")
    await code.run("Codex: Undo the Last Turn")
    await code.wait_for("# mine\n# 1\n" + SOURCE)
    await window.set("edits.apply", None)


async def test_who_is_not_signed_in_is_asked_to_and_the_next_turn_works(
    window: Window, shows: Shows
) -> None:
    code, home = window.code, window.place / "signed-out"
    home.mkdir()
    (home / "config.toml").write_text(f'openai_base_url = "{window.model.base_url}"\n')
    with authority_process() as authority:
        await window.restart(
            CODEX_HOME=str(home),
            CODEX_APP_SERVER_LOGIN_ISSUER=authority.url,
            CODEX_REFRESH_TOKEN_URL_OVERRIDE=f"{authority.url}/oauth/token",
        )
        await window.show(BROKEN, mends([RULE]))
        before = len(window.model.requests)
        await code.choose_action("Codex: fix this")
        await code.reply("Sign in with a code")
        await code.is_told(f"Signed in as {ALICE.email}")
        await code.sees_hint(ITEM, ALICE.email)
        assert len(window.model.requests) == before

        await code.choose_action("Codex: fix this")
        await code.wait_for(FIXED)
        assert window.model.requests[-1].headers["authorization"].startswith("Bearer ")
    shows("sign-in", "vscode")
    await window.restart()


async def test_a_walkthrough_leads_to_a_fixed_bug(window: Window) -> None:
    code, page = window.code, ".gettingStartedContainer"
    await code.js(
        "await vscode.commands.executeCommand("
        "'workbench.action.openWalkthrough', 'codex-lsp.codex-lsp#start')"
    )
    for step in ("The server", "Sign in", "Fix a problem", "Ask for a change"):
        await code.sees(f"{page} .step-title", step)
    await code.js("await vscode.commands.executeCommand('workbench.action.closeAllEditors')")


async def test_a_missing_server_is_offered_and_found_where_a_setting_names_it(
    window: Window,
) -> None:
    """A stand-in for uv, first on PATH, installs what came in the package, beside PATH."""
    code, program, away = window.code, window.place / "bin/codex-lsp", window.place / "away"
    wheel = next((window.place / "state/extensions").glob("codex-lsp*")) / "server/codex_lsp.whl"
    wheel.parent.mkdir()
    wheel.touch()
    program.rename(away)
    uv, noted = program.with_name("uv"), window.place / "installed"
    installed = window.place / "home/.local/bin/codex-lsp"
    installed.parent.mkdir(parents=True)
    uv.write_text(f'#!/bin/sh\necho "$@" >{noted}\nmv {away} {installed}\n')
    uv.chmod(0o755)
    await code.js("await vscode.commands.executeCommand('codex.server.restart')")
    await code.sees_hint(ITEM, "codex-lsp is not running")
    await code.reply("Install with uv")
    await code.ready()
    assert noted.read_text() == f"tool install --force {wheel}\n"
    uv.unlink()

    installed.rename(away)
    await window.set("server.path", str(away))
    await code.no_longer_sees(f"{ITEM} .codicon-warning", "")
    await code.ready()
    away.rename(program)
    await window.set("server.path", None)
    await window.restart()


@pytest.mark.parametrize("block", range(BLOCKS))
async def test_no_key_and_no_edit_is_lost_while_both_happen_at_once(
    window: Window, block: int
) -> None:
    lines = [f"def f{block}x{number:02}(n): retrun n + {number}" for number in range(ROUNDS)]
    rules = [Rule(NAME, line, line.replace("retrun", "return")) for line in lines]
    await window.show("\n".join([NOTES, *lines, ""]), gated(rules))
    await keys_fall(window.code, window.model, rules, random.Random(f"vscode {block}"))


async def test_neither_server_nor_command_is_left_when_the_window_is_killed_in_mid_turn(
    opened: Window, shows: Shows
) -> None:
    code, noted = opened.code, opened.place / "noted"
    command = f"echo $$ >{noted}.new; mv {noted}.new {noted}; exec sleep 1000"
    escalated = {"sandbox_permissions": "require_escalated", "yield_time_ms": 30_000}
    await opened.show(
        BROKEN, lambda _body: Turn((Call("exec_command", {"cmd": command, **escalated}),))
    )
    await code.run("Codex: Do…")
    await code.answer("What should Codex do?", "sleep well")
    await code.is_told("sleep 1000")
    await code.click(f"{ITEM} .codicon-bell", "")
    await code.click(".quick-input-widget .monaco-list-row", "Show what waits for you")
    assert not noted.exists()
    await code.reply("Allow once")
    await until(noted.exists, lambda: "the command")
    shows("approve", "vscode")

    asleep = int(noted.read_text())
    host = int(await code.js("return process.pid"))
    [server] = [pid for pid in _children(host) if "codex_lsp" in _command(pid)]
    assert "sleep" in _command(asleep)
    os.kill(host, signal.SIGKILL)
    await until(lambda: "codex_lsp" not in _command(server), lambda: "the server's end")
    await until(lambda: "sleep" not in _command(asleep), lambda: "the command's end")
    shows("killed", "vscode")


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return ""
