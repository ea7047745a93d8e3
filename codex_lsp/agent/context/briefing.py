"""The whole context of a job: what the model is told before the person's own words, part by part,
so that the same parts can be shown to the person instead.

Gathering reads files and may search; nothing of it happens before the person asks for something.
"""

from __future__ import annotations

import asyncio
import difflib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from codex_lsp.agent.context.environment import Environment, environment
from codex_lsp.agent.context.instructions import instructions
from codex_lsp.agent.context.mentions import file_part, mentions
from codex_lsp.agent.context.parts import Part, head
from codex_lsp.agent.conversation import Item, Message
from codex_lsp.config.codex_toml import CodexToml, TrustLevel
from codex_lsp.workspace.containment import Outside
from codex_lsp.workspace.disk import Unusable
from codex_lsp.workspace.snapshot import Found, Snapshot

EDITS_BYTES = 4_000
_LARGEST_DIFFED = 200_000
_OWN_RULES = "developer_instructions"


@dataclass(frozen=True, slots=True)
class Edited:
    """A document that the person changed: its text `before`, and as it is now."""

    path: Path
    before: str
    now: str


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a window knows when it is asked. `folder` is the one that is worked in, resolved.

    `pinned` are the files that the person added, as they named them; `opened` the open documents,
    the last one used first; `budget` bounds each file in bytes.
    """

    folder: Path
    snapshot: Snapshot
    environment: Environment
    config: CodexToml = field(default_factory=CodexToml)
    home: Path | None = None
    trust: TrustLevel | None = None
    pinned: tuple[str, ...] = ()
    opened: tuple[Path, ...] = ()
    edited: tuple[Edited, ...] = ()
    budget: int = 12_000


async def parts(wish: str, at: Surroundings) -> tuple[Part, ...]:
    """Everything that goes along with `wish`, and what does not."""
    found = await asyncio.to_thread(_standing, at)
    found += await mentions(wish, at.snapshot, budget=at.budget)
    return tuple(part for part in found if part.text or part.left_out)


def items(found: Sequence[Part], said: Sequence[Item] = ()) -> tuple[Item, ...]:
    """The parts as they are sent: what the conversation has already `said` is not said again."""
    known = {item.text for item in said if isinstance(item, Message)}
    return tuple(
        Message("developer" if part.name == _OWN_RULES else "user", part.text, "context")
        for part in found
        if part.text and part.text not in known
    )


def _standing(at: Surroundings) -> list[Part]:
    """All but what the wish names; the parts that change least come first. Reads files."""
    config = at.config
    found = [
        Part(_OWN_RULES, config.developer_instructions or ""),
        instructions(at.snapshot, at.folder, config, home=at.home, trust=at.trust),
    ]
    if config.include_environment_context:
        found.append(environment(at.environment))
    found += [file_part(at.snapshot, name, at.budget) for name in at.pinned]
    found += [_opened(at), _edited(at)]
    return found


def _opened(at: Surroundings) -> Part:
    names: list[str] = []
    left_out: list[str] = []
    for path in at.opened:
        if (reason := _kept_out(at.snapshot, path)) is None:
            names.append(at.snapshot.name(path))
        else:
            left_out.append(reason)
    text = "Open in the editor, the last used first:\n" + "\n".join(names) if names else ""
    return Part("open files", text, tuple(left_out))


def _edited(at: Surroundings) -> Part:
    """What the person changed of late, as short diffs."""
    shown = ""
    left_out: list[str] = []
    for edit in at.edited:
        if _kept_out(at.snapshot, edit.path) is not None:
            continue  # told with the open files
        name = at.snapshot.name(edit.path)
        diff = _diff(edit)
        room = EDITS_BYTES - len(shown.encode())
        if diff is None or len(diff.encode()) > room:
            left_out.append(f"your changes of {name}: there are many.")
        elif diff:
            shown += f"{name}:\n{diff}"
    text = f"What the person changed lately:\n{shown}" if shown else ""
    return Part("recent edits", text, tuple(left_out))


def _diff(edit: Edited) -> str | None:
    """The changed lines with one line around them; None if there is too much to compare."""
    if max(len(edit.before), len(edit.now)) > _LARGEST_DIFFED:
        return None
    before, now = edit.before.splitlines(), edit.now.splitlines()
    lines = list(difflib.unified_diff(before, now, n=1, lineterm=""))[2:]
    return "".join(f"{head(line, 300)}\n" for line in lines)


def _kept_out(snapshot: Snapshot, path: Path) -> str | None:
    """Why a file may not be spoken of; None if it may."""
    found = snapshot.look(str(path))
    name = snapshot.name(path)
    match found:
        case Found(protected=False):
            return None
        case Outside(reason) | Unusable(reason):
            return f"{name}: {reason}."
        case _:
            return f"{name} is protected and is not sent."
