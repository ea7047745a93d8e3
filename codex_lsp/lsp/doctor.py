"""`codex.doctor`: tries on a scratch file what edits rely on, and writes down what the editor did.

What an editor declares and what it does differ; the page shows both, beside the profile that we
keep for it. Only the scratch file is touched, and nothing is sent to a model.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

from codex_lsp import __version__
from codex_lsp.edits.text import TextEdit, apply_edits
from codex_lsp.lsp.connection.client import ClientFailure, ClientTimeout
from codex_lsp.lsp.editing.buffers import to_path
from codex_lsp.lsp.editing.documents import Document
from codex_lsp.lsp.person import pages
from codex_lsp.lsp.person.showing import show, show_page
from codex_lsp.lsp.tasks import Task, Work
from codex_lsp.lsp.workbench import Workbench

TEXT = "# Codex tries this editor here 😀 one\n"
NAME = "codex-doctor-scratch"
OPENING = ANSWER = 20.0  # seconds

Examine = Callable[[], AsyncIterator[str]]
"""The lines that `codex-lsp doctor` says of this machine."""


def doctoring(bench: Workbench, examine: Examine) -> Work:
    """Work that tries the editor and looks at this machine, and shows a page of what it found."""

    async def work(task: Task) -> str:
        client = bench.client
        lines = [f"# Codex in {client.name or 'this editor'} {client.version}".rstrip(), ""]
        lines += [f"codex-lsp {__version__}, profile: {client.quirks.profile}", ""]
        task.progress.report("trying the editor on a scratch file")
        lines += ["## What it does", "", *[f"- {line}" async for line in _tried(bench)], ""]
        lines += ["## What it declares", "", *(f"- {line}" for line in _declared(bench)), ""]
        task.progress.report("looking at this machine")
        lines += ["## This machine", "", *[f"- {line}" async for line in examine()], ""]
        folder = bench.adapters.state_folder / "answers"
        page = await asyncio.to_thread(pages.new_page, folder, "doctor", "\n".join(lines))
        await show_page(bench, page)
        return f"What was found is in {page}"

    return work


async def _tried(bench: Workbench) -> AsyncIterator[str]:
    """What the editor did with the scratch file, which is of the kind that was open last."""
    last = None if bench.last is None else to_path(bench.last.uri)
    folder = last.parent if last else next(iter(bench.roots), bench.adapters.state_folder)
    scratch = folder / f"{NAME}{last.suffix if last else '.md'}"
    try:
        await asyncio.to_thread(_made, scratch)
    except OSError as error:
        yield f"nothing was tried: {scratch} cannot be made ({error.strerror})"
        return
    try:
        shown = await show(bench, scratch)
        yield "shows documents that we name" if shown else "does not show documents that we name"
        if await bench.buffers.until(lambda: bench.buffers.at(scratch) is not None, OPENING):
            async for line in _edited(bench, scratch):
                yield line
        else:
            yield "did not pass the scratch file on: nothing more was tried"
    finally:
        await asyncio.to_thread(scratch.unlink, missing_ok=True)


def _made(scratch: Path) -> None:
    with scratch.open("x", encoding="utf-8", newline="") as file:
        file.write(TEXT)


async def _edited(bench: Workbench, scratch: Path) -> AsyncIterator[str]:
    first = bench.buffers.at(scratch)
    if first is None:
        return
    at = first.text.index("one")
    answer, seconds = await _edit(bench, scratch, first, TextEdit(at, at + 3, "two"))
    if seconds is None:
        yield f"does not make an edit of an open file (it {answer}): Codex can only write on disk"
        return
    patience = bench.client.quirks.patience
    yield f"an edit came back after {seconds * 1000:.0f} ms (we wait {patience:g} s); it {answer}"
    now = bench.buffers.at(scratch)
    right = now is not None and now.text == first.text.replace("one", "two")
    yield f"positions after an emoji are {'right' if right else 'WRONG'}"
    if now is None or now.version == first.version:
        yield "gives its documents no versions that change"
        return
    await _edit(bench, scratch, now, TextEdit(at, at + 3, "six"))
    # Neovim's documents begin at version 0, which it does not compare: hence the one after.
    answer, seconds = await _edit(bench, scratch, now, TextEdit(0, 0, "# stale\n"))
    if seconds is not None:
        yield f"makes an edit that is out of date all the same (it {answer})"
    elif answer == "said yes":
        yield "passes an edit that is out of date over, and says yes: we look for ourselves"
    else:
        yield f"refuses an edit that is out of date (it {answer})"


async def _edit(
    bench: Workbench, scratch: Path, seen: Document, edit: TextEdit
) -> tuple[str, float | None]:
    """Have one edit of the document as it was `seen` made: the answer, and when the text had it."""
    before = bench.buffers.at(scratch)
    expected = apply_edits(before.text if before else "", (edit,))
    file = {"uri": seen.uri, "version": seen.version}
    changes = [{"textDocument": file, "edits": bench.buffers.ranges(seen.text, (edit,))}]
    start = time.monotonic()
    try:
        answer = await bench.wire.ask(
            "workspace/applyEdit",
            {"label": "Codex: doctor", "edit": {"documentChanges": changes}},
            timeout=ANSWER,
        )
        said = isinstance(answer, dict) and answer.get("applied") is True
        word = "said yes" if said else "said no"
    except ClientTimeout:
        word = "did not answer"
    except ClientFailure as error:
        word = f"answered with an error: {error}"

    def there() -> bool:
        now = bench.buffers.at(scratch)
        return now is not None and now.text == expected

    came = await bench.buffers.until(there, bench.client.quirks.patience)
    return word, time.monotonic() - start if came else None


def _declared(bench: Workbench) -> Iterator[str]:
    client = bench.client
    operations = ", ".join(sorted(client.resource_operations)) or "no operations on whole files"
    yield f"positions in {bench.documents.encoding}"
    yield "edits with versions" if client.document_changes else "no edits with versions"
    yield operations
    for declared, what in (
        (client.work_done_progress, "progress"),
        (client.show_document, "showing documents"),
        (client.configuration, "settings"),
    ):
        yield what if declared else f"no {what}"
