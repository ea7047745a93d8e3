"""`codex-lsp demo`: the main job before one's eyes. A real file with a failing check, a tiny
editor, the real server, and a real model; only `--replay` plays a script, and says so.
"""

from __future__ import annotations

import argparse
import asyncio
import difflib
import os
import subprocess
import sys
import tempfile
from contextlib import nullcontext
from pathlib import Path

from codex_lsp.cli.demo_editor import ServerFailed, open_editor
from codex_lsp.cli.demo_models import Answerer, choose, embedded, replaying

NAME, CHECK = "scores.py", "check_scores.py"
LINE = 8
SOURCE = '''\
"""Scores of a game."""


def largest(numbers):
    """The largest number of a list."""
    best = numbers[0]
    for number in numbers:
        if number < best:
            best = number
    return best
'''
CHECK_SOURCE = """\
import sys

from scores import largest

for numbers, expected in [([3, 9, 4], 9), ([-5, -2], -2), ([7], 7)]:
    got = largest(numbers)
    if got != expected:
        sys.exit(f"largest({numbers}) returned {got}, expected {expected}")
print("every score is right")
"""
PATCH = """\
*** Begin Patch
*** Update File: scores.py
@@ def largest(numbers):
     for number in numbers:
-        if number < best:
+        if number > best:
             best = number
*** End Patch
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    way = parser.add_mutually_exclusive_group()
    way.add_argument(
        "--embedded", action="store_true", help="use the embedded model, whatever else is there"
    )
    way.add_argument(
        "--replay", action="store_true", help="play one prepared answer; no model is asked"
    )


def run(args: argparse.Namespace) -> int:
    """Show it; returns 0 when the check passes at the end."""
    from codex_lsp.responses.embedded.weights import WeightsError

    script = replaying(PATCH) if args.replay else nullcontext()
    try:
        with script as answerer, tempfile.TemporaryDirectory(prefix="codex-lsp-demo-") as folder:
            return asyncio.run(_play(Path(folder).resolve(), answerer, toy=args.embedded))
    except (WeightsError, ServerFailed, TimeoutError) as error:
        print(f"\nThe demo ends here. {error or 'Nothing answered in time.'}", file=sys.stderr)
        return 1


async def _play(folder: Path, answerer: Answerer | None, *, toy: bool) -> int:
    path = folder / NAME
    path.write_text(SOURCE, encoding="utf-8")
    (folder / CHECK).write_text(CHECK_SOURCE, encoding="utf-8")
    _step(1, f"A file with a bug: {path}")
    _quote(SOURCE)
    _step(2, f"Its check fails: python {CHECK}")
    problem = await check(SOURCE)
    assert problem is not None  # noqa: S101 - the bug is ours
    _quote(_coloured(f"✗ {problem}", _RED))
    _step(3, "Who can fix it?")
    found = answerer or (None if toy else await choose())
    if not found and not toy:
        _quote("Nobody is signed in, and no model server was found on this machine.")
    chosen = found or embedded()
    _quote(f"{chosen.said}.")
    _step(4, "An editor starts `codex-lsp serve`; the person picks the first code action")
    text = await _fix(path, problem, chosen)
    if text == SOURCE:
        _step(5, "Nothing was changed.")
    else:
        _step(5, "One edit came, and was made in the unsaved buffer:")
        _quote(_diff(SOURCE, text))
    _step(6, f"Saved, and checked again: python {CHECK}")
    left = await check(text)
    _quote(_coloured(f"✗ {left}", _RED) if left else _coloured("✓ it passes", _GREEN))
    print(f"\n{chosen.epilogue}".rstrip())
    if left:
        print("It did not work this time. The embedded toy can be tried: codex-lsp demo --embedded")
    print("For your editor: README.md. To sign in: codex-lsp login.")
    return 1 if left else 0


async def _fix(path: Path, problem: str, answerer: Answerer) -> str:
    """Do as the person does; the text at the end, which is saved."""
    environ = {**os.environ, **answerer.environ}
    with path.with_suffix(".log").open("w+b") as log:
        try:
            async with open_editor(
                path, answerer.options, environ=environ, log=log, check=check, show=_quote
            ) as editor:
                actions = await editor.fixes(LINE - 1, problem)
                _quote(f"offered: {', '.join(action['title'] for action in actions)}")
                await editor.run(actions[0])
                editor.save()
                return editor.text
        except (ServerFailed, TimeoutError):
            log.seek(0)
            _quote("the server's log:\n" + log.read().decode(errors="replace"))
            raise


async def check(text: str) -> str | None:
    """What is wrong with `text` by the check, run in a folder of its own; None if nothing."""
    return await asyncio.to_thread(_run_check, text)


def _run_check(text: str) -> str | None:
    with tempfile.TemporaryDirectory(prefix="codex-lsp-check-") as folder:
        Path(folder, NAME).write_text(text, encoding="utf-8")
        Path(folder, CHECK).write_text(CHECK_SOURCE, encoding="utf-8")
        try:
            ran = subprocess.run(
                [sys.executable, "-B", CHECK],
                cwd=folder,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=10,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return "it does not come to an end"
    said = ran.stderr.strip().splitlines() or ["it failed and said nothing"]
    return None if ran.returncode == 0 else said[-1]


_RED, _GREEN, _BOLD = 31, 32, 1


def _diff(old: str, new: str) -> str:
    lines = difflib.unified_diff(old.splitlines(), new.splitlines(), NAME, NAME, lineterm="")
    colours = {"+": _GREEN, "-": _RED}
    return "\n".join(_coloured(line, colours.get(line[:1], 0)) for line in lines)


def _coloured(text: str, colour: int) -> str:
    if not colour or not sys.stdout.isatty() or os.environ.get("NO_COLOR"):
        return text
    return f"\x1b[{colour}m{text}\x1b[0m"


def _step(number: int, text: str) -> None:
    print(_coloured(f"\n{number}. {text}", _BOLD), flush=True)


def _quote(text: str) -> None:
    print("\n".join(f"   {line}" for line in text.splitlines()), flush=True)
