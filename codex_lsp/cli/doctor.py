"""`codex-lsp doctor`: says what works on this machine, what does not, and what to do about it.

It sends no credentials and no text anywhere; `--network` lets it see whether the model service can
be reached at all.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from codex_lsp import __version__
from codex_lsp.cli.configuration import add_options, configured

if TYPE_CHECKING:
    from codex_lsp.config.codex_toml import CodexToml

_MARKS = {"good": "ok  ", "note": "note", "bad": "FAIL"}


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report. `bad` findings make the exit code 1."""

    kind: Literal["good", "note", "bad"]
    subject: str
    text: str

    def __str__(self) -> str:
        return f"{_MARKS[self.kind]}  {self.subject}: {self.text}"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument(
        "--network", action="store_true", help="connect to the model service, sending nothing"
    )
    add_options(parser)


def run(args: argparse.Namespace) -> int:
    """Examine; returns 0 when nothing is bad."""
    return asyncio.run(_report(args))


async def _report(args: argparse.Namespace) -> int:
    worst = 0
    async for finding in examine(args):
        print(finding)
        worst = max(worst, finding.kind == "bad")
    return worst


async def examine(args: argparse.Namespace) -> AsyncIterator[Finding]:
    """What is found, one after the other."""
    yield Finding("good", "codex-lsp", f"{__version__} on Python {platform.python_version()}")
    async for finding in _about_home(args):
        yield finding
    yield await _about_commands()
    async for finding in _about_editors():
        yield finding
    if shutil.which("codex-lsp") is None:
        advice = "so editors need its full path; pipx ensurepath puts it there"
        yield Finding("note", "PATH", f"codex-lsp is not on it, {advice}")


async def _about_home(args: argparse.Namespace) -> AsyncIterator[Finding]:
    """What is shared with the Codex CLI: configuration, model, sign-in, and the locks for it."""
    from codex_lsp.config.home import BadHome, codex_home

    try:
        home = codex_home()
    except BadHome as error:
        yield Finding("bad", "CODEX_HOME", str(error))
        return
    there = "" if home.is_dir() else " (not there yet; signing in makes it)"
    yield Finding("good", "CODEX_HOME", f"{home}{there}")
    config = configured(args)
    for problem in config.problems:
        kind: Literal["note", "bad"] = "bad" if problem.severity == "error" else "note"
        yield Finding(kind, "config", str(problem))
    async for finding in _about_model(config, network=args.network):
        yield finding
    yield await _about_sign_in(config)
    yield await _about_locks(home if there == "" else home.parent)


async def _about_model(config: CodexToml, *, network: bool) -> AsyncIterator[Finding]:
    from codex_lsp.agent.events import Misconfigured
    from codex_lsp.net.failures import NetFailure
    from codex_lsp.responses.providers import resolve

    try:
        provider = resolve(config, os.environ)
    except Misconfigured as error:
        yield Finding("bad", "model", str(error))
        return
    yield Finding("good", "model", f"{provider.model} at {provider.name} ({provider.base})")
    if not network:
        return
    from codex_lsp.net.reach import reach

    try:
        status = await reach(provider.base)
    except NetFailure as error:
        yield Finding("bad", "network", str(error))
    else:
        yield Finding("good", "network", f"{provider.base} answers (status {status})")


async def _about_sign_in(config: CodexToml) -> Finding:
    from codex_lsp.auth.tokens import AuthError
    from codex_lsp.cli.credentials import open_credentials
    from codex_lsp.cli.status import described

    try:
        status = await open_credentials(config).status()
    except AuthError as error:
        return Finding("bad", "sign-in", str(error))
    if status.last_error is not None:
        return Finding("bad", "sign-in", status.last_error)
    return Finding("note" if status.kind == "none" else "good", "sign-in", described(status))


async def _about_commands() -> Finding:
    """What would hold back a command of the agent on this machine: it is tried."""
    from codex_lsp.sandbox.policy import Policy
    from codex_lsp.sandbox.runner import Runner

    runner = Runner(lambda _roots: Policy("workspace-write"), os.environ)
    try:
        with tempfile.TemporaryDirectory(prefix="codex-lsp-doctor-") as folder:
            found = await runner.confinement([await asyncio.to_thread(Path(folder).resolve)])
    except OSError as error:
        return Finding("note", "sandbox", f"cannot be tried ({error}); every command asks")
    finally:
        await runner.aclose()
    if found.name:
        return Finding("good", "sandbox", f"{found.name}: a command {found.holds}")
    advice = "install bubblewrap, or codex-lsp[sandbox]" if sys.platform == "linux" else "none here"
    return Finding("note", "sandbox", f"nothing holds commands back, so each asks ({advice})")


async def _about_editors() -> AsyncIterator[Finding]:
    from codex_lsp.cli.editor_setups import Wanted
    from codex_lsp.cli.editors_found import KINDS, found_editors

    any_there = False
    async for editor in found_editors(Wanted(dict(os.environ), Path.home(), ())):
        any_there = True
        yield Finding("good" if editor.ready else "note", editor.name, editor.text)
    if not any_there:
        names = ", ".join(kind.name for kind in KINDS)
        yield Finding("note", "editors", f"none of those we know is on PATH ({names})")


async def _about_locks(folder: Path) -> Finding:
    """Whether two processes would keep out of each other's way in this file system."""
    from codex_lsp.auth.lock import KernelLock
    from codex_lsp.auth.tokens import AuthError

    try:
        scratch = tempfile.TemporaryDirectory(dir=folder, prefix=".codex-lsp-doctor-")
    except OSError as error:
        advice = "make it writable, or set CODEX_HOME to a folder that is"
        text = f"{folder} cannot be written ({error.strerror}), so a sign-in is not kept; {advice}"
        return Finding("bad", "locks", text)
    with scratch:
        path = Path(scratch.name) / "lock"
        first, second = KernelLock(path), KernelLock(path)
        try:
            if not await first.try_acquire():
                return Finding("bad", "locks", f"a fresh lock in {folder} is taken already")
            free = await second.try_acquire()
        except AuthError as error:
            return Finding("bad", "locks", str(error))
        for lock in (first, second) if free else (first,):
            await lock.release()
    if free:
        return Finding("bad", "locks", f"locks in {folder} keep nobody out; move CODEX_HOME")
    return Finding("good", "locks", f"windows can share a sign-in in {folder}")
