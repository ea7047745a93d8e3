"""Weights of the embedded model: which files we know by digest, and where they are kept.

A file is checked once, when it arrives; the user's own cache is trusted after that. How the toy
model's file is downloaded is in `fetch`.

WeightsError
  NotFetched     pip could not bring the file
  NotTheFile     what arrived, or was given, is not a file that we may keep
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from filelock import FileLock

_CHUNK = 1 << 20


class WeightsError(Exception):
    """`str()` is for the person: what happened, and one thing to do."""


class NotFetched(WeightsError):
    """The download did not come to an end."""


class NotTheFile(WeightsError):
    """It is no model file, or its digest is not a pinned one."""


@dataclass(frozen=True, slots=True)
class Weights:
    """A GGUF file that we know; `name` is how requests and the kept file call it."""

    name: str
    title: str
    size: int
    sha256: str


SMOLLM2 = Weights(
    "smollm2-135m",
    "SmolLM2-135M-Instruct Q4_1",
    98_362_432,
    "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
)
QWEN_CODER = Weights(
    "qwen2.5-coder-1.5b",
    "Qwen2.5-Coder-1.5B-Instruct Q4_K_M",
    1_117_320_768,
    "cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
)
KNOWN = (QWEN_CODER, SMOLLM2)

Progress = Callable[[str, int, int], None]
"""`(what, bytes done, bytes in all)`."""


def folder(environ: Mapping[str, str] = os.environ) -> Path:
    """Where the files are kept: in the user's cache, as the system has it."""
    if cache := environ.get("XDG_CACHE_HOME"):
        base = Path(cache)
    elif sys.platform == "win32" and (local := environ.get("LOCALAPPDATA")):
        base = Path(local)
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = Path.home() / ".cache"
    return base / "codex-lsp" / "models"


def kept(within: Path) -> list[Path]:
    """The files that can be served, best first: Qwen, what the person vouched for, the toy."""
    best, toy = (within / f"{weights.name}.gguf" for weights in KNOWN)
    others = sorted(set(within.glob("*.gguf")) - {best, toy})
    return [path for path in (best, *others, toy) if path.is_file()]


def add(source: Path, within: Path, progress: Progress, *, vouched: bool = False) -> Path:
    """Keep a copy of the person's own file; raises `WeightsError`.

    Only files of a pinned digest are taken, unless the person has `vouched` for this one.
    """
    try:
        with source.open("rb") as file, scratch(within) as aside:
            size = os.fstat(file.fileno()).st_size
            if file.read(4) != b"GGUF":
                raise NotTheFile(f"{source.name} is not a GGUF file, as llama.cpp runs them.")
            if not vouched and size not in {weights.size for weights in KNOWN}:
                raise NotTheFile(_unknown(source))
            file.seek(0)
            # The digest is that of the copy, so nobody can swap the file between look and copy.
            arrived = copy_hashed(file, aside / "weights", size, progress)
            known = next((w for w in KNOWN if (w.size, w.sha256) == arrived), None)
            if known is None and not vouched:
                raise NotTheFile(_unknown(source))
            target = within / f"{known.name if known else _own_name(source)}.gguf"
            (aside / "weights").replace(target)
    except OSError as error:
        raise WeightsError(f"{source} could not be read or kept: {error.strerror}.") from error
    return target


def remove(name: str, within: Path) -> bool:
    """Delete a kept file by its name without `.gguf`; False if there is none."""
    target = next((path for path in kept(within) if path.stem == name), None)
    if target is None:
        return False
    target.unlink()
    return True


@contextmanager
def scratch(within: Path) -> Iterator[Path]:
    """A folder beside the kept files, alone for us; what a killed process left goes with it."""
    within.mkdir(parents=True, exist_ok=True)
    with FileLock(within / ".lock"):
        for left_behind in within.glob(".new-*"):
            shutil.rmtree(left_behind, ignore_errors=True)
        with tempfile.TemporaryDirectory(prefix=".new-", dir=within) as aside:
            yield Path(aside)


def copy_hashed(source: IO[bytes], target: Path, most: int, progress: Progress) -> tuple[int, str]:
    """Copy and sync; size and SHA-256 of what was copied. Stops when it is more than `most`."""
    digest = hashlib.sha256()
    done = 0
    with target.open("xb") as copy:
        while done <= most and (chunk := source.read(_CHUNK)):
            done += len(chunk)
            digest.update(chunk)
            copy.write(chunk)
            progress("check", min(done, most), most)
        copy.flush()
        os.fsync(copy.fileno())
    return done, digest.hexdigest()


def _unknown(source: Path) -> str:
    names = ", ".join(weights.title for weights in KNOWN)
    return (
        f"{source.name} is none of the files we know by checksum ({names}). Native code reads it: "
        "if you trust where it came from, add it with --any."
    )


def _own_name(source: Path) -> str:
    """A file name for an unknown file that is not the name of a known one."""
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", source.stem).strip("-.") or "model"
    return f"{name}-own" if name in {weights.name for weights in KNOWN} else name
