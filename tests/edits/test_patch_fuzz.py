"""Whatever a model sends, the answer is a whole plan or a reason, never an exception.

`PATCH_FUZZ` sets the number of inputs; each is made from its seed alone, which a failure names.
"""

from __future__ import annotations

import os
import random
import re

import pytest

from codex_lsp.edits.dialects import parse_any
from codex_lsp.edits.patch import AddFile, BadPatch, DeleteFile, Patch, UpdateFile
from codex_lsp.edits.plan import Create, Remove, Rewrite, Unplannable, paths, plan
from codex_lsp.edits.text import apply_edits
from tests.edits.scenarios import Files, load, names
from tests.edits.schedules import fits

PARTS = 20
INPUTS = int(os.environ.get("PATCH_FUZZ", "100000")) // PARTS
FILES: Files = {
    "a": "alpha\nbeta\n\ngamma\nalpha\nbeta\n",
    "b": "\ufeffx\r\n  y\r\n\r\nz",
    "c": "",
    "d": "one\rtwo\nthree\r\n\u201cfour\u201d\u00a0\x00\n",
}
TOKENS = (
    *("*** Begin Patch", "*** End Patch", "*** End of File", "*** Environment ID: x", "***"),
    *("*** Add File: n", "*** Add File: a", "*** Delete File: a", "*** Delete File: zzz"),
    *("*** Update File: a", "*** Update File: b", "*** Update File: c", "*** Update File: d"),
    *("*** Update File: ./a", "*** Move to: m", "*** Move to: b", "*** Move to:", "@@", "@@ alpha"),
    *("@@ beta", "@@ -1,2 +1,2 @@", "@@ -9,0 +9 @@ x", "@@", "@@"),
    *(
        " alpha",
        " beta",
        "-beta",
        "-alpha",
        " gamma",
        "-gamma",
        " ",
        "",
        "-",
        "+",
        "+new",
        "+ x\ry",
    ),
    *(" x", "-y", "-z", "- y", "+alpha", "-one", " two", '-"four"', " one\rtwo", "  y", "beta"),
    *(
        "--- a/a",
        "+++ b/a",
        "--- /dev/null",
        "+++ /dev/null",
        "diff --git a/a b/a",
        "rename from a",
    ),
    *("rename to q", "new file mode 100644", "\\ No newline at end of file", "Binary files differ"),
    *("<<<<<<< SEARCH", "=======", ">>>>>>> REPLACE", "a", "```", "<<'EOF'", "EOF", '{"input": "'),
)
ANY_EOL = re.compile(r"\r\n|\r|\n")


def grammar(rng: random.Random) -> str:
    """Lines of the languages in any order, mostly with a patch's boundaries around them."""
    lines = rng.choices(TOKENS, k=rng.randrange(14))
    if rng.random() < 0.8:
        first = rng.choice(("a", "b", "c", "d"))
        lines = ["*** Begin Patch", f"*** Update File: {first}", *lines, "*** End Patch"]
    return rng.choice(("\n", "\n", "\n", "\r\n")).join(lines)


def damaged(rng: random.Random, patch: str) -> str:
    """A real patch with some characters gone, doubled, swapped for others, or cut off."""
    for _ in range(rng.randrange(1, 6)):
        at = rng.randrange(len(patch) + 1)
        end = at + rng.choice((1, 1, 3, 20))
        piece = rng.choice(
            ("", "\n", " ", "+", "-", "@@", "\x00", "\r", "\ud800", "\ufeff", "{", "`")
        )
        patch = patch[:at] + rng.choice((piece, patch[at:end] * 2)) + patch[end:]
    return patch


def noise(rng: random.Random) -> str:
    return bytes(rng.choices(range(256), k=rng.randrange(60))).decode("utf-8", "surrogateescape")


def check(patch: Patch | BadPatch, files: Files) -> None:
    """A patch is planned whole or not at all, and what is planned is what it says."""
    if isinstance(patch, BadPatch):
        assert patch.text
        return
    changes = plan(patch, {path: files.get(path.removeprefix("./")) for path in paths(patch)})
    if isinstance(changes, Unplannable):
        assert changes.text
        return
    assert len(changes) == len(patch.sections)
    for section, change in zip(patch.sections, changes, strict=True):
        assert section.path == change.path
        match section, change:
            case (AddFile(), Create()) | (DeleteFile(), Remove()):
                pass
            case UpdateFile(), Rewrite():
                check_rewrite(section, change, files[section.path.removeprefix("./")])
            case _:
                pytest.fail(f"{section} became {change}")


def check_rewrite(update: UpdateFile, change: Rewrite, text: str) -> None:
    assert fits(text, change.edits)
    added = {part for c in update.chunks for line in c.new for part in ANY_EOL.split(line)}
    mark = "\ufeff" if text.startswith("\ufeff") else ""
    after = apply_edits(text, change.edits)
    assert after.startswith(mark)
    had = set(ANY_EOL.split(text.removeprefix(mark)))
    assert set(ANY_EOL.split(after.removeprefix(mark))) <= had | added | {""}


@pytest.mark.parametrize("part", range(PARTS))
def test_any_input_is_planned_whole_or_refused_with_a_reason(part: int) -> None:
    scenarios = [load(name) for name in names()]
    seed = ""
    try:
        for n in range(INPUTS):
            seed = f"{part}/{n}"
            rng = random.Random(seed)
            kind = rng.random()
            if kind < 0.55:
                check(parse_any(grammar(rng), rng.choice((None, "a"))), FILES)
            elif kind < 0.95:
                scenario = rng.choice(scenarios)
                check(parse_any(damaged(rng, scenario.patch)), scenario.files)
            else:
                check(parse_any(noise(rng)), FILES)
    except BaseException as failure:
        failure.add_note(f"seed {seed}")
        raise


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        f"--- a/a\n+++ b/a\n@@ -{'9' * 9_000},1 +1 @@\n-alpha\n+x\n",
        f"*** Begin Patch\n*** Update File: a\n@@ -{'9' * 9_000} +1 @@\n-gamma\n*** End Patch",
        '{"input":' * 50_000,
        "```\n" * 50_000,
        "*** Begin Patch\n" * 30_000 + "*** End Patch",
        "*** Begin Patch\n*** Update File: a\n" + "@@\n" * 200_000 + "*** End Patch",
        "*** Begin Patch\n*** Update File: a\n" + "@@\n-x\n+x\n" * 50_000 + "*** End Patch",
        "*** Begin Patch\n*** Update File: a\n" + " alpha\n" * 100_000 + "*** End Patch",
        "*** Begin Patch\n*** Update File: a\n" + " \n" * 100_000 + "*** End Patch",
        "*** Begin Patch\n" + "*** Delete File: a\n*** Add File: a\n" * 20_000 + "*** End Patch",
        "".join(
            ["*** Begin Patch", *(f"\n*** Add File: {n}" for n in range(30_000)), "\n*** End Patch"]
        ),
        "a\n<<<<<<< SEARCH\n"
        + "x\ny\n" * 20_000
        + "=======\n"
        + "y\nx\n" * 20_000
        + ">>>>>>> REPLACE",
        "a\n<<<<<<< SEARCH\n" * 30_000,
        "<<<<<<< SEARCH\nx\n=======\n" * 20_000,
    ],
    ids=range(15),
)
def test_large_nonsense_is_answered_soon(text: str) -> None:
    check(parse_any(text), FILES)
