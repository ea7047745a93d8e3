"""How long the event loop is held while large files are edited under typing, in this process.

`python -m benchmarks.loop_gaps [--rounds N]`. The mirror takes the changes on the loop, as in the
server; a beat every half millisecond notes the longest pause.
"""

from __future__ import annotations

import asyncio
import sys
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any

from benchmarks.figures import Aim, alternate, conditions, options, report
from codex_lsp.agent.ports import Applied, ChangeFile
from codex_lsp.edits.text import TextEdit
from codex_lsp.lsp.capabilities import resolve_client
from codex_lsp.lsp.editing.buffers import OpenBuffers
from codex_lsp.lsp.editing.documents import Documents
from codex_lsp.lsp.editing.editor import LspEditor

GAP, WHOLE = "longest pause of the loop, ms", "an edit, proven, ms"
PATH = Path("/workspace/a.py")
CLIENT = {"capabilities": {"workspace": {"workspaceEdit": {"documentChanges": True}}}}


class Prompt:
    """A client that makes every edit at once."""

    def __init__(self, text: str) -> None:
        self.documents = Documents("utf-16")
        self.version = 1
        item = {"uri": PATH.as_uri(), "languageId": "python", "version": 1, "text": text}
        self.documents.did_open({"textDocument": item})

    def change(self, edits: list[dict[str, Any]]) -> None:
        self.version += 1
        changes = [{"range": edit["range"], "text": edit["newText"]} for edit in reversed(edits)]
        name = {"uri": PATH.as_uri(), "version": self.version}
        self.documents.did_change({"textDocument": name, "contentChanges": changes})

    async def ask(self, method: str, params: Any, *, timeout: float) -> object:  # noqa: ARG002, ASYNC109 - the seam's shape
        self.change(params["edit"]["documentChanges"][0]["edits"])
        return {"applied": True}

    def notify(self, *_: Any) -> None:
        pass


def main() -> None:
    """Measure and print."""
    asked = options(__doc__, rounds=5)
    print(conditions())
    sys.setswitchinterval(0.001)  # as the server has it
    size = 1_000 if asked.small else 100_000
    texts = {
        f"{size} lines": "".join(f"    value_{n} = compute({n}, 'x')\n" for n in range(size)),
        "a line of 2 MB, ASCII": "x = '" + "abcdefg " * (size * 5 // 2) + "'\nend\n",
        "a line of 2 MB, emoji": "x = '" + "abc \U0001f600 " * (size * 5 // 2) + "'\nend\n",
    }
    contestants = {name: partial(measured, text) for name, text in texts.items()}
    results = alternate(1 if asked.small else asked.rounds, contestants)
    aims = [Aim(GAP, name, 50) for name in texts]
    report("Edits of large files by codex-lsp", results, beside=next(iter(texts)), aims=aims)


def measured(text: str) -> dict[str, float]:
    """One edit of two places, after a key was typed."""
    return asyncio.run(_edited(text))


async def _edited(text: str) -> dict[str, float]:
    client = Prompt(text)
    buffers = OpenBuffers(client.documents)
    told, kept = (lambda _: None), PATH.parent
    ours = LspEditor(client, resolve_client(CLIENT), buffers, told, checkpoints=kept)
    base = buffers.text_at(PATH)
    assert base is not None
    start = {"line": 0, "character": 0}
    client.change([{"range": {"start": start, "end": start}, "newText": "x"}])
    at = len(text) * 3 // 4
    edits = (TextEdit(at, at + 4, "NEW"), TextEdit(at + 400, at + 400, "MORE"))
    gaps: list[float] = []
    beat = asyncio.ensure_future(_beat(gaps))
    await asyncio.sleep(0.02)
    gaps.clear()
    began = perf_counter()
    outcome = await ours.apply(ChangeFile(PATH, base, edits), label="bench")
    took = perf_counter() - began
    await asyncio.sleep(0.02)
    beat.cancel()
    assert isinstance(outcome, Applied), outcome
    return {GAP: max(gaps) * 1000, WHOLE: took * 1000}


async def _beat(gaps: list[float]) -> None:
    last = perf_counter()
    while True:
        await asyncio.sleep(0.0005)
        now = perf_counter()
        gaps.append(now - last)
        last = now


if __name__ == "__main__":
    main()
