"""Markdown pages of ours that the person reads or fills in, kept in the state directory.

An answer streams into its page. Once a buffer covers the page, it grows through the editor only;
until then it grows on disk. A page to fill in is sent when the person saves it.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

from codex_lsp.agent.ports import Applied, ChangeFile, Editor
from codex_lsp.edits.text import TextEdit
from codex_lsp.lsp.person.harmless import Harmless
from codex_lsp.workspace.snapshot import BufferText

FLUSH_SECONDS = 0.25
POLL_SECONDS = 0.5
WAIT_SECONDS = 30 * 60
SEND = "SEND"
MARK = f"<!-- Write below. To send it, end with a line that says {SEND}, and save it. -->"
KEPT = 50


def quoted(text: str) -> str:
    """Text of others, as a quotation above the place to write."""
    lines = text.replace("<!--", "<! --").splitlines()  # the mark is ours alone
    return "".join(f"> {line}\n" for line in lines) + "\n"


def state_directory() -> Path:
    """Where pages are kept: the usual place for state of the operating system."""
    if named := os.environ.get("XDG_STATE_HOME"):
        return Path(named) / "codex-lsp"
    if os.name == "nt" and (local := os.environ.get("LOCALAPPDATA")):
        return Path(local) / "codex-lsp"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "codex-lsp"
    return Path.home() / ".local" / "state" / "codex-lsp"


def new_page(folder: Path, stem: str, text: str, suffix: str = ".md") -> Path:
    """Make a page with `text`, readable by the person only; the oldest ones are cleared away."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    _clear_old(folder, suffix)
    # Buffers are known by their resolved paths; a home folder may be reached through a link.
    path = folder.resolve() / f"{stem}-{time.time_ns():x}{suffix}"
    created = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    with os.fdopen(created, "w", encoding="utf-8") as file:
        file.write(text)
    return path


class Answer:
    """A page that grows. `buffer` gives the open document that covers it, if there is one; `grown`
    is called with its path when the file has grown.
    """

    def __init__(
        self,
        path: Path,
        editor: Editor,
        buffer: Callable[[Path], BufferText | None],
        grown: Callable[[Path], Awaitable[None]],
    ) -> None:
        self._path = path
        self._editor = editor
        self._buffer = buffer
        self._grown = grown
        self._pending = ""
        self._harmless = Harmless()
        self._wake = asyncio.Event()
        self._finished = asyncio.Event()

    def write(self, text: str) -> None:
        """Add `text`; it is shown a moment later, together with what comes meanwhile."""
        self._pending += self._harmless.take(text)
        self._wake.set()

    def restart(self) -> None:
        """What was written since the last flush is void; what is shown already is marked so."""
        self._pending = self._harmless.close()
        self.write("\n\n*(The connection was lost here; the answer begins again.)*\n\n")

    async def grow(self) -> None:
        """Show what is written, until `finish` is called and all is shown."""
        while not self._finished.is_set():
            await self._wake.wait()
            self._wake.clear()
            await self.flush()
            with suppress(TimeoutError):
                async with asyncio.timeout(FLUSH_SECONDS):
                    await self._finished.wait()
        await self.flush()

    def finish(self) -> None:
        """Nothing more will be written."""
        self._pending += self._harmless.rest()
        self._finished.set()
        self._wake.set()

    @property
    def unshown(self) -> str:
        """What the editor did not take."""
        return self._pending

    async def flush(self) -> None:
        """Show what is pending now."""
        addition, self._pending = self._pending, ""
        if not addition:
            return
        buffer = self._buffer(self._path)
        if buffer is None:
            await asyncio.to_thread(_append, self._path, addition)
            await self._grown(self._path)
            return
        end = len(buffer.text)
        change = ChangeFile(self._path, buffer, (TextEdit(end, end, addition),))
        if not isinstance(await self._editor.apply(change, label="Codex"), Applied):
            self._pending = addition + self._pending


async def filled_in(path: Path, shown: str, *, wait: float = WAIT_SECONDS) -> str | None:
    """What the person wrote below the mark, once they said to send it; None if nothing, or never.

    Saving alone sends nothing: editors save by themselves. It is watched on disk, because not every
    editor tells us of a buffer that is no code. While it saves, the file may be missing or half
    written: what counts is what two looks agree on.
    """
    deadline = time.monotonic() + wait
    before: str | None = shown
    while time.monotonic() < deadline:
        await asyncio.sleep(POLL_SECONDS)
        text = await asyncio.to_thread(_read, path)
        if text == before and text is None:
            return None
        if text == before and text is not None and _is_sent(text):
            return _written(text, shown)
        before = text
    return None


def _is_sent(text: str) -> bool:
    return text.rstrip().rpartition("\n")[2].strip() == SEND


def _written(text: str, shown: str) -> str | None:
    """The part of a page that is the person's; they may have taken out what was there."""
    text = text.rstrip().removesuffix(SEND)
    _, mark, below = text.partition(MARK)
    if not mark:
        below = "\n".join(line for line in text.splitlines() if line not in shown.splitlines())
    return below.strip() or None


def _read(path: Path) -> str | None:
    try:
        return path.read_text("utf-8", errors="replace")
    except OSError:
        return None


def _append(path: Path, text: str) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.write(text)


def _clear_old(folder: Path, suffix: str) -> None:
    with suppress(OSError):  # another window clears away too
        pages = sorted(folder.glob(f"*{suffix}"), key=lambda page: page.stat().st_mtime)
        for page in pages[:-KEPT]:
            page.unlink()
