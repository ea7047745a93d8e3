"""The table of docs/configuration.md, from the schema: `python -m codex_lsp.config.reference`."""

from __future__ import annotations

import sys

from codex_lsp.config.schema import KEYS, Key


def table() -> str:
    """All keys, in the order of the schema."""
    rows = ["| key | kind | default | what it says |", "| --- | --- | --- | --- |"]
    rows += [_row(key) for key in KEYS]
    return "\n".join(rows)


def _row(key: Key) -> str:
    values = ", ".join(f"`{choice}`" for choice in key.choices)
    kind = f"{values}; or a table" if key.or_table else values or key.kind
    marks = "" if key.heeded else " *CLI only.*"
    marks += "" if key.project else " *Not in projects.*"
    return f"| `{key.path}` | {kind} | {key.default} | {key.doc}{marks} |"


if __name__ == "__main__":
    sys.stdout.write(f"{table()}\n")
