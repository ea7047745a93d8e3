"""TS2 over real pipes: mangled streams, and after each of them the process still serves."""

from __future__ import annotations

import os
import random
import sys

from codex_lsp.lsp.connection.frames import Framer, Oversize
from tests.doubles.raw_client import RawClient
from tests.lsp.conformance.probe import COMMAND
from tests.lsp.test_frames import mangled, owed

ROUNDS = int(os.environ.get("CODEX_LSP_FUZZ", "5000")) // 10


def completing(data: bytes) -> bytes | None:
    """The bytes that complete the last frame of `data`; None where that would end the session."""
    framer = Framer()
    try:
        list(framer.feed(data))
    except Oversize:
        return None
    return b"\0" * owed(framer) + b"\r\n" if owed(framer) < 1 << 20 else None


def test_mangled_streams_do_not_stop_a_process() -> None:
    with RawClient(COMMAND) as client:
        client.initialize()
        before = client.call("codex/resident")["result"] if sys.platform == "linux" else 0
        for seed in range(ROUNDS):
            data = mangled(random.Random(seed))
            if (rest := completing(data)) is None:
                continue
            client.send_bytes(data + rest)
            client.request("codex/echo")  # may be swallowed as the end of the last header
            assert client.call("codex/echo")["result"] == {}, f"seed {seed}"
        if sys.platform == "linux":
            assert client.call("codex/resident")["result"] - before < 50 << 20
        assert client.leave() == 0
