"""TS4: a client that stops reading. The loop goes on, memory stays bounded, order is kept."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from codex_lsp.lsp.connection.transport import LIMIT, SPARE
from tests.doubles.raw_client import RawClient, wait_for_file
from tests.lsp.conformance.probe import COMMAND

MIB = 1 << 20


def reports(client: RawClient) -> list[Any]:
    return [m["params"]["value"] for m in client.received if m.get("method") == "$/progress"]


def test_progress_of_50_mb_to_a_client_that_does_not_read(tmp_path: Path) -> None:
    with RawClient(COMMAND) as client:
        client.initialize()
        client.call("codex/echo")
        client.stop_reading()
        flood = client.request("codex/flood", {"total": 50 * MIB})
        client.notify("codex/touch", {"path": str(tmp_path / "alive")})
        wait_for_file(tmp_path / "alive")
        ask = client.request("codex/echo", {"a": 1})
        client.resume_reading()
        waiting = client.answer(flood)["result"]
        assert waiting < SPARE + MIB
        assert client.answer(ask)["result"] == {"a": 1}
        values = reports(client)
        assert values[0]["kind"] == "begin"
        assert values[-1]["kind"] == "end"
        numbers = [int(value["message"].split()[0]) for value in values[1:-1]]
        assert numbers == sorted(numbers)
        assert numbers[-1] == 50 * MIB // 1000 - 1
        assert client.leave() == 0


def test_a_stream_that_may_lose_nothing_waits_for_room(tmp_path: Path) -> None:
    with RawClient(COMMAND) as client:
        client.initialize()
        before = client.call("codex/resident")["result"] if sys.platform == "linux" else 0
        client.stop_reading()
        stream = client.request("codex/stream", {"total": 50 * MIB})
        client.notify("codex/touch", {"path": str(tmp_path / "alive")})
        wait_for_file(tmp_path / "alive")
        client.resume_reading()
        assert client.answer(stream)["result"] == "done"
        numbers = [
            m["params"]["number"] for m in client.received if m.get("method") == "codex/piece"
        ]
        assert numbers == list(range(50 * MIB // 1000))
        if sys.platform == "linux":
            assert client.call("codex/resident")["result"] - before < 64 * MIB


def test_a_client_that_never_reads_again_counts_as_gone() -> None:
    with RawClient(COMMAND) as client:
        client.initialize()
        client.call("codex/echo")
        client.stop_reading()
        client.notify("codex/overflow")
        assert client.process.wait(60) == 1
        assert f"{LIMIT // MIB} MiB are waiting" in client.stderr
