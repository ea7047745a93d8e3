"""One sign-in at a time on a machine, by a kernel lock that dies with its holder.

A newer sign-in asks the older one to end, since the person is at the newer one.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from codex_lsp.auth.errors import StoreUnusable
from codex_lsp.auth.lock import KernelLock
from codex_lsp.auth.login.failures import AlreadyUnderWay

_POLL = 0.05  # seconds


@asynccontextmanager
async def only_sign_in(
    lock_file: Path, *, ask_to_end: Callable[[], Awaitable[None]], patience: float = 3.0
) -> AsyncIterator[None]:
    """Hold the machine's one sign-in; raises `AlreadyUnderWay` after `patience` seconds."""
    try:
        lock_file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise StoreUnusable(
            f"The folder {lock_file.parent} cannot be made ({error.strerror}). Make it, or set "
            "CODEX_HOME to one that you can write."
        ) from error
    lock = KernelLock(lock_file)
    if not await lock.try_acquire():
        await ask_to_end()
        await _wait_for(lock, patience)
    try:
        yield
    finally:
        await lock.release()


async def _wait_for(lock: KernelLock, patience: float) -> None:
    for _ in range(round(patience / _POLL)):
        await asyncio.sleep(_POLL)
        if await lock.try_acquire():
            return
    raise AlreadyUnderWay(
        "A sign-in is under way in another window. Finish it there, or close it and try again."
    )
