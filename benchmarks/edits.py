"""The text engine on files of 1 000 to 100 000 lines, beside the Codex binary's own apply_patch.

`python -m benchmarks.edits [--rounds N]`. Codex is a process for each patch, so that its figures
hold its start, too; a patch on a file of one line shows how much that is.
"""

from __future__ import annotations

import itertools
import subprocess
import tempfile
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.figures import Aim, alternate, conditions, missing, options, report
from codex_lsp.edits.diff import diff
from codex_lsp.edits.locate import locate
from codex_lsp.edits.misfit import Misfit
from codex_lsp.edits.patch import Patch, UpdateFile, parse
from codex_lsp.edits.rebase import landed, rebase
from codex_lsp.edits.text import TextEdit, apply_edits
from tests.e2e.tools import tool
from tests.edits.codex_program import linked_apply_patch

OURS, CODEX = "codex-lsp", "codex apply_patch"
SIZES = (1, 1_000, 10_000, 100_000)
Figures = dict[str, float]


def main() -> None:
    """Measure and print."""
    asked = options(__doc__, rounds=15)
    print(conditions())
    sizes = SIZES[:2] if asked.small else SIZES
    rounds = 1 if asked.small else asked.rounds
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        codex = tool("codex")
        contestants: dict[str, Callable[[], Figures]] = {OURS: lambda: of_ours(folder, sizes)}
        if codex is None:
            missing(CODEX, "run .ci/install-tools")
        else:
            link = linked_apply_patch(codex, folder)
            contestants[CODEX] = lambda: of_codex(link, folder, sizes)
        aims = [Aim(f"locate, one chunk, {size} lines, ms", OURS, 50) for size in sizes[-1:]]
        report("Patches", alternate(rounds, contestants), beside=CODEX, aims=aims)
    report_throughput(0.05 if asked.small else 2)
    report_memory(sizes)


def of_ours(folder: Path, sizes: tuple[int, ...]) -> Figures:
    """Read, parse, locate, make, write, as Codex does it; and the parts of it."""
    figures: Figures = {}
    for size, (kind, body) in itertools.product(sizes, kinds()):
        text = some_file(size)
        path = folder / "ours.txt"
        path.write_text(text)
        patch = f"*** Begin Patch\n*** Update File: ours.txt\n{body(size)}*** End Patch\n"
        tail = f"{kind}, {size} lines, ms"
        with timed(figures, f"whole, {tail}"):
            before = path.read_bytes().decode()
            with timed(figures, f"parse, {tail}"):
                parsed = parse(patch)
            update = the_update(parsed)
            with timed(figures, f"locate, {tail}"):
                edits = locate(update, before)
            if not isinstance(edits, Misfit):
                path.write_bytes(apply_edits(before, edits).encode())
        if isinstance(edits, Misfit):
            continue
        after = apply_edits(before, edits)
        with timed(figures, f"diff, {tail}"):
            diff(before, after)
        live = f"# typed\n{before}"
        with timed(figures, f"rebase, {tail}"):
            rebase(edits, before, live)
        with timed(figures, f"proof, {tail}"):
            landed(edits, before, f"{after}# typed\n")
    return figures


def of_codex(program: Path, folder: Path, sizes: tuple[int, ...]) -> Figures:
    """The same files and patches, by one process each."""
    figures: Figures = {}
    for size, (kind, body) in itertools.product(sizes, kinds()):
        (folder / "theirs.txt").write_text(some_file(size))
        patch = f"*** Begin Patch\n*** Update File: theirs.txt\n{body(size)}*** End Patch\n"
        with timed(figures, f"whole, {kind}, {size} lines, ms"):
            subprocess.run(
                [program], input=patch.encode(), cwd=folder, capture_output=True, check=False
            )
    return figures


def report_throughput(seconds: float) -> None:
    """Rebasing a small edit over typing, in a file as people have them open."""
    text = some_file(1_000)
    middle = text.index("\n", len(text) // 2) + 1
    edits = (TextEdit(middle, middle, "new line\n"),)
    live = f"# typed\n{text}"
    began, count = time.perf_counter(), 0
    while time.perf_counter() - began < seconds:
        rebase(edits, text, live)
        count += 1
    print(f"\nrebase, 1000 lines: {count / (time.perf_counter() - began):.0f} a second")


def report_memory(sizes: tuple[int, ...]) -> None:
    """The most that is held at once while a patch is located, beside the file's size."""
    print("\npeak memory of parse and locate, as a multiple of the file")
    for size, (kind, body) in itertools.product(sizes[1:], kinds()):
        text = some_file(size)
        patch = f"*** Begin Patch\n*** Update File: f\n{body(size)}*** End Patch\n"
        tracemalloc.start()
        locate(the_update(parse(patch)), text)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        print(f"  {kind + f', {size} lines':28} {peak / len(text):.2f}")


def kinds() -> Iterator[tuple[str, Callable[[int], str]]]:
    """Bodies of an update: usual, large, loosely written, and one that does not fit."""
    yield "one chunk", lambda size: chunk(size * 3 // 4)
    yield (
        "ten chunks",
        lambda size: "".join(chunk(at) for at in sorted({size * n // 10 for n in range(10)})),
    )
    yield "loose", lambda size: chunk(size * 3 // 4, indent="")
    yield "misfit", lambda size: chunk(size * 3 // 4, word="lime")


def chunk(at: int, *, indent: str = "    ", word: str = "line") -> str:
    """Change line `at`; three lines of context, as far as the file has them."""
    context = [n for n in range(at - 3, at) if n >= 0]
    shown = "".join(f" {some_line(n, indent, word)}" for n in context)
    line = some_line(at, indent, word)
    return f"@@\n{shown}-{line}+{line.rstrip()} changed\n"


def some_file(size: int) -> str:
    return "".join(map(some_line, range(size)))


def some_line(number: int, indent: str = "    ", word: str = "line") -> str:
    return f"{indent}{word} {number} of the {number % 7} file = {number * 31}\n"


def the_update(patch: object) -> UpdateFile:
    assert isinstance(patch, Patch), patch
    (update,) = patch.sections
    assert isinstance(update, UpdateFile)
    return update


@contextmanager
def timed(figures: Figures, name: str) -> Iterator[None]:
    began = time.perf_counter()
    yield
    figures[name] = (time.perf_counter() - began) * 1000


if __name__ == "__main__":
    main()
