"""Runs a model on this machine in a child process, asked in the words of `agent.small.repair`.

The child serves the Responses API on 127.0.0.1, at a random port and behind a random key, so it is
one more provider on the same wire. One child a fix: a second of loading, and no memory held in
between. Nothing is downloaded here.
"""

from __future__ import annotations

import asyncio
import importlib.util
import json
import os
import secrets
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from codex_lsp import __version__
from codex_lsp.agent.events import Misconfigured, Unreachable
from codex_lsp.agent.small.completion import asked
from codex_lsp.agent.small.repair import Completion
from codex_lsp.auth.tokens import Secret
from codex_lsp.responses.bearer import FixedKey
from codex_lsp.responses.body import PLAIN, Style
from codex_lsp.responses.client import Identity, ResponsesModel, connect
from codex_lsp.responses.embedded.weights import folder, kept
from codex_lsp.responses.providers import Provider

_START = 90.0
"""Seconds until a model of a few GB must be loaded, from a slow disk too."""
CONTEXT = 4_096
"""Tokens: the short flow's longest prompt and answer fit."""
_IDENTITY = Identity("codex_lsp", f"codex_lsp/{__version__}")


@asynccontextmanager
async def open_completion(weights: Path | None = None) -> AsyncIterator[Completion]:
    """A running model, by default the best that is kept; raises `ModelError`."""
    chosen = weights or next(iter(kept(folder())), None)
    if chosen is None:
        raise Misconfigured(
            "There is no local model yet. Get the toy one with `codex-lsp local fetch`, "
            "or a better one with `codex-lsp local add FILE.gguf`."
        )
    async with serving(chosen) as provider, connect(provider) as client:

        async def complete(prompt: str, temperature: float) -> str:
            style = Style(temperature=temperature)
            return await asked(
                ResponsesModel(provider, None, _IDENTITY, style=style, connect=lambda _: client),
                prompt,
            )

        yield complete


@asynccontextmanager
async def serving(weights: Path, *, context: int = CONTEXT) -> AsyncIterator[Provider]:
    """Serve `weights` for as long as the context is open; raises `ModelError`.

    `context`: how many tokens a request and its answer may have.
    """
    if importlib.util.find_spec("xllamacpp") is None:
        raise Misconfigured(
            "Local models need one more package: `pip install 'codex-lsp[local]'`, "
            "or, with pipx, `pipx inject codex-lsp xllamacpp`."
        )
    # By path and with -P: the workspace that we may run in can shadow none of its imports.
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-P",
        str(Path(__file__).with_name("child.py")),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        yield await _start(child, weights, context)
    finally:
        if child.returncode is None:
            child.kill()  # it holds nothing that needs saving
        await child.wait()


async def _start(child: asyncio.subprocess.Process, weights: Path, context: int) -> Provider:
    """Hand over the order (the key never stands in an argument list) and wait for the address."""
    assert child.stdin is not None  # noqa: S101 - a pipe, as asked for
    assert child.stdout is not None  # noqa: S101 - a pipe, as asked for
    key = secrets.token_urlsafe(32)
    # Half of the cores: threads that wait for one another spin, and on a busy machine one thread
    # for each core was measured to be ten times slower than a single one.
    threads = min(4, max(1, (os.cpu_count() or 1) // 2))
    order = {"model": str(weights), "name": weights.stem, "key": key, "threads": threads}
    order["context"] = context
    line = b""
    try:
        async with asyncio.timeout(_START):
            child.stdin.write(json.dumps(order).encode() + b"\n")
            await child.stdin.drain()
            line = await child.stdout.readline()
    except (TimeoutError, ConnectionError):
        pass  # said below, with all else that leaves us without an address
    if not line:
        raise Unreachable(
            f"The local model {weights.stem} did not start; the server's stderr says more. If the "
            f"file is broken, `codex-lsp local remove {weights.stem}` and get it again.",
            detail=f"exit code {child.returncode}",
        )
    base = f"{json.loads(line)['url']}/v1"
    name = f"{weights.stem} on this machine"
    source = FixedKey(Secret(key), "our own memory")
    return Provider("embedded", name, weights.stem, base, base, PLAIN, key=source)
