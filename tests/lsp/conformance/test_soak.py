"""TS7, on demand: CODEX_LSP_SOAK=300 types for so many seconds while progress streams.

Prints the time from a keystroke to the code action for it, and what memory did; asserts only what
must hold on any machine: the text is right, memory does not grow, nothing was complained of.
"""

from __future__ import annotations

import os
import sys
import time

import pytest

from tests.doubles.raw_client import RawClient
from tests.lsp.conformance.probe import COMMAND

SECONDS = float(os.environ.get("CODEX_LSP_SOAK", "0"))
URI = "file:///soak.py"
POINT = {"line": 0, "character": 0}
ACTION = {
    "textDocument": {"uri": URI},
    "range": {"start": POINT, "end": POINT},
    "context": {"diagnostics": []},
}


@pytest.mark.on_demand("CODEX_LSP_SOAK")
@pytest.mark.timeout(SECONDS + 300)
def test_typing_while_a_turn_streams() -> None:
    with RawClient(COMMAND) as client:
        client.initialize()
        text = "x = 1\n" * 20_000
        item = {"uri": URI, "languageId": "python", "version": 0, "text": text}
        client.notify("textDocument/didOpen", {"textDocument": item})
        client.call("codex/flood", {"total": 1_000_000})
        before = client.call("codex/resident")["result"] if sys.platform == "linux" else 0
        waits, start, typed = [], time.monotonic(), 0
        while (now := time.monotonic()) < start + SECONDS:
            typed += 1
            change = {"range": {"start": POINT, "end": POINT}, "text": "k"}
            version = {"uri": URI, "version": typed}
            params = {"textDocument": version, "contentChanges": [change]}
            if typed % 20 == 1:
                client.request("codex/flood", {"total": 200_000})
            client.notify("textDocument/didChange", params)
            client.call("textDocument/codeAction", ACTION)
            waits.append(time.monotonic() - now)
            if typed % 1000 == 0:
                client.received.clear()
            time.sleep(max(0.0, 0.05 - waits[-1]))
        waits.sort()
        middle, most = waits[len(waits) // 2], waits[len(waits) * 99 // 100]
        print(f"\n{typed} keys: p50 {middle * 1000:.1f} ms, p99 {most * 1000:.1f} ms")
        assert client.call("codex/text", {"uri": URI})["result"]["text"] == "k" * typed + text
        if sys.platform == "linux":
            grown = client.call("codex/resident")["result"] - before
            print(f"memory grew by {grown >> 10} KiB")
            assert grown < 16 << 20
        assert client.leave() == 0
        assert client.stderr == ""
