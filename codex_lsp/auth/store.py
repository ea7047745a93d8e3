"""The credentials file, shared with Codex: read with patience, written by exchanging names.

The new content is staged beside the file and the two names change places, so that whatever we
displaced is still there to be looked at, and put back if it is not what we had read. Codex's own
two locks are held around that moment only, as a courtesy: older versions know no locks, and
nothing here depends on them.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Hashable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path

from codex_lsp.auth.errors import Busy, StoreUnusable
from codex_lsp.auth.lock import held
from codex_lsp.auth.ports import Clock, Files, Locks, Observe, Step, unobserved
from codex_lsp.auth.record import Snapshot, Torn, read_record

TORN_PATIENCE = 2.0
"""Seconds a writer may take between truncating the file and having written it."""

_COURTESY = 5.0
_PAUSE, _LONGEST_PAUSE = 0.01, 0.2
_SWAPS = 20
SUFFIX = ".codex-lsp"
"""Follows the name of the credentials file in the names of our own files beside it."""


class FileStore:
    """`TokenStore` in a file. `polite` takes the locks that Codex takes around its writes."""

    name = "file"

    def __init__(
        self,
        path: Path,
        files: Files,
        clock: Clock,
        locks: Locks,
        *,
        polite: bool = True,
        observe: Observe = unobserved,
    ) -> None:
        self._path = path
        self._files = files
        self._clock = clock
        self._locks = locks
        self._polite = polite
        self._observe = observe

    async def beside(self) -> Path:
        """The credentials file itself, every link followed."""
        try:
            return await self._files.resolve(self._path)
        except (OSError, RuntimeError) as error:
            raise StoreUnusable(
                f"{self._path} cannot be followed: it may be a link to itself. Repair the link.",
                detail=repr(error),
            ) from error

    async def stamp(self) -> Hashable:
        """Changes when the file does."""
        try:
            return await self._files.stamp(self._path)
        except OSError as error:
            return ("unreadable", error.errno)

    async def load(self) -> Snapshot:
        """The file, read with patience for its writer."""
        target = await self.beside()
        content = await self._settled(target)
        if content.torn:
            raise Busy(
                f"{target} is empty or half written. If no other program is signing in right "
                "now, sign in again."
            )
        return content

    async def staged(self) -> Snapshot:
        """What lies beside the file."""
        return await self._settled(_aside(await self.beside(), "pending"))

    async def stage(self, data: bytes) -> None:
        """Lay `data` beside the file, whole or not at all, and durable."""
        target = await self.beside()
        draft, pending = _aside(target, "tmp"), _aside(target, "pending")
        with _writing(target):
            await self._files.remove(draft)
            await self._files.create(draft, data, like=target)
            await self._files.replace(draft, pending)
            await self._files.sync(target.parent)

    async def unstage(self) -> None:
        """Remove what lies beside the file."""
        target = await self.beside()
        with _writing(target):
            await self._files.remove(_aside(target, "tmp"))
            if await self._files.remove(_aside(target, "pending")):
                await self._files.sync(target.parent)

    async def swap(self, expected: Snapshot) -> None:
        """See `TokenStore.swap`: compare, exchange, inspect."""
        target = await self.beside()
        with _writing(target):
            async with self._courtesy():
                self._observe(Step.COMPARE, "before")
                same = (await self._files.read(target)) == expected.data
                self._observe(Step.COMPARE, "after")
                if same:
                    await self._exchange(target, _aside(target, "pending"), expected.data)

    async def save(self, data: bytes) -> None:
        """Replace the file with a new sign-in."""
        target = await self.beside()
        with _writing(target):
            await self._files.make_folder(target.parent)
            async with self._courtesy():
                await self._back_up_unreadable(target)
                draft = _aside(target, "tmp")
                await self._files.remove(draft)
                await self._files.create(draft, data, like=target)
                await self._files.replace(draft, target)
                await self._files.sync(target.parent)

    async def delete(self) -> bool:
        """Remove the file."""
        target = await self.beside()
        with _writing(target):
            async with self._courtesy():
                existed = await self._files.remove(target)
                if existed:
                    await self._files.sync(target.parent)
        return existed

    async def _exchange(self, target: Path, pending: Path, expected: bytes | None) -> None:
        """Swap the names until what comes out is what was there: so the last writer's stays in."""
        inserted = await self._files.read(pending)
        for _ in range(_SWAPS):
            self._observe(Step.EXCHANGE, "before")
            try:
                swapped = await self._files.exchange(pending, target)
            except FileNotFoundError:
                return  # signed out in this very moment: there is nothing to change places with
            if not swapped:
                await self._files.replace(pending, target)
            await self._files.sync(target.parent)
            self._observe(Step.EXCHANGE, "after")
            self._observe(Step.INSPECT, "before")
            displaced = await self._settled(pending) if swapped else Snapshot(expected)
            self._observe(Step.INSPECT, "after")
            if displaced.torn or displaced.data == expected:
                return  # as expected; or its writer died half way, and ours is whole
            inserted, expected = displaced.data, inserted
        raise Busy

    async def _settled(self, path: Path) -> Snapshot:
        """The content once it can be read whole: an empty or torn file is one being written."""
        deadline = self._clock.monotonic() + TORN_PATIENCE
        pause = _PAUSE
        while True:
            try:
                data = await self._files.read(path)
                return read_record(data)
            except Torn:
                if self._clock.monotonic() >= deadline:
                    return Snapshot(data, torn=True)
            except OSError as error:
                raise StoreUnusable(
                    f"{path} cannot be read ({error.strerror or error}). Check its permissions.",
                    detail=repr(error),
                ) from error
            await self._clock.sleep(pause)
            pause = min(pause * 1.5, _LONGEST_PAUSE)

    async def _back_up_unreadable(self, target: Path) -> None:
        """Keep a copy of what a new sign-in would overwrite without having understood it."""
        data = await self._files.read(target)
        try:
            read_record(data)
        except Torn:
            backup = _aside(target, "backup")
            await self._files.remove(backup)
            await self._files.create(backup, data or b"", like=target)

    @asynccontextmanager
    async def _courtesy(self) -> AsyncIterator[None]:
        """Codex's locks, in its order; a holder that hangs is not waited for long."""
        async with AsyncExitStack() as stack:
            if self._polite:
                for name in ("auth.lock", f"{self._path.name}.lock"):
                    lock = self._locks(self._path.parent / name)
                    try:
                        await stack.enter_async_context(held(lock, self._clock, seconds=_COURTESY))
                    except (Busy, StoreUnusable):
                        break
            yield


def _aside(target: Path, what: str) -> Path:
    return target.with_name(f"{target.name}{SUFFIX}.{what}")


@contextmanager
def _writing(target: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StoreUnusable(
            f"The credentials could not be written beside {target} "
            f"({error.strerror or error}). Make room for them there and try again.",
            detail=repr(error),
        ) from error
