"""What a window knows when the person asks for something, and the page that shows it beforehand."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from codex_lsp.agent.context import briefing
from codex_lsp.agent.context.briefing import Surroundings
from codex_lsp.agent.context.environment import Environment
from codex_lsp.agent.context.mentions import fenced
from codex_lsp.agent.context.parts import Part
from codex_lsp.agent.truncation import BYTES_PER_TOKEN
from codex_lsp.lsp.person.messages import say
from codex_lsp.lsp.person.words import plural
from codex_lsp.lsp.workbench import Workbench
from codex_lsp.workspace import trust


async def surroundings(bench: Workbench, roots: tuple[Path, ...]) -> Surroundings:
    """As they are now, for work in the first of `roots`."""
    config = await asyncio.to_thread(bench.adapters.configuration, roots[0])
    who = await asyncio.to_thread(trust.identify, roots[0], Path.home())
    return Surroundings(
        folder=roots[0],
        snapshot=bench.buffers.snapshot(roots),
        environment=Environment(
            roots, Path(os.environ.get("SHELL", "")).name, datetime.now().astimezone()
        ),
        config=config,
        home=bench.adapters.home,
        trust=trust.level(config.projects, who),
        pinned=tuple(bench.pinned),
        opened=bench.recent.opened(),
        edited=bench.recent.edited(),
        budget=bench.settings.context_bytes,
    )


async def brief(bench: Workbench, roots: tuple[Path, ...], wish: str) -> Sequence[Part]:
    """The parts that go along with `wish`; the person hears what of it was named and not sent."""
    found = await briefing.parts(wish, await surroundings(bench, roots))
    bench.recent.told()
    refused = [reason for part in found if part.name[0] in "@#" for reason in part.left_out]
    if refused:
        message = "Not sent to Codex: " + " ".join(refused)
        say(bench.wire, message)
    return found


def page(found: Sequence[Part]) -> str:
    """The preview, as Markdown: each part with its size and whole text, and what is kept out."""
    total = sum(part.bytes for part in found)
    sent = [part for part in found if part.text]
    size = f"{total} bytes (about {-(-total // BYTES_PER_TOKEN)} tokens)"
    how_much = f"{plural(len(sent), 'part')}, {size}, and the descriptions of its tools."
    lines = [
        "# What Codex would be sent",
        f"{how_much} Nothing has been sent.",
        "\n".join(
            ["| part | bytes |", "| --- | ---: |", *(f"| {p.name} | {p.bytes} |" for p in sent)]
        ),
        "## Kept out",
        "\n".join(f"- {reason}" for part in found for reason in part.left_out) or "Nothing.",
    ]
    for part in sent:
        lines += [f"## {part.name}", fenced(part.text)]
    return "\n\n".join(lines) + "\n"
