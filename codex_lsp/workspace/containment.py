"""Which paths a turn may touch: inside a workspace root by every resolved component, and not one of
the files that configure tools (those are code that runs later, so they are never changed unasked).

The check is made on what the path resolves to now. That no link is swapped in between it and the
write is `places`' business.
"""

from __future__ import annotations

import os
import re
import stat
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path, PurePosixPath

# Names (folded) whose files configure a tool that runs code: as a path component, or as a suffix.
PROTECTED_COMPONENTS = frozenset(
    {
        ".git", ".codex", ".agents", ".vscode", ".idea", ".zed", ".helix", ".husky", ".cursor",
        ".claude", ".nvim.lua", ".exrc", ".dir-locals.el", ".pre-commit-config.yaml",
        ".mcp.json", ".npmrc", "agents.md", "agents.override.md",
    }
)  # fmt: skip
PROTECTED_NAMES = frozenset({".env", ".envrc"})  # of files; a folder `.env` holds a Python
PROTECTED_NAME_PREFIXES = (".env.", ".yarnrc")
PROTECTED_SUFFIXES = (".code-workspace",)
PROTECTED_PAIRS = frozenset({(".github", "workflows")})

# Files (folded names) that are there to hold passwords, keys and tokens; `auth.json` is Codex's.
SECRET_NAMES = frozenset(
    {"auth.json", ".netrc", ".pypirc", ".pgpass", ".git-credentials", ".env", ".envrc"}
)
SECRET_PREFIXES = (".env.", ".yarnrc", ".npmrc", "id_rsa", "id_dsa", "id_ecdsa", "id_ed25519")
SECRET_SUFFIXES = (".pem", ".key", ".p12", ".pfx", ".jks", ".keystore", ".kdbx")

# What file systems and people do not see: joiners, marks of direction, selectors, fillers, tags.
_UNSEEN = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e"
    "\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U000e0000-\U000e0fff]"
)
_SHORT = re.compile(r"[^.~]{1,7}~\d{1,6}(?:\.[^.]{0,3})?")
_SYSTEM = ("/proc/", "/dev/", "/sys/")
_DRIVE = re.compile(r"[A-Za-z]:")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:")


@dataclass(frozen=True, slots=True)
class Inside:
    """A path below `root`, resolved. A `protected` one configures tools or holds secrets."""

    path: Path
    root: Path
    protected: bool


@dataclass(frozen=True, slots=True)
class Outside:
    """A path that may not be used, and why, in words for the model and the person."""

    reason: str


def resolve(raw: str, roots: Sequence[Path]) -> Inside | Outside:
    """Place `raw` (relative to the first root, or absolute) inside `roots`.

    Roots must be resolved. Nothing is opened; a file that does not exist yet is fine.
    """
    if problem := _malformed(raw):
        return Outside(problem)
    if not roots:
        return Outside("no workspace folder is open")
    try:
        path = (roots[0] / raw).resolve()
    except (OSError, RuntimeError) as error:
        return Outside(f"{raw}: its links cannot be followed ({error})")
    root = next((root for root in roots if path.is_relative_to(root)), None)
    if root is None:
        return Outside(f"{raw} is outside the workspace")
    if problem := _special(path):
        return Outside(f"{raw} {problem}")
    named = PurePosixPath(raw.replace("\\", "/"))
    return Inside(path, root, guarded(path, root) or is_protected(named))


def guarded(path: Path, root: Path) -> bool:
    """Whether `path` (resolved, below `root`) is not to be shown, or changed unasked: what it is
    called and what it is for decide, and whether all of `root` is a tool's.
    """
    return is_protected(path.relative_to(root)) or belongs_to_a_tool(root) or may_hold_secrets(path)


def is_protected(relative: PurePosixPath | Path) -> bool:
    """True for a path that configures a tool, whatever its case or Unicode form."""
    parts = [fold(part) for part in relative.parts]
    name = parts[-1] if parts else ""
    return (
        any(_belongs(part) for part in parts)
        or any(pair in PROTECTED_PAIRS for pair in pairwise(parts))
        or name in PROTECTED_NAMES
        or name.startswith(PROTECTED_NAME_PREFIXES)
    )


def _belongs(part: str) -> bool:
    """A short name (`GIT~1`) may be that of anything, so it counts as well."""
    return (
        part in PROTECTED_COMPONENTS
        or part.endswith(PROTECTED_SUFFIXES)
        or _SHORT.fullmatch(part) is not None
    )


def may_hold_secrets(path: PurePosixPath | Path) -> bool:
    """True for a file whose usual content is passwords and keys: it is not sent anywhere."""
    name = fold(path.name)
    return (
        name in SECRET_NAMES or name.startswith(SECRET_PREFIXES) or name.endswith(SECRET_SUFFIXES)
    )


def fold(name: str) -> str:
    """`name` as a file system compares it that ignores case, Unicode form, what cannot be seen,
    trailing dots and spaces, and takes what follows a colon for a stream of the file.
    """
    name = _UNSEEN.sub("", unicodedata.normalize("NFKC", name)).casefold()
    stem = name.split(":", 1)[0]
    return unicodedata.normalize("NFKC", stem).rstrip(". ")


def belongs_to_a_tool(root: Path) -> bool:
    """True for a root such as `~/.codex` or `.git/hooks`, which a file opened alone can lead to.

    Only its last two names count: tools keep whole work trees further down in their folders.
    """
    parts = tuple(fold(part) for part in root.parts)
    return (
        ".git" in parts
        or not PROTECTED_COMPONENTS.isdisjoint(parts[-2:])
        or parts[-2:] in PROTECTED_PAIRS
    )


def _malformed(raw: str) -> str | None:
    if not raw.strip():
        return "the path is empty"
    if any(ord(char) < ord(" ") for char in raw):
        return "the path contains a control character"
    slashed = raw.replace("\\", "/")
    if slashed.startswith("//"):
        return f"{raw} is a network path"
    if os.name == "nt":
        return f"{raw} names an alternate data stream" if ":" in raw[2:] else None
    if _DRIVE.match(raw) or _SCHEME.match(raw):
        return f"{raw} is a path of another system, or an address: give one from the folder"
    if "\\" in raw:
        return f"{raw} has backslashes: write the path with slashes"
    if slashed.startswith(_SYSTEM):
        return f"{raw} is no file on a disk"
    return None


def _special(path: Path) -> str | None:
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    except OSError as error:
        return f"cannot be looked at ({error.strerror})"
    if not stat.S_ISREG(status.st_mode):
        return "is not a regular file"
    if status.st_nlink > 1:
        return "has several hard links: a change would show in other places too"
    return None
