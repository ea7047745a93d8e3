"""What AGENTS.md files say: the person's own, then the project's from its top folder down to the
one that is worked in, by Codex's rules. It reaches the model as words of the person's side and
gives nobody any right.

A folder that the person called untrusted has no say: its files are not opened.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from codex_lsp.agent.context.parts import Part, head
from codex_lsp.config.codex_toml import CodexToml, TrustLevel
from codex_lsp.config.layers import folders_to
from codex_lsp.workspace import disk
from codex_lsp.workspace.disk import Unusable
from codex_lsp.workspace.ignore import ignored
from codex_lsp.workspace.snapshot import Snapshot

NAME = "AGENTS.md"
OVERRIDE = "AGENTS.override.md"
_BETWEEN = "\n\n--- project-doc ---\n\n"


@dataclass(slots=True)
class _Gathered:
    room: int
    texts: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)


def instructions(
    snapshot: Snapshot,
    folder: Path,
    config: CodexToml,
    *,
    home: Path | None,
    trust: TrustLevel | None,
) -> Part:
    """The part for work in `folder` (resolved); reads files. Its text is empty if there are none.

    An open document goes before its file. The person's own file is not counted.
    """
    own = "" if home is None else _own(home)
    found = _Gathered(config.project_doc_max_bytes)
    if trust == "untrusted":
        found.left_out.append(f"{NAME} of {folder.name}: you called this folder untrusted.")
    else:
        _of_project(snapshot, folder, config, found)
    project = "\n\n".join(found.texts)
    said = _BETWEEN.join(text for text in (own, project) if text)
    if said:
        said = f"# {NAME} instructions for {folder}\n\n<INSTRUCTIONS>\n{said}\n</INSTRUCTIONS>"
    return Part(NAME, said, tuple(found.left_out))


def _own(home: Path) -> str:
    for name in (OVERRIDE, NAME):
        text = disk.read(home / name)
        if not isinstance(text, Unusable) and text.text.strip():
            return text.text.strip()
    return ""


def _of_project(snapshot: Snapshot, folder: Path, config: CodexToml, found: _Gathered) -> None:
    names = (OVERRIDE, NAME, *config.project_doc_fallback_filenames)
    if config.project_doc_max_bytes == 0:
        found.left_out.append(f"{NAME} of the project: project_doc_max_bytes is 0.")
        return
    folders = folders_to(folder, config.project_root_markers)
    for place in folders:
        _take(snapshot, folders[0], place, names, found)


def _take(
    snapshot: Snapshot, top: Path, folder: Path, names: Sequence[str], found: _Gathered
) -> None:
    """The file of one folder: the first of `names` that is there."""
    for name in names:
        path = folder / name
        if path.name != name or not (path in snapshot.buffers or path.is_file()):
            continue  # a name of the settings is a name, and no path
        text = _text(snapshot, top, path)
        if isinstance(text, Unusable):
            found.left_out.append(f"{path}: {text.reason}.")
        elif text.strip():
            kept = head(text.strip(), found.room)
            found.room -= len(kept.encode("utf-8", "replace"))
            if kept != text.strip():
                found.left_out.append(f"{path}: its end, over project_doc_max_bytes.")
            if kept:
                found.texts.append(kept)
        return


def _text(snapshot: Snapshot, top: Path, path: Path) -> str | Unusable:
    """The text at `path`, which may be a link as long as it stays in the project."""
    try:
        real = path.resolve()
    except (OSError, RuntimeError):
        return Unusable("its links cannot be followed")
    if not real.is_relative_to(top):
        return Unusable("it is a link that leads out of the project")
    if reason := ignored(real, top, is_open=True):
        return Unusable(reason)
    if (buffer := snapshot.buffers.get(real)) is not None:
        return buffer.text
    text = disk.read(real)
    return text if isinstance(text, Unusable) else text.text
