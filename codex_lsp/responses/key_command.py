"""A provider's key from a program that the person named in their own config.toml.

Only the files of the system and of the person can name one, and the options of the command line. It
is run without a shell, when a request needs the key, and never in a folder of the workspace.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import Callable
from pathlib import Path

from codex_lsp.auth.errors import Refused
from codex_lsp.auth.tokens import Bearer, Secret
from codex_lsp.config.codex_toml import AuthCommand

_LARGEST = 64 * 1024


class CommandKey:
    """A `TokenSource`; `origin` says to the person where the program is named."""

    def __init__(
        self,
        command: AuthCommand,
        origin: str,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._command = command
        self._origin = origin
        self._clock = clock
        self._running = asyncio.Lock()
        self._key: Bearer | None = None
        self._since = 0.0

    async def current(self) -> Bearer:
        """The key; the program is run where there is none yet, or the last one is old."""
        async with self._running:
            age = self._clock() - self._since
            if self._key is not None and not 0 < self._command.refresh <= age:
                return self._key
            return await self._again()

    async def replace(self, rejected: Bearer) -> Bearer:
        """Another key than the one that was refused; raises `AuthError` where there is none."""
        async with self._running:
            if self._key is not None and self._key != rejected:
                return self._key
            fresh = await self._again()
        if fresh == rejected:
            raise Refused(f"The key that {self._origin} prints is not accepted.")
        return fresh

    async def _again(self) -> Bearer:
        said = await self._run()
        key = said.decode("utf-8", "replace").strip()
        if not key or any(char.isspace() or not char.isprintable() for char in key):
            raise Refused(f"{self._origin} has to print a key, and nothing else.")
        self._key, self._since = Bearer("api_key", Secret(key)), self._clock()
        return self._key

    async def _run(self) -> bytes:
        """What the program prints; its errors are not read, since they may hold secrets."""
        folder = self._command.cwd or Path.home()
        name, *arguments = self._command.argv
        if os.path.dirname(name):  # noqa: PTH120 - a name on PATH is no path
            name = str(folder / name)
        try:
            process = await asyncio.create_subprocess_exec(
                name,
                *arguments,
                cwd=folder,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
            )
        except OSError as error:
            raise Refused(f"{self._origin} cannot be run: {error.strerror}.") from error
        try:
            async with asyncio.timeout(self._command.timeout):
                said, _ = await process.communicate()
        except TimeoutError:
            raise Refused(
                f"{self._origin} took longer than {self._command.timeout:g} s (timeout_ms)."
            ) from None
        finally:
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
                await process.wait()
        if process.returncode != 0:
            raise Refused(f"{self._origin} failed with exit code {process.returncode}.")
        return said[:_LARGEST]
