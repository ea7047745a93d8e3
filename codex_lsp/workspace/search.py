"""Looks for a pattern in what the agent may see: the open documents as they are in the editor, and
all other files on disk, those by ripgrep where there is one.

What ripgrep finds is held against the same rules as everything else that is shown, and what an open
document covers is not taken from the disk. No configuration of ripgrep is read.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import shutil
import sys
from collections.abc import AsyncGenerator, Iterable, Iterator
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from codex_lsp.workspace import grep
from codex_lsp.workspace.disk import MAX_FILE_BYTES
from codex_lsp.workspace.snapshot import BufferText, Snapshot
from codex_lsp.workspace.tree import files, may_be_seen

SECONDS = 20.0
MOST_FILES = 100_000
_LONGEST_LINE = 1 << 24  # of what a search program writes


@dataclass(frozen=True, slots=True)
class Query:
    """`pattern` is a regular expression, or, if `literal`, the text itself. `below` is a file or a
    folder (resolved, in a root); `glob` bounds the names, by the rules of `.gitignore`.
    """

    pattern: str
    below: Path
    glob: str | None = None
    literal: bool = False
    any_case: bool = False


@dataclass(frozen=True, slots=True)
class Match:
    """A line that matches, from 1; a long one is told in part."""

    path: Path
    line: int
    text: str


@dataclass(slots=True)
class Found:
    """What was found; `cut`: there is more, `late`: time was up first."""

    matches: list[Match] = field(default_factory=list)
    cut: bool = False
    late: bool = False


class BadPattern(Exception):
    """The pattern is no regular expression; `str()` says why."""


async def search(snapshot: Snapshot, query: Query, *, most: int, rg: str | None = None) -> Found:
    """The first `most` lines that match; raises `BadPattern`. `rg`: where ripgrep is, for tests."""
    flags = re.IGNORECASE if query.any_case else 0
    try:
        re.compile(query.pattern, 0 if query.literal else flags)
    except (re.error, OverflowError, RecursionError) as error:
        if not query.literal:
            raise BadPattern(str(error)) from error
    found = Found()
    program = rg if rg is not None else ripgrep(snapshot)
    try:
        async with asyncio.timeout(SECONDS):
            async with aclosing(_matches(snapshot, query, program)) as matches:
                async for match in matches:
                    if len(found.matches) >= most:
                        found.cut = True
                        break
                    found.matches.append(match)
    except TimeoutError:
        found.late = True
    return found


def ripgrep(snapshot: Snapshot) -> str | None:
    """Where ripgrep is; one that the workspace brings along does not count."""
    program = shutil.which("rg")
    if program is None or any(Path(program).resolve().is_relative_to(r) for r in snapshot.roots):
        return None
    return program


async def _matches(snapshot: Snapshot, query: Query, program: str | None) -> AsyncGenerator[Match]:
    wanted = _Wanted(snapshot, query)
    texts = [(str(path), buffer.text) for path, buffer in wanted.buffers()]
    if texts:
        async with aclosing(_by_python(query, texts, [])) as ours:
            async for match in ours:
                yield match
    if program:
        try:
            async with aclosing(_by_ripgrep(query, program)) as theirs:
                async for match in theirs:
                    if await asyncio.to_thread(wanted.from_disk, match.path):
                        yield match
        except _Failed:  # its patterns know less than Python's
            program = None
    if not program:
        on_disk = await asyncio.to_thread(lambda: [(str(p), str(p)) for p in wanted.on_disk()])
        async with aclosing(_by_python(query, [], on_disk)) as ours:
            async for match in ours:
                yield match


class _Failed(Exception):
    """A search program gave up before it told anything."""


class _Wanted:
    """Which files a query is about."""

    def __init__(self, snapshot: Snapshot, query: Query) -> None:
        self._snapshot = snapshot
        self._query = query
        self._root = next(r for r in snapshot.roots if query.below.is_relative_to(r))
        self._seen: dict[Path, bool] = {}
        self._glob = None
        if query.glob:
            from pathspec import GitIgnoreSpec  # noqa: PLC0415 - only where it is needed

            self._glob = GitIgnoreSpec.from_lines([query.glob])

    def buffers(self) -> Iterator[tuple[Path, BufferText]]:
        for path, buffer in self._snapshot.buffers.items():
            inside = path.is_relative_to(self._query.below)
            if inside and self._named(path) and may_be_seen(path, self._root):
                yield path, buffer

    def on_disk(self) -> Iterator[Path]:
        below = self._query.below
        found: Iterable[Path] = files(self._snapshot, below)
        if below.is_file():
            found = [below] if may_be_seen(below, self._root, is_open=False) else []
        for number, path in enumerate(found):
            if number >= MOST_FILES:
                return
            if path not in self._snapshot.buffers and self._named(path):
                yield path

    def from_disk(self, path: Path) -> bool:
        """Whether what was found in the file at `path` may be told."""
        if path not in self._seen:
            self._seen[path] = (
                path not in self._snapshot.buffers
                and path.resolve() == path
                and self._named(path)
                and may_be_seen(path, self._root, is_open=False)
            )
        return self._seen[path]

    def _named(self, path: Path) -> bool:
        name = path.relative_to(self._root).as_posix()
        return self._glob is None or self._glob.match_file(name)


async def _by_python(
    query: Query, texts: list[tuple[str, str]], on_disk: list[tuple[str, str]]
) -> AsyncGenerator[Match]:
    asked = {
        "pattern": re.escape(query.pattern) if query.literal else query.pattern,
        "flags": int(re.IGNORECASE if query.any_case else 0),
        "texts": texts,
        "files": on_disk,
        "largest": MAX_FILE_BYTES,
    }
    command = [sys.executable, "-I", grep.__file__]
    async with aclosing(_lines(command, json.dumps(asked).encode())) as lines:
        async for line in lines:
            name, number, text = json.loads(line)
            yield Match(Path(name), number, text)


async def _by_ripgrep(query: Query, program: str) -> AsyncGenerator[Match]:
    command = [
        program, "--json", "--no-config", "--no-require-git", "--no-ignore-parent",
        "--no-ignore-dot", "--no-ignore-global", "--no-ignore-exclude", "--hidden",
        "--glob=!.git", "--no-follow", "--sort=path", f"--max-filesize={MAX_FILE_BYTES}",
        *(["--fixed-strings"] if query.literal else []),
        *(["--ignore-case"] if query.any_case else ["--case-sensitive"]),
        f"--regexp={query.pattern}", "--", str(query.below),
    ]  # fmt: skip
    async with aclosing(_lines(command, b"")) as lines:
        async for line in lines:
            match json.loads(line):
                case {
                    "type": "match",
                    "data": {
                        "path": {"text": str(path)},
                        "line_number": int(number),
                        "lines": {"text": str(text)},
                    },
                }:
                    yield Match(Path(path), number, text.rstrip("\r\n")[: grep.SHOWN])


async def _lines(command: list[str], given: bytes) -> AsyncGenerator[bytes]:
    """What a program writes, line by line; it is stopped when nobody listens any more."""
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        limit=_LONGEST_LINE,
    )
    told = False
    feeding = asyncio.ensure_future(_feed(cast("asyncio.StreamWriter", process.stdin), given))
    try:
        async for line in cast("asyncio.StreamReader", process.stdout):
            told = True
            yield line
        if await process.wait() > 1 and not told:
            raise _Failed
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        feeding.cancel()
        await asyncio.gather(feeding, return_exceptions=True)
        await process.wait()


async def _feed(pipe: asyncio.StreamWriter, data: bytes) -> None:
    with contextlib.suppress(OSError):  # it may stop listening
        pipe.write(data)
        await pipe.drain()
        pipe.close()
