"""Which feature was shown in which real editor: tests note it, `docs/editors.md` has the table.

`shows(feature, editor, how)` notes a cell where a test has just proven it, and fails if the table
says something else. A whole run also fails if the table claims what no test noted. `BLESS=1` writes
the cells of this run into the table. What no test noted is not claimed.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping

from tests.e2e.tools import REPO

EDITORS = {
    "nvim": "Neovim 0.11",
    "nvim-0.12": "Neovim 0.12",
    "helix-25.01": "Helix 25.01",
    "helix": "Helix 25.07",
    "eglot": "Emacs, Eglot",
    "rass": "Emacs, Eglot with `rass`",
    "lsp-mode": "Emacs, lsp-mode",
    "vscode": "VS Code",
}
FEATURES = {
    "fix": "Fix a problem that another server reports",
    "edit": "Edit with a request you type",
    "approve": "Allow a command that asks",
    "cancel": "Cancel a running task",
    "review": "Keep one change, undo another",
    "preview": "Choose among changes before they are made",
    "walk": "Next change, previous change, diff",
    "undo": "Undo a turn after typing",
    "sign-in": "Sign in when asked",
    "unicode": "Text that is not ASCII",
    "crlf": "A file with CRLF line ends",
    "closed": "Change a file that is not open",
    "killed": "Editor killed in mid-turn",
}
TABLE = REPO / "docs" / "editors.md"
BEGIN, END = "<!-- features -->", "<!-- /features -->"
UNKNOWN = "not shown"
PROPERTY = "shows"

Cells = dict[tuple[str, str], str]
"""What is said of (feature, editor)."""


def cell(how: str) -> str:
    """The words of a cell; `how` says in which form, where it is not the plain one."""
    return f"yes, {how}" if how else "yes"


def blessing() -> bool:
    """Whether this run writes the table."""
    return os.environ.get("BLESS") == "1"


def check(feature: str, editor: str, said: str) -> None:
    """Fail if the table says something else of this cell."""
    committed = read(TABLE.read_text("utf-8"))[feature, editor]
    if committed != said and not blessing():
        raise AssertionError(
            f"docs/editors.md says {committed!r} of {feature} in {editor}, this test {said!r}; "
            "BLESS=1 writes it anew"
        )


def noted(properties: Iterable[tuple[str, object]]) -> Iterator[tuple[str, str, str]]:
    """The cells among the properties of a test's report."""
    for name, value in properties:
        if name == PROPERTY:
            feature, editor, said = str(value).split("\t")
            yield feature, editor, said


def read(document: str) -> Cells:
    """The cells of the table in a document."""
    rows = document.partition(BEGIN)[2].partition(END)[0].strip().splitlines()[2:]
    found: Cells = dict.fromkeys(((f, e) for f in FEATURES for e in EDITORS), UNKNOWN)
    for feature, row in zip(FEATURES, rows, strict=False):
        _title, *cells = (part.strip() for part in row.strip().strip("|").split("|"))
        found |= {(feature, editor): said for editor, said in zip(EDITORS, cells, strict=True)}
    return found


def written(document: str, cells: Mapping[tuple[str, str], str]) -> str:
    """The document with these cells."""
    rows = [["", *EDITORS.values()], ["---"] * (len(EDITORS) + 1)]
    rows += [[title, *(cells[feature, e] for e in EDITORS)] for feature, title in FEATURES.items()]
    table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    whole = f"{BEGIN}\n{table}\n{END}"
    return re.sub(f"{BEGIN}.*{END}", lambda _: whole, document, flags=re.DOTALL)


def bless(noted: Iterable[tuple[str, str, str]]) -> None:
    """Write what a run noted into the table, and leave the other cells as they are."""
    document = TABLE.read_text("utf-8")
    cells = read(document) | {(feature, editor): said for feature, editor, said in noted}
    TABLE.write_text(written(document, cells), "utf-8")


def unproven(noted: Iterable[tuple[str, str, str]]) -> list[str]:
    """What the table claims and a whole run did not note."""
    seen = {(feature, editor) for feature, editor, _said in noted}
    return [
        f"{feature} in {editor}"
        for (feature, editor), said in read(TABLE.read_text("utf-8")).items()
        if said.startswith("yes") and (feature, editor) not in seen
    ]
