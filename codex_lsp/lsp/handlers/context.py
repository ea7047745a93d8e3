"""What goes along with a job: files that the person adds, and a page that shows all of it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from codex_lsp.agent.context.mentions import file_part
from codex_lsp.agent.requests import Job, preview
from codex_lsp.agent.workplace import Place
from codex_lsp.lsp.connection.server import Server
from codex_lsp.lsp.editing.buffers import to_path
from codex_lsp.lsp.person import pages, surroundings
from codex_lsp.lsp.person.showing import show_page
from codex_lsp.lsp.targets import BadArguments, Target, find, parse_target
from codex_lsp.lsp.tasks import Task
from codex_lsp.lsp.workbench import Workbench
from codex_lsp.lsp.workplace import workplace

Reply = dict[str, object]
Arguments = Sequence[object] | None


async def add(server: Server, arguments: Arguments) -> Reply:
    """`codex.context.add`: send this file along with every job of this window."""
    bench, path = server.bench, _named(server.bench, arguments)
    snapshot = bench.buffers.snapshot(bench.roots_for(path))
    part = await asyncio.to_thread(file_part, snapshot, str(path), bench.settings.context_bytes)
    if not part.text:
        raise BadArguments(f"It is not added: {part.left_out[0]}")
    bench.pinned[str(path)] = None
    return listed(server, None)


def remove(server: Server, arguments: Arguments) -> Reply:
    """`codex.context.remove`: no longer."""
    server.bench.pinned.pop(str(_named(server.bench, arguments)), None)
    return listed(server, None)


def clear(server: Server, _arguments: Arguments) -> Reply:
    """`codex.context.clear`: no file that was added, any longer."""
    server.bench.pinned.clear()
    return listed(server, None)


def listed(server: Server, _arguments: Arguments) -> Reply:
    """`codex.context.list`: the files that were added."""
    return {"files": list(server.bench.pinned)}


def shown(server: Server, arguments: Arguments) -> Reply:
    """`codex.context.preview` `{prompt}`: a page with all that would be sent, and its sizes."""
    bench, target = server.bench, parse_target(arguments)
    place = _place(bench, target)
    wish = target.prompt or "(your request)"

    async def work(_task: Task) -> str:
        about = _about(bench, place)
        at = await workplace(bench, about)
        around = await surroundings.surroundings(bench, bench.roots_for(about))
        found = await preview(Job(wish, place), at, around)
        folder = bench.adapters.state_folder / "answers"
        text = surroundings.page(found)
        path = await asyncio.to_thread(pages.new_page, folder, "preview", text)
        await show_page(bench, path)
        return f"The preview is in {path}"

    return {"taskId": bench.tasks.start("Codex: preview", work).id}


def _about(bench: Workbench, place: Place | None) -> Path:
    if place is None and not bench.roots:
        raise BadArguments("Open a file first: no workspace folder is known.")
    return bench.roots[0] if place is None else place.path


def _place(bench: Workbench, target: Target) -> Place | None:
    named = target.uri is not None or target.path is not None
    place = find(bench, target)[1] if named or bench.last is not None else None
    _about(bench, place)
    return place


def _named(bench: Workbench, arguments: Arguments) -> Path:
    """The file that is named, or the one where the person is."""
    target = parse_target(arguments)
    if target.uri is not None and (path := to_path(target.uri)) is not None:
        return path
    if target.path is not None:
        base = bench.roots[0] if bench.roots else Path.cwd()
        document = bench.buffers.named(target.path, (base,))
        path = None if document is None else to_path(document.uri)
        return path or (base / target.path).resolve()
    return find(bench, target)[1].path
