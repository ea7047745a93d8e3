"""A day in a real Vim with one of its LSP clients, on demand: prints what was shown, and how.

`python -m tests.e2e.vim_day VIM CLIENT FOLDER`: the program, `vim-lsp`, `yegappan` or `coc`, and
the folder of that plugin; coc.nvim finds its Node as `$COC_NODE_PATH`. The steps are those of
`test_features`, by the keys and commands of `editors/vim`; the model and the authority are doubles.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from pathlib import Path

from tests.doubles.authority import RemoteAuthority, authority_process
from tests.doubles.model_rules import mends
from tests.e2e.features import FEATURES, UNKNOWN, cell
from tests.e2e.newcomer import FAULTY, FIXED, RULE
from tests.e2e.scene import scene
from tests.e2e.test_features import Day, Script, signed_out
from tests.e2e.vim import vim

HOW = {
    "fix": {"vim-lsp": "found by itself", "yegappan": "found by itself"},
    "preview": dict.fromkeys(("vim-lsp", "yegappan", "coc"), "as suggestions"),
    "edit": dict.fromkeys(("vim-lsp", "yegappan", "coc"), "`:Codex edit`; a job on a page"),
    "approve": {"vim-lsp": "code action", "yegappan": "by number", "coc": "by number"},
    "sign-in": {"vim-lsp": "by command", "yegappan": "by number", "coc": "by number"},
    "killed": {"coc": "with its terminal"},
    "closed": dict.fromkeys(("vim-lsp", "yegappan", "coc"), "on disk"),
}


class UnnamedDay(Day):
    """With a client that hands us nothing of what another server reports."""

    fix = "Codex: fix this"


async def five_minutes(program: Path, name: str, plugin: Path) -> None:
    """A newcomer's fix, by the keys of `docs/five-minutes.md`."""
    with tempfile.TemporaryDirectory() as place:
        async with scene(Path(place), mends([RULE])) as here:
            here.file.write_text(FAULTY)
            async with vim(program, name, plugin, here, plain=True) as editor:
                await editor.go_to(2)
                await editor.menu("ga", "Codex: fix this")
                await editor.pick(1, editor.row)
                await editor.wait_for(FIXED)
                await editor.save()
                assert here.file.read_text() == FIXED
    print("Five minutes: fixed")


async def live(program: Path, name: str, plugin: Path, authority: RemoteAuthority) -> None:
    """Live the day; tells what was shown, and raises where a step fails."""
    shown = dict.fromkeys(FEATURES, UNKNOWN)
    try:
        with tempfile.TemporaryDirectory() as place:
            await _steps(program, name, plugin, Path(place), authority, shown)
    finally:
        for feature, said in shown.items():
            print(f"{FEATURES[feature]}: {said}")


async def _steps(
    program: Path,
    name: str,
    plugin: Path,
    place: Path,
    authority: RemoteAuthority,
    shown: dict[str, str],
) -> None:
    def note(*features: str) -> None:
        for feature in features:
            shown[feature] = cell(HOW.get(feature, {}).get(name, ""))

    script = Script()
    async with scene(place, script) as plain:
        here = signed_out(plain, authority)
        async with vim(program, name, plugin, here) as editor:
            day = (Day if name == "coc" else UnnamedDay)(editor, here, script)
            await day.live(note)


def main(program: str, name: str, plugin: str) -> None:
    """Run one day."""
    with authority_process() as authority:
        authority.set(device_answers=["pending"])
        where = Path(program).absolute(), name, Path(plugin).absolute()
        asyncio.run(five_minutes(*where))
        asyncio.run(live(*where, authority))


if __name__ == "__main__":
    main(*sys.argv[1:])
