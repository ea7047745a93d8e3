"""What the person keeps out: `.codexignore` for Codex alone, `.gitignore` for files that are not
part of the project. Both are read in every folder from the workspace root down, by git's rules.

`.codexignore` always holds. `.gitignore` holds for files that a model names by itself; a file that
is open in the editor is one that the person works on.
"""

from __future__ import annotations

from pathlib import Path

CODEX, GIT = ".codexignore", ".gitignore"
_LARGEST = 1_000_000  # bytes of an ignore file; more is no list that somebody keeps


def ignored(path: Path, root: Path, *, is_open: bool) -> str | None:
    """Why `path` (resolved, below `root`) is kept out; None if it is not."""
    if _matches(path, root, CODEX):
        return f"{path.name} is kept out by {CODEX}"
    if not is_open and _matches(path, root, GIT):
        return f"{path.name} is kept out by {GIT}"
    return None


def _matches(path: Path, root: Path, name: str) -> bool:
    """Whether `path`, or a folder that it is in, is ignored by the files called `name`."""
    folders = [root, *(root / part for part in _folders(path.relative_to(root)))]
    rules = [(folder, lines) for folder in folders if (lines := _read(folder / name))]
    if not rules:
        return False
    from pathspec import GitIgnoreSpec  # noqa: PLC0415 - only where there is something to match

    specs = [(folder, GitIgnoreSpec.from_lines(lines)) for folder, lines in rules]
    for place in [*folders[1:], path]:
        # The deepest file that says something about a place decides, and what is in an ignored
        # folder cannot be taken back in.
        for folder, spec in reversed(specs):
            if folder == place or not place.is_relative_to(folder):
                continue
            shown = place.relative_to(folder).as_posix() + ("" if place == path else "/")
            if (verdict := spec.check_file(shown).include) is not None:
                if verdict:
                    return True
                break
    return False


def _folders(relative: Path) -> list[Path]:
    """The folders on the way to `relative`, the outermost first."""
    return [*reversed(relative.parents)][1:]


def _read(path: Path) -> list[str]:
    try:
        with path.open("rb") as file:
            return file.read(_LARGEST).decode("utf-8", "replace").splitlines()
    except OSError:
        return []
