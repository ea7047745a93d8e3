"""Drives a real VS Code: code-server's workbench in a headless Chromium, with our `.vsix`.

Keys and clicks go to the page; an extension for tests, `observer/`, looks at what VS Code knows.
Opening a window takes seconds, so that one serves all the tests of a module.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import re
import zipfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from tests.e2e.browser import DEADLINE, Page, browser, looking
from tests.e2e.tools import REPO, lacking, require

EXTENSION = REPO / "editors" / "vscode"
OBSERVER = Path(__file__).with_name("observer")
SIZE = (1100, 620)  # pixels
PATIENCE = 3.0  # seconds until a person looks elsewhere
TRIES = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0)  # seconds until a person presses a key again
ITEM = "#codex-lsp\\.codex-lsp\\.codex"  # ours in the status bar
NOTICE = ".notification-toast, .notifications-center .notification-list-item"
PREVIEW = ".bulk-edit-panel"
_LIST = "await vscode.commands.executeCommand('notifications.showList')"
# A person's comforts that write by themselves, and what would ask or tell of the test's own accord.
SETTINGS = {
    "chat.disableAIFeatures": True,
    "editor.acceptSuggestionOnEnter": "off",
    "editor.autoClosingBrackets": "never",
    "editor.autoIndent": "none",
    "editor.minimap.enabled": False,
    "editor.quickSuggestions": {"other": "off", "comments": "off", "strings": "off"},
    "editor.wordBasedSuggestions": "off",
    "extensions.autoCheckUpdates": False,
    "extensions.autoUpdate": False,
    "files.autoSave": "off",
    "security.workspace.trust.enabled": False,
    "telemetry.telemetryLevel": "off",
    "update.mode": "none",
    "workbench.enableExperiments": False,
    "workbench.secondarySideBar.defaultVisibility": "hidden",
    "workbench.startupEditor": "none",
    "workbench.tips.enabled": False,
}


class ObserverError(Exception):
    """What was sent to the observer threw."""


class VSCode:
    """A window of VS Code that shows one file; see `tests.e2e.person.Person`."""

    def __init__(
        self, page: Page, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.page = page
        self._reader = reader
        self._writer = writer
        self._numbers = itertools.count(1)

    async def js(self, code: str, *arguments: Any) -> Any:
        """What a function's body returns in the extension host, with `vscode`, `seen`, `args`."""
        number = next(self._numbers)
        message = {"id": number, "code": code, "args": arguments}
        self._writer.write(json.dumps(message).encode() + b"\n")
        async with asyncio.timeout(DEADLINE):
            answer = {"id": 0}
            while answer["id"] != number:  # what was given up on before is answered, too
                answer = json.loads(await self._reader.readline())
        if "error" in answer:
            raise ObserverError(answer["error"])
        return answer["result"]

    async def until(self, code: str, *arguments: Any, what: str) -> None:
        """Wait until `js` returns something true."""
        try:
            async with asyncio.timeout(DEADLINE):
                while not await self.js(looking(code), *arguments):
                    pass
        except TimeoutError:
            raise AssertionError(f"never came: {what}; see {await self.page.keep()}") from None

    async def ready(self) -> None:
        """Wait until the server offers its commands."""
        await self.until(
            "return (await vscode.commands.getCommands()).includes('codex.fix')", what="the server"
        )

    async def open(self, file: Path) -> None:
        """Show a file."""
        await self.js(
            "await vscode.window.showTextDocument(vscode.Uri.file(args[0]), {preview: false})",
            str(file),
        )

    async def text(self) -> str:
        """The text of the editor in front, with its own line endings."""
        return str(await self.js("return vscode.window.activeTextEditor.document.getText()"))

    async def go_to(self, line: int) -> None:
        await self.select(line, 0, line, 0)

    async def select(self, line: int, column: int, end_line: int, end_column: int) -> None:
        """Select from one place to another; lines count from 1."""
        place = (line - 1, column, end_line - 1, end_column)
        await self.js(
            "const {document} = vscode.window.activeTextEditor;"
            "const selection = new vscode.Range(...args);"
            "await vscode.window.showTextDocument(document, {preview: false, selection})",
            *place,
        )
        await self.until(
            "return vscode.window.activeTextEditor.selection.isEqual(new vscode.Range(...args))",
            *place,
            what="the selection",
        )

    async def insert(self) -> None:
        """Keys are text at once."""

    async def type(self, text: str) -> None:
        await self.page.type(text)

    async def leave(self) -> None:
        """There is no other mode."""

    async def report(self, word: str, message: str) -> None:
        """Have another extension report a problem with a word, and put the cursor on it."""
        await self.js(
            "const [word, message] = args;"
            "const {document} = vscode.window.activeTextEditor;"
            "const at = document.getText().indexOf(word);"
            "const [start, end] = [at, at + word.length].map((to) => document.positionAt(to));"
            "const found = new vscode.Diagnostic(new vscode.Range(start, end), message, 0);"
            "found.source = 'linter';"
            "seen.linter.set(document.uri, [found]);"
            "const selection = new vscode.Range(start, start);"
            "await vscode.window.showTextDocument(document, {preview: false, selection})",
            word, message,
        )  # fmt: skip
        await self.sees(".squiggly-error", "")

    async def tidy(self) -> None:
        """Close all files without saving, and all that is shown over them, once tasks are done."""
        await self.no_longer_sees(ITEM, "Codex:")
        await self.page.press("Escape")
        await self.js(
            "seen.linter.clear();"
            "const run = (id) => vscode.commands.executeCommand(id);"
            "await run('notifications.clearAll');"
            "while (vscode.window.activeTextEditor) {"
            "  await run('workbench.action.revertAndCloseActiveEditor');"
            "}"
        )

    async def choose_action(self, title: str) -> None:
        """See `Person`. VS Code drops the question when something else makes it ask for actions
        meanwhile, as a new diagnostic does; a person presses again. Keys go to the editor, also
        from the list of notifications.
        """
        await self.js(
            "await vscode.commands.executeCommand('workbench.action.focusActiveEditorGroup')"
        )
        row = ".action-widget .monaco-list-row"
        for patience in TRIES:
            await self.page.press("Control+.")
            with suppress(TimeoutError):
                async with asyncio.timeout(patience):
                    await self.sees(row, title)
                break
        await self.page.click(row, title)

    async def run(self, title: str) -> None:
        """Run a command from the palette."""
        await self.page.press("F1")
        await self.page.until(
            "return document.activeElement.closest('.quick-input-widget') !== null",
            what="the palette",
        )
        await self.page.type(title)
        await self.page.click(".quick-input-widget .monaco-list-row", title)

    async def answer(self, question: str, words: str) -> None:
        """Type into the box that asks `question`, and send it."""
        await self.page.until(_SHOWN, ".quick-input-widget", question, what=question)
        await self.page.type(words)
        await self.page.press("Enter")

    async def is_told(self, text: str) -> None:
        """Wait for a notification with this text. Most hide after some seconds: who did not look
        in time opens the list of them.
        """
        try:
            async with asyncio.timeout(PATIENCE):
                await self.sees(NOTICE, text)
        except TimeoutError:
            await self.js(_LIST)
            await self.sees(NOTICE, text)

    async def reply(self, button: str) -> None:
        """Choose this button of a notification, once there is one with it: in the list of them,
        where nothing moves or hides while the mouse is on its way.
        """
        await self.is_told(button)
        await self.js(_LIST)
        await self.page.click(".notifications-center .monaco-button", button)

    async def line(self, number: int) -> None:
        """Wait until the cursor is on this line, counted from 1."""
        await self.until(
            "return vscode.window.activeTextEditor?.selection.active.line === args[0] - 1",
            number,
            what=f"the cursor on line {number}",
        )

    async def click(self, selector: str, text: str) -> None:
        """Click the element that has this text in it."""
        await self.page.click(selector, text)

    async def waiting(self, number: int) -> None:
        """Wait until so many changes wait in the file in front."""
        await self.until(
            "const {uri} = vscode.window.activeTextEditor.document;"
            "const ours = vscode.languages.getDiagnostics(uri).filter((d) => d.source === 'Codex');"
            "return ours.length === args[0]",
            number,
            what=f"{number} changes that wait",
        )

    async def previews(self, *ticked: bool) -> None:
        """Wait until the Refactor Preview shows such boxes, one for each change. It keeps those of
        the last time until it has the new ones; then it takes the keys.
        """
        await self.page.until(
            "const boxes = document.querySelectorAll(`${args[0]} .textedit .edit-checkbox`);"
            "return document.activeElement.closest(args[0]) !== null &&"
            " [...boxes].map((box) => box.checkVisibility() && box.ariaChecked === 'true').join()"
            " === args[1].join()",
            PREVIEW,
            ticked,
            what=f"a preview with the boxes {ticked}",
        )

    async def tick(self, text: str) -> None:
        """Click the box of the change that shows this text."""
        await self.page.click(f"{PREVIEW} .textedit", text, ".edit-checkbox")

    async def end_preview(self, button: str) -> None:
        """Press this button of the preview."""
        await self.page.click(f"{PREVIEW} .monaco-button", button)
        await self.no_longer_sees(f"{PREVIEW} .monaco-button", button)

    async def see_progress(self) -> None:
        await self.sees(".notification-toast", "Codex: fix")

    async def sees(self, selector: str, text: str) -> None:
        """Wait until an element has this text in it."""
        await self.page.until(_SHOWN, selector, text, what=f"{selector} with {text!r}")

    async def sees_hint(self, selector: str, text: str) -> None:
        """Wait until an element says this to those who cannot see it, and to a mouse over it."""
        await self.page.until(
            "return [...document.querySelectorAll(`${args[0]} [aria-label]`)]"
            ".some((e) => e.ariaLabel.includes(args[1]));",
            selector,
            text,
            what=f"{selector} that hints at {text!r}",
        )

    async def no_longer_sees(self, selector: str, text: str) -> None:
        """Wait until no element has this text in it."""
        await self.page.until(
            f"return !(() => {{ {_SHOWN} }})()", selector, text, what=f"the end of {text!r}"
        )

    async def wait_for(self, text: str) -> None:
        try:
            await self.until(
                "return vscode.window.activeTextEditor.document.getText() === args[0]",
                text,
                what="the text",
            )
        except AssertionError:
            assert await self.text() == text
            raise

    async def undo(self) -> None:
        await self.page.press("Control+z")

    async def save(self) -> None:
        await self.page.press("Control+s")
        await self.until(
            "return !vscode.window.activeTextEditor.document.isDirty", what="the file to be saved"
        )


_SHOWN = """
  return [...document.querySelectorAll(args[0])]
    .some((e) => e.checkVisibility() && e.textContent.includes(args[1]));
"""


@asynccontextmanager
async def vscode(
    folder: Path, state: Path, env: Mapping[str, str], vsix: Path | None = None
) -> AsyncIterator[VSCode]:
    """A window on the workspace `folder`; all that VS Code keeps is in the folder `state`. The
    extension is `vsix`, or built from the sources.
    """
    server, chromium = require("code-server"), require("chromium-headless-shell")
    options = _options(state)
    packages = [vsix or await build(state), _packed(state)]
    installed = [word for package in packages for word in ("--install-extension", package)]
    await _done(server, *options, *installed, env=env)
    socket = state / "observer"
    # Started from a terminal, VS Code takes that one's PATH, not that of a login shell.
    started = {**env, "CODEX_LSP_TESTS_OBSERVER": str(socket), "VSCODE_CLI": "1"}
    async with (
        _serving([str(server), *options], started) as address,
        browser(chromium, state / "chromium", env, SIZE) as page,
    ):
        await page.call("Page.navigate", url=f"{address}/?folder={folder}")
        reader, writer = await _connect(socket)
        try:
            yield VSCode(page, reader, writer)
        finally:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()


async def build(place: Path) -> Path:
    """The extension as people get it, built from the sources into `place`."""
    if not EXTENSION.joinpath("node_modules").exists():
        lacking("what builds the extension is not installed: run .ci/install-tools")
    made = place / "codex-lsp.vsix"
    await _done("npm", "run", "package", "--", "--out", made, cwd=EXTENSION)
    return made


def _options(state: Path) -> list[str]:
    user = state / "user" / "User"
    user.mkdir(parents=True)
    (user / "settings.json").write_text(json.dumps(SETTINGS))
    return [
        "--accept-server-license-terms", "--disable-telemetry", "--without-connection-token",
        "--host=127.0.0.1", "--port=0",
        f"--server-data-dir={state / 'server'}", f"--user-data-dir={state / 'user'}",
        f"--extensions-dir={state / 'extensions'}",
    ]  # fmt: skip


def _packed(state: Path) -> Path:
    made = state / "observer.vsix"
    with zipfile.ZipFile(made, "w") as archive:
        for file in OBSERVER.iterdir():
            archive.write(file, f"extension/{file.name}")
    return made


async def _done(*command: str | Path, **options: Any) -> None:
    process = await asyncio.create_subprocess_exec(
        *map(str, command),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        **options,
    )
    said, _ = await process.communicate()
    assert process.returncode == 0, said.decode()


@asynccontextmanager
async def _serving(command: list[str], env: Mapping[str, str]) -> AsyncIterator[str]:
    """Runs the server; its address, once it listens."""
    process = await asyncio.create_subprocess_exec(
        *command, env=env, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(DEADLINE):
            said = await process.stdout.readuntil(b"listening on ")
            port = int(await process.stdout.readline())
        assert re.search(rb"Server bound", said)
        drained = asyncio.create_task(process.stdout.read())
        yield f"http://127.0.0.1:{port}"
        process.terminate()
        await drained
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def _connect(socket: Path) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """The observer's socket, once it listens."""
    async with asyncio.timeout(DEADLINE):
        while True:
            with suppress(OSError):
                return await asyncio.open_unix_connection(socket, limit=1 << 24)
            await asyncio.sleep(0.05)
