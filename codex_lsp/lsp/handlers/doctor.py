"""What works here, and what does not."""

from __future__ import annotations

from collections.abc import Sequence

from codex_lsp.lsp.connection.server import Server
from codex_lsp.lsp.doctor import doctoring


def doctor(server: Server, _arguments: Sequence[object] | None) -> dict[str, object]:
    """`codex.doctor`: try the editor on a scratch file, look at this machine, tell of both."""
    bench = server.bench
    work = doctoring(bench, bench.adapters.examine)
    return {"taskId": bench.tasks.start("Codex: doctor", work).id}
