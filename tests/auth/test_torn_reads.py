"""Reading while an older Codex truncates and rewrites the file: never a sign-out, never an error.

`CODEX_LSP_READS` sets how many reads.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

from codex_lsp.auth import files
from codex_lsp.auth.files import LocalFiles
from codex_lsp.auth.lock import KernelLock
from codex_lsp.auth.record import ChatGpt
from codex_lsp.auth.source import SystemClock
from codex_lsp.auth.store import FileStore
from tests.auth.authority import EPOCH, Authority
from tests.auth.explorer import parsing_remembered

pytestmark = pytest.mark.timeout(600)  # busy machines are slow

READS = int(os.environ.get("CODEX_LSP_READS", "200000"))

WRITER = """
import os, sys, time

path, contents = sys.argv[1], [open(name, "rb").read() for name in sys.argv[2:]]
print("ready", flush=True)
parent = os.getppid()
while os.getppid() == parent:
    for content in contents:
        with open(path, "wb") as file:  # truncates
            time.sleep(0.0001)
            file.write(content)
        time.sleep(0.002)
"""


class ShortNaps(SystemClock):
    """Waits less than it is asked to, so that the reader is at the file nearly all the time."""

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(min(seconds, 0.0005))


class InlineFiles(LocalFiles):
    """Reads without a thread, so that there can be very many of them; counts the torn ones."""

    torn = 0

    async def resolve(self, path: Path) -> Path:
        return path

    async def read(self, path: Path) -> bytes | None:
        data = files._read(path)
        if data is not None and not data.endswith(b"}"):
            self.torn += 1
        return data


async def test_no_read_beside_a_truncating_writer_is_a_sign_out(tmp_path: Path) -> None:
    authority = Authority()
    logins = [authority.sign_in(name, now=EPOCH) for name in ("alice", "bob")]
    for name, login in zip(("one", "two"), logins, strict=True):
        (tmp_path / name).write_bytes(login.record(at=EPOCH))
    path = tmp_path / "auth.json"
    path.write_bytes(logins[0].record(at=EPOCH))
    disk = InlineFiles()
    store = FileStore(path, disk, ShortNaps(), KernelLock)
    writer = subprocess.Popen(  # noqa: ASYNC220 - it only starts
        [sys.executable, "-c", WRITER, path, tmp_path / "one", tmp_path / "two"],
        stdout=subprocess.PIPE,
    )
    try:
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"ready\n"
        seen = set()
        with parsing_remembered():
            for _ in range(READS):
                record = (await store.load()).record
                assert isinstance(record, ChatGpt)
                seen.add(record.identity.account)
    finally:
        writer.kill()
        writer.communicate()
    assert seen == {"alice", "bob"}
    assert disk.torn > READS / 1000, "the writer was never met half way"
