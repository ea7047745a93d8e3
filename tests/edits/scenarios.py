"""Reads the scenario folders: files, a patch, and what must come of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from codex_lsp.edits.dialects import parse_any
from codex_lsp.edits.patch import BadPatch
from codex_lsp.edits.plan import Create, Remove, Rewrite, Unplannable, paths, plan
from codex_lsp.edits.text import apply_edits

FOLDER = Path(__file__).parents[1] / "golden" / "patches"
Files = dict[str, str]


@dataclass(frozen=True)
class Refused:
    """The patch is not made; `text` is what the model is told."""

    text: str


@dataclass(frozen=True)
class Scenario:
    """`expected` None: the patch is refused."""

    folder: Path
    files: Files
    patch: str
    expected: Files | None


def names() -> list[str]:
    return sorted(folder.parent.name for folder in FOLDER.glob("*/patch.txt"))


def load(name: str) -> Scenario:
    folder = FOLDER / name
    refused = (folder / "refused.txt").exists()
    patch = (folder / "patch.txt").read_bytes().decode()
    return Scenario(
        folder, tree(folder / "input"), patch, None if refused else tree(folder / "expected")
    )


def tree(root: Path) -> Files:
    """The files under `root` with their texts, bytes untouched."""
    return {
        path.relative_to(root).as_posix(): path.read_bytes().decode()
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }


def write(root: Path, files: Files) -> None:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())


def made(patch_text: str, files: Files) -> Files | Refused:
    """What the engine makes of `files`."""
    patch = parse_any(patch_text)
    if isinstance(patch, BadPatch):
        return Refused(patch.text)
    changes = plan(patch, {path: files.get(path.removeprefix("./")) for path in paths(patch)})
    if isinstance(changes, Unplannable):
        return Refused(changes.text)
    out = dict(files)
    for change in changes:
        path = change.path.removeprefix("./")
        match change:
            case Create():
                out[path] = change.text
            case Remove():
                del out[path]
            case Rewrite():
                text = apply_edits(out.pop(path), change.edits)
                out[change.move_to or path] = text
    return out
