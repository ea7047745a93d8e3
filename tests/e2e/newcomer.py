"""A newcomer's five minutes, with the keys of `docs/five-minutes.md`, in terminals, a fresh home.

`python -m tests.e2e.newcomer` tries each editor; given a folder, with the `codex-lsp` that is
installed there. `python -m tests.e2e.newcomer record` draws `docs/*-review.svg`, where the change
is reviewed first. The model is the double.
"""

from __future__ import annotations

import asyncio
import itertools
import re
import sys
import tempfile
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from tests.doubles.model_rules import Rule, mends
from tests.e2e.record import settled
from tests.e2e.scene import Scene, scene
from tests.e2e.signing_in import WAYS, at_openai, brought, sign_in
from tests.e2e.svg import draw
from tests.e2e.terminal import Terminal, terminal
from tests.e2e.tools import REPO, require

FAULTY = "def twice(n):\n    retrun n * 2\n"
FIXED = FAULTY.replace("retrun", "return")
RULE = Rule("twice.py", "    retrun n * 2", "    return n * 2")
SIZE = (86, 14)
WIDE = (110, 12)  # for the mode line of Emacs

Screens = list[str]
HELIX_REVIEW = '\n[language-server.codex-lsp.config]\nedits = { apply = "propose" }\n'
EMACS_REVIEW = """
(setq-default eglot-workspace-configuration '(:codex (:edits (:apply "propose"))))
(setq flymake-show-diagnostics-at-end-of-line t inhibit-startup-screen t)
"""
LSP_MODE_REVIEW = """
(with-eval-after-load 'lsp-mode
  (lsp-register-custom-settings '(("codex.edits.apply" "propose"))))
(setq flymake-show-diagnostics-at-end-of-line t inhibit-startup-screen t)
"""
LSP_MODE = '(load "lsp-mode-autoloads" t t)\n'  # what package-install does


async def neovim(shown: Terminal, _screens: Screens | None) -> None:
    await shown.until("retrun")
    menu = await _menu(shown, "gra", "Codex: fix this")
    number = re.search(r"(\d+): Codex: fix this", menu)
    assert number is not None
    await shown.type(number[1])
    await shown.press("Enter")
    await shown.until("return n")
    await shown.type(":wq")
    await shown.press("Enter")


async def helix(shown: Terminal, screens: Screens | None) -> None:
    await shown.until("retrun")
    await _menu(shown, " a", "Codex: fix this")
    await _note(shown, screens)
    await shown.press("Enter")
    if screens is not None:
        await shown.until("Suggested:")
        await _note(shown, screens)
        await shown.type(" a")
        await shown.until("Codex: keep this change")
        await _note(shown, screens)
        await shown.press("Enter")
    await shown.until("return n")
    await _note(shown, screens)
    await shown.type(":wq")
    await shown.press("Enter")


async def eglot(shown: Terminal, screens: Screens | None) -> None:
    await _emacs(shown, screens, "eglot")


async def lsp_mode(shown: Terminal, screens: Screens | None) -> None:
    await _emacs(shown, screens, "lsp")


async def _emacs(shown: Terminal, screens: Screens | None, start: str) -> None:
    await shown.until("retrun")
    await shown.press("M-x")
    await shown.until("M-x")
    await shown.type(start)
    await shown.press("Enter")
    if start == "lsp":
        await shown.until("Select action")
        await shown.type("i")
        await shown.until(re.compile(r"\[codex:\d+\]").search)
    else:
        await shown.until("[eglot:")
    await _note(shown, screens)
    await shown.press("C-c", "x", "f")
    if screens is not None:
        await shown.until("Suggested:")
        await _note(shown, screens)
        await shown.press("C-c", "x", "k")
    await shown.until("    return n")
    await _note(shown, screens)
    await shown.press("C-x", "C-s", "C-x", "C-c")


async def _menu(shown: Terminal, keys: str, title: str) -> str:
    """The screen with the menu; asked for again where the server does not answer yet."""
    while True:
        await shown.type(keys)
        with suppress(TimeoutError):
            async with asyncio.timeout(15):
                return await shown.until(title)
        await shown.press("Escape")


async def _note(shown: Terminal, screens: Screens | None) -> None:
    if screens is not None:
        screens.append(await settled(shown))


@dataclass(frozen=True, slots=True)
class Newcomer:
    """What a newcomer to an editor types into it, how it is started, and where its config is."""

    go: Callable[[Terminal, Screens | None], Awaitable[None]]
    command: list[str]
    config: str
    reviewing: str = ""
    size: tuple[int, int] = SIZE


EDITORS = {
    "neovim": Newcomer(neovim, ["nvim", "+2"], ".config/nvim/init.lua"),
    "helix": Newcomer(helix, ["hx"], ".config/helix/languages.toml", HELIX_REVIEW),
    "eglot": Newcomer(eglot, ["emacs", "-nw", "+2"], ".emacs.d/init.el", EMACS_REVIEW, WIDE),
    "lsp-mode": Newcomer(
        lsp_mode, ["emacs", "-nw", "+2"], ".emacs.d/init.el", LSP_MODE_REVIEW, WIDE
    ),
}


async def five_minutes(
    name: str, installed: str = "", *, way: str = "browser", review: bool = False
) -> Screens:
    """From `codex-lsp login` to the saved fix; the screens on the way, if changes are reviewed."""
    screens: Screens | None = [] if review else None
    with tempfile.TemporaryDirectory() as place:
        async with (
            scene(Path(place), mends([RULE])) as plain,
            at_openai(with_installed(plain, installed)) as (here, authority),
        ):
            here.file.write_text(FAULTY)
            await sign_in(here, way)
            await _set_up(name, here)
            if review:
                _add(Path(here.env["HOME"]) / EDITORS[name].config, EDITORS[name].reviewing)
            await _edit(name, here, screens)
            brought(here, authority)
    return screens or []


async def _set_up(name: str, here: Scene) -> None:
    """`codex-lsp setup`, and the person's yes."""
    home = Path(here.env["HOME"])
    setup = ["sh", "-c", f"codex-lsp setup {name} --write; echo ended: $?; sleep 60"]
    async with terminal(setup, home, here.env, WIDE) as shown:
        await shown.until("Write this? [y/N]")
        await shown.type("y")
        await shown.press("Enter")
        await shown.until("ended: 0")
    if name == "lsp-mode":
        _add(home / EDITORS[name].config, LSP_MODE, first=True)


async def _edit(name: str, here: Scene, screens: Screens | None) -> None:
    """Open the file in the editor, have it fixed, and save it."""
    newcomer = EDITORS[name]
    full = [str(require(newcomer.command[0])), *newcomer.command[1:]]
    full += [f"{here.file.name}:2" if name == "helix" else here.file.name]
    stays = ["sh", "-c", f"{' '.join(full)}; echo ended; sleep 60"]
    async with terminal(stays, here.folder, here.env, newcomer.size) as shown:
        await newcomer.go(shown, screens)
        await shown.until("ended")
    assert here.file.read_text() == FIXED


def with_installed(here: Scene, installed: str) -> Scene:
    """The scene, where the program of the folder `installed` comes first."""
    if not installed:
        return here
    env = {key: value for key, value in here.env.items() if key != "PYTHONPATH"}
    return replace(here, env=env | {"PATH": f"{installed}:{env['PATH']}"})


def _add(file: Path, text: str, *, first: bool = False) -> None:
    old = file.read_text()
    file.write_text(text + old if first else old + text)


def main(arguments: list[str]) -> None:
    if arguments == ["record"]:
        for name in ("helix", "eglot", "lsp-mode"):
            drawn = draw(asyncio.run(five_minutes(name, review=True)))
            (REPO / "docs" / f"{name}-review.svg").write_text(drawn)
        return
    for name, way in zip(EDITORS, itertools.cycle(WAYS), strict=False):
        asyncio.run(five_minutes(name, *arguments, way=way))
        print(f"{name}: signed in by {way}, fixed")


if __name__ == "__main__":
    main(sys.argv[1:])
