"""Records the main job in a real Neovim in a real terminal: `python -m tests.e2e.record`.

Writes `docs/neovim-fix.svg`. The config is the one in `editors/neovim`, with a status line that
shows progress and a check that runs doctest. The model is the double, so the recording can be
made anywhere; all else is real.
"""

from __future__ import annotations

import asyncio
import re
import tempfile
from pathlib import Path
from typing import Any

from tests.doubles.model_rules import Rule, mends
from tests.doubles.model_script import Gate, Reasoning, Step, Turn
from tests.e2e.scene import scene
from tests.e2e.svg import draw
from tests.e2e.terminal import Terminal, terminal
from tests.e2e.tools import REPO, require

OUT = REPO / "docs" / "neovim-fix.svg"
FAULTY = '''\
def median(values):
    """The middle value, or the mean of the two in the middle.

    >>> median([1, 3])
    2.0
    """
    ordered = sorted(values)
    middle = len(ordered) // 2
    if len(ordered) % 2:
        return ordered[middle]
    return ordered[middle - 1] + ordered[middle] / 2
'''
LINE = 4
OLD = FAULTY.splitlines()[-1]
NEW = "    return (ordered[middle - 1] + ordered[middle]) / 2"
SHOWN = """
vim.opt.termguicolors = true
vim.opt.number = true
vim.opt.statusline = ' %f %m%=%{get(g:, "progress", "")} '
vim.diagnostic.config({ virtual_text = true })
vim.api.nvim_create_autocmd('LspProgress', { callback = function()
  vim.g.progress = vim.lsp.status()
  vim.cmd.redrawstatus()
end })
local run = [[
import doctest, sys, types
module = types.ModuleType('median')
exec(sys.stdin.read(), module.__dict__)
doctest.testmod(module)
]]
vim.api.nvim_create_autocmd({ 'LspAttach', 'TextChanged' }, { callback = function()
  local text = table.concat(vim.api.nvim_buf_get_lines(0, 0, -1, true), '\\n')
  local said = vim.system({ 'python3', '-c', run }, { stdin = text }):wait().stdout
  local line, expected, got = said:match('line (%d+),.-Expected:%s+(%S+)%s+Got:%s+(%S+)')
  local message = expected and ('expected %s, got %s'):format(expected, got)
  vim.diagnostic.set(vim.api.nvim_create_namespace('doctest'), 0, message and { {
    lnum = tonumber(line) - 1, col = 4, end_col = 22, source = 'doctest', message = message,
  } } or {})
end })
"""


def answer(body: dict[str, Any]) -> Step:
    """Looks at the code for as long as the camera needs, then mends it."""
    step = mends([Rule("median.py", OLD, NEW)])(body)
    assert isinstance(step, Turn)
    thought = Reasoning("The sum of both has to be halved, not the second one.")
    return Turn((thought, Gate("shown"), *step.parts))


async def record(place: Path) -> list[str]:
    """The screens of one run, in order."""
    config = place / "init.lua"
    plugin = f"vim.opt.runtimepath:append('{REPO / 'editors' / 'neovim'}')"
    config.write_text(f"{plugin}\nvim.lsp.enable('codex')\n{SHOWN}")
    async with scene(place, answer) as here:
        (here.folder / "median.py").write_text(FAULTY)
        nvim = [str(require("nvim")), "-n", "-i", "NONE", "-u", str(config), f"+{LINE}"]
        async with terminal([*nvim, "median.py"], here.folder, here.env, (86, 18)) as shown:
            await shown.until("got 2.5")
            screens = [await settled(shown)]
            await shown.type("gra")
            menu = await shown.until('Codex: fix "')
            screens.append(await settled(shown))
            number = re.search(r'(\d+): Codex: fix "', menu)
            assert number is not None
            await shown.type(number[1])
            await shown.press("Enter")
            await here.model.reached("shown")
            await shown.until("thinking")
            screens.append(await settled(shown))
            await here.model.release("shown")
            await shown.until(NEW.strip())
            await shown.until("Changed median.py")
            screens.append(await settled(shown))
            await shown.type("u")
            await shown.until(OLD.strip())
            screens.append(await settled(shown))
    return screens


async def settled(shown: Terminal) -> str:
    """The screen once two looks at it agree."""
    screen = ""
    while True:
        await asyncio.sleep(0.5)
        before, screen = screen, await shown.screen(colours=True)
        if screen == before:
            return screen


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        drawn = draw(asyncio.run(record(Path(folder))))
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text(drawn)
