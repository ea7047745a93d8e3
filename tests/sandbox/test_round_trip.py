"""Whatever a command does to the files, with texts unsaved: what is there once it was taken over is
what would be there had the texts been saved and the command been run in place.

A failure prints its seed; CODEX_LSP_ROUND_TRIP_SEED replays it, CODEX_LSP_ROUND_TRIPS is how many.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest

from codex_lsp.sandbox.policy import Policy
from codex_lsp.sandbox.runner import Runner
from tests.sandbox import backing
from tests.sandbox.open_texts import FORM, OpenTexts, Tools, tree

ROUNDS = int(os.environ.get("CODEX_LSP_ROUND_TRIPS", "12"))
NAMES = ["a.txt", "b.py", "c", "d/e.txt", "d/f/g.txt", "d/f/h", "i/j.log", "out/k.o", "out/l/m.txt"]

SCRIPT = """
import json, os, pathlib, shutil, sys
for verb, name, other, data in json.loads(sys.argv[1]):
    path, second = pathlib.Path(name), pathlib.Path(other)
    try:
        if verb == "write":
            path.parent.mkdir(parents=True, exist_ok=True); path.write_bytes(bytes.fromhex(data))
        elif verb == "append":
            with path.open("ab") as file: file.write(bytes.fromhex(data))
        elif verb == "replace":
            new = path.with_name(path.name + ".new"); new.write_bytes(bytes.fromhex(data)); os.replace(new, path)
        elif verb == "delete": path.unlink()
        elif verb == "rename": os.replace(path, second)
        elif verb == "tree": shutil.rmtree(path.parent) if path.parent != pathlib.Path() else None
        elif verb == "again": shutil.rmtree(path.parent); path.parent.mkdir(); path.write_bytes(bytes.fromhex(data))
        elif verb == "file": shutil.rmtree(path.parent); path.parent.write_bytes(bytes.fromhex(data))
        elif verb == "folder": path.unlink(); path.mkdir(); (path / "in").write_bytes(bytes.fromhex(data))
        elif verb == "chmod": path.chmod(int(data[:2], 16) % 2 and 0o755 or 0o600)
        elif verb == "link": path.parent.mkdir(parents=True, exist_ok=True); path.unlink(missing_ok=True); path.symlink_to(os.path.relpath(second, path.parent))
        elif verb == "mkdir": path.mkdir(parents=True)
        elif verb == "touch": path.touch()
        elif verb == "move": shutil.move(path.parent, second.parent / "moved") if path.parent != pathlib.Path() else None
    except OSError as error:
        print(verb, name, type(error).__name__)
"""  # noqa: E501 - one verb a line reads best
VERBS = [
    "write", "append", "replace", "delete", "rename", "tree", "again", "file", "folder", "chmod",
    "link", "mkdir", "touch", "move",
]  # fmt: skip


def content(random: Random, *, binary: bool) -> bytes:
    if binary and random.random() < 0.4:
        return random.randbytes(random.randrange(1, 40))
    lines = [random.choice(["one", "two", "žluť", "", "x = 1"]) for _ in range(random.randrange(5))]
    return "\n".join(lines).encode()


def planted(random: Random, root: Path, *, binary: bool) -> dict[Path, str]:
    """A tree; the texts of some of its files are changed, unsaved, if it is all text."""
    root.mkdir(parents=True)
    if random.random() < 0.5:
        (root / ".gitignore").write_text("*.log\nout/\n")
    texts: dict[Path, str] = {}
    for name in random.sample(NAMES, random.randrange(3, len(NAMES))):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        data = content(random, binary=binary)
        path.write_bytes(data)
        path.chmod(random.choice([0o644, 0o755, 0o600]))
        if not binary and random.random() < 0.5:
            texts[path] = data.decode() + random.choice(["", "\nunsaved", "\n\n"])
    return texts


def operations(random: Random, *, binary: bool) -> list[tuple[str, str, str, str]]:
    return [
        (
            random.choice(VERBS),
            random.choice(NAMES),
            random.choice(NAMES),
            content(random, binary=binary).hex() or "0a",
        )
        for _ in range(random.randrange(1, 9))
    ]


def expected(folder: Path, root: Path, texts: dict[Path, str], given: str) -> Path:
    """A copy in which the texts were saved and the command was run in place."""
    copy = folder / "direct"
    shutil.copytree(root, copy, symlinks=True)
    for path, text in texts.items():
        (copy / path.relative_to(root)).write_text(text)
    run = [sys.executable, "-I", "-c", SCRIPT, given]
    subprocess.run(run, cwd=copy, check=True, stdout=subprocess.DEVNULL)
    return copy


@pytest.mark.timeout(120 + 2 * ROUNDS)
@pytest.mark.parametrize("backend", backing.NAMES)
async def test_taking_over_gives_what_running_in_place_would_have_given(
    tmp_path: Path, backend: str
) -> None:
    replay = os.environ.get("CODEX_LSP_ROUND_TRIP_SEED")
    first = Random().randrange(1 << 32) if replay is None else int(replay)
    runner = Runner(lambda _roots: Policy(), os.environ, backing.only(backend))
    rounds = ROUNDS if backend == "overlay" else ROUNDS // 3
    try:
        for seed in range(first, first + (rounds if replay is None else 1)):
            # What is ignored is not copied, and cannot be written in a copy.
            ignores = backend == "overlay"
            await one_round(tmp_path / str(seed), seed, runner, ignores=ignores)
    finally:
        await runner.aclose()


async def one_round(folder: Path, seed: int, runner: Runner, *, ignores: bool) -> None:
    random = Random(seed)
    root = (folder / "project").resolve()
    # An open document cannot be made something that is no text: that is refused, and tested so.
    binary = random.random() < 0.3
    texts = planted(random, root, binary=binary)
    if not ignores:
        (root / ".gitignore").unlink(missing_ok=True)
    opened = [str(path.relative_to(root)) for path in texts]
    given = json.dumps(operations(random, binary=binary))
    copy = expected(folder, root, texts, given)
    before = tree(root)
    window = OpenTexts(root, dict(texts))
    tools = Tools(window, runner)
    (folder / "script.py").write_text(SCRIPT)
    command = f"{sys.executable} -I -c \"$SCRIPT\" '{given}'"
    call = json.dumps({"cmd": f"SCRIPT=$(cat <<'EOF'\n{SCRIPT}\nEOF\n)\n{command}"})
    answer = await tools.exec.run(call)
    await tools.commands.close()
    found = FORM.fullmatch(answer.text)
    said = f"seed {seed}: {answer.text}\n{given}\nopen: {opened}\nbefore: {before}"
    assert found, said
    assert found["code"] == "0", said
    for path, text in window.texts.items():
        if path.exists() and path.is_file():
            path.write_text(text)
    assert tree(root) == tree(copy), said
