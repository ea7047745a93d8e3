"""Where and when a job is done, in the form that Codex models know. Reads nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from codex_lsp.agent.context.parts import Part


@dataclass(frozen=True, slots=True)
class Environment:
    """`shell` is the name of the person's shell, "" if unknown; `now` carries its time zone."""

    roots: Sequence[Path]
    shell: str
    now: datetime
    sandbox: str = ""


def environment(at: Environment) -> Part:
    """The part."""
    lines = [("cwd", str(at.roots[0]) if at.roots else "")]
    lines += [("workspace_root", str(root)) for root in at.roots[1:]]
    lines += [
        ("sandbox_mode", at.sandbox),
        ("shell", at.shell),
        ("current_date", at.now.date().isoformat()),
        ("timezone", at.now.tzname() or ""),
    ]
    inner = "\n".join(f"  <{name}>{_escaped(value)}</{name}>" for name, value in lines if value)
    return Part("environment", f"<environment_context>\n{inner}\n</environment_context>")


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
